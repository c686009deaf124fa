"""Whose connection one is: the processes that functions run in."""

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import cache, cached_property
from pathlib import Path

import psutil

from tests.support.sources import resources

UNKNOWN = "?"


class Caller:
    """The other end of a connection from `client_port` to `server_port`, both of this machine."""

    def __init__(self, client_port: int, server_port: int) -> None:
        self._ends = f":{client_port:04X}", f":{server_port:04X}"

    @cached_property
    def process(self) -> psutil.Process | None:
        """The function's process: one that this process started. Looked up once for each
        connection: looking takes longer than most calls.

        psutil can tell as well, by reading all that every process of the machine has open, which
        takes longer than everything else that a test does.
        """
        sockets = {f"socket:[{inode}]" for inode in self._inodes()}
        for process in psutil.Process().children(recursive=True):
            files = Path(f"/proc/{process.pid}/fd")
            with suppress(OSError):
                is_there = any(os.readlink(each) in sockets for each in files.iterdir())
                if is_there and function_of(process) != UNKNOWN:
                    return process
        return None

    @cached_property
    def function(self) -> str:
        """The logical id of the function that runs there."""
        return function_of(self.process) if self.process else UNKNOWN

    def kill(self) -> None:
        """End the process, if it is there."""
        if self.process:
            with suppress(psutil.NoSuchProcess):
                self.process.kill()

    def _inodes(self) -> Iterator[str]:
        # The same port may be in use for connections to somewhere else.
        client, server = self._ends
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, remote, _, *rest = line.split()
            if local.endswith(client) and remote.endswith(server) and rest[5] != "0":
                yield rest[5]


def function_of(process: psutil.Process) -> str:
    """The logical id of the function that runs in a process."""
    try:
        # A fork (tools/local/snapshot.py) has the function's name only, what had it forked has its
        # variables.
        named = _functions().get(process.name())
        return named or process.environ().get("AWS_SDK_UA_APP_ID", UNKNOWN)
    except psutil.Error:
        return UNKNOWN


@cache
def _functions() -> dict[str, str]:
    """Logical ids of functions by what the system keeps of their processes' names."""
    return {name[:15]: name for name in resources("AWS::Serverless::Function")}
