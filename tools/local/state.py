"""The folder that state is kept in belongs to one stack at a time."""

import fcntl
from pathlib import Path
from typing import IO


class StartupError(Exception):
    """The stack cannot be started; the message says what to do."""


def hold(state_dir: Path) -> IO[str]:
    """Keep a folder of state for one stack, until the file is closed by all who have it open.

    A second one would start from the same state, and whoever stops last overwrite the other's.
    Raises StartupError.
    """
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        file = (state_dir / "lock").open("w")
    except OSError as error:
        raise StartupError(f"STATE_DIR={state_dir} cannot be used ({error.strerror})") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise StartupError(
            f"another stack runs with STATE_DIR={state_dir}; stop it, or set another folder"
        ) from None
    return file
