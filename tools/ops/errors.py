"""How a command ends when it cannot do what it was asked.

Exit codes: 0 all is well; 1 something was found, refused or failed, and somebody should look; 2 the
command was not understood; 3 the stack, AWS or PayMongo could not be reached or did not allow it.
"""

FOUND = 1
NO_COMMAND = 2
UNREACHABLE = 3


class CommandError(Exception):
    """Said to the person at the terminal: what is wrong, and what to do about it."""

    exit_code = FOUND

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class NotUnderstood(CommandError):
    """What was typed means nothing."""

    exit_code = NO_COMMAND


class CannotReach(CommandError):
    """The stack, AWS or PayMongo did not answer, or refused the caller."""

    exit_code = UNREACHABLE
