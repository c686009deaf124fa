"""What goes wrong below the domain, and the root of every error that is raised on purpose."""


class ApplicationError(Exception):
    """Base of every error that the project raises on purpose; rentals/errors.py shows the tree."""


class InvalidSignature(ApplicationError):
    """A webhook or a link whose signature does not verify."""


class TransientFailure(ApplicationError):
    """Something that a retry cures."""


class InfrastructureUnavailable(TransientFailure):
    """An AWS call failed: throttled, unreachable, or an error of the service."""


class WriteContended(TransientFailure):
    """Other writers won every race that was entered."""
