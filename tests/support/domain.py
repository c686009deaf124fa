"""The domain in this process, with a local stack's tables, executions and settings."""

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from unittest.mock import patch

from tools.local.stack import LocalStack
from tools.ops.domain import forget

_lock = threading.Lock()
_inside: list[LocalStack] = []
_environment = ExitStack()


@contextmanager
def domain_of(stack: LocalStack) -> Iterator[None]:
    """Inside, `rentals` works on this stack; several threads may be inside at once."""
    with _lock:
        if not _inside:
            _environment.enter_context(patch.dict(os.environ, _settings_of(stack)))
            forget()
        assert {*_inside} <= {stack}
        _inside.append(stack)
    try:
        yield
    finally:
        with _lock:
            _inside.remove(stack)
            if not _inside:
                _environment.close()
                forget()


@cache
def _settings_of(stack: LocalStack) -> dict[str, str]:
    """Those of a function that follows rentals."""
    function = stack.client("lambda").get_function_configuration(
        FunctionName=stack.outputs["FollowFulfillmentFunctionName"]
    )
    variables: dict[str, str] = function["Environment"]["Variables"]
    return variables | stack.settings.client_environment
