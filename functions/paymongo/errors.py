"""How a call of PayMongo's API fails."""

from collections.abc import Sequence

from infra.errors import ApplicationError


class PaymentProviderError(ApplicationError):
    """PayMongo did not do what was asked."""


class PaymentProviderUnavailable(PaymentProviderError):
    """No answer, an unreadable one, or 5xx."""


class PaymentProviderThrottled(PaymentProviderUnavailable):
    """429: more was asked in a second than PayMongo answers."""


class PaymentProviderRejected(PaymentProviderError):
    """PayMongo refused: `status` is the HTTP status, `codes` PayMongo's own error codes."""

    def __init__(self, operation: str, status: int, codes: Sequence[str]) -> None:
        super().__init__(f"{operation}: PayMongo answered {status} {', '.join(codes)}".rstrip())
        self.status = status
        self.codes = tuple(codes)
