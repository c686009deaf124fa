"""A process that has imported what functions import, to be forked for each execution environment,
as Lambda's SnapStart starts them from a snapshot. Most of a cold start here is these imports.

It imports nothing of the project: a function finds that in its package.
"""

import gc
import json
import os
import runpy
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import NoReturn

import aws_lambda_powertools.event_handler  # noqa: F401
import boto3
import httpx  # noqa: F401
import pydantic  # noqa: F401

_RUNTIME = Path(__file__).with_name("lambda_runtime.py")
_MAX_REQUEST_BYTES = 200_000


def main() -> NoReturn:
    """Fork for each caller at the address that is this command's argument, see bootstrap.py."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
    for service in ("dynamodb", "secretsmanager", "stepfunctions"):
        # What is known of the service stays with the session; keys and region are a function's own.
        boto3.client(service, "us-east-1", aws_access_key_id="-", aws_secret_access_key="-")  # noqa: S106
    gc.freeze()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(sys.argv[1])
        listener.listen(100)
        while True:
            caller, _ = listener.accept()
            request, output, *_ = socket.recv_fds(caller, _MAX_REQUEST_BYTES, 2)
            if request and os.fork() == 0:
                listener.close()
                _become_environment(caller, output, **json.loads(request))
            for each in output:
                os.close(each)
            caller.close()


def _become_environment(
    caller: socket.socket, output: list[int], folder: str, variables: dict[str, str]
) -> NoReturn:
    for each, place in zip(output, (1, 2), strict=True):
        os.dup2(each, place)
        os.close(each)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    # What `ps` and `top` show, and the tests: the first 15 characters of it, proc_pid_comm(5).
    Path("/proc/self/comm").write_text(variables.get("AWS_SDK_UA_APP_ID", "-"))

    def end_with_caller() -> None:
        caller.recv(1)
        os._exit(1)

    threading.Thread(target=end_with_caller, daemon=True).start()
    runpy.run_path(str(_RUNTIME), run_name="__main__")
    sys.exit()


if __name__ == "__main__":
    main()
