"""What the engine starts as a function's execution environment: it has one forked (snapshot.py), or
becomes one itself where nothing forks.

It runs at every cold start: standard library only, and little of it.
"""

import json
import os
import runpy
import socket
from pathlib import Path

# Where the snapshot listens. The engine hands its own variables on to functions.
SNAPSHOT_ADDRESS = "SNAPSHOT_ADDRESS"


def restore(address: str) -> None:
    """Have an environment forked, and return when it has ended. It ends with this process.

    Raises OSError when nobody listens there.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.connect(address)
        request = {"folder": str(Path.cwd()), "variables": dict(os.environ)}
        socket.send_fds(server, [json.dumps(request).encode()], [1, 2])
        server.recv(1)


if __name__ == "__main__":
    if SNAPSHOT_ADDRESS in os.environ:
        restore(os.environ[SNAPSHOT_ADDRESS])
    else:
        runpy.run_path(str(Path(__file__).with_name("lambda_runtime.py")), run_name="__main__")
