"""The environment, read once per process. Only what a function's template entry sets is present;
asking for something else raises KeyError with its name.
"""

import os
from functools import cache


@cache
def setting(name: str) -> str:
    """The environment variable `name`. Raises KeyError when the template does not set it."""
    return os.environ[name]


@cache
def integer_setting(name: str) -> int:
    """The environment variable `name` as an integer. Raises KeyError or ValueError."""
    return int(os.environ[name])


def setting_or(name: str, default: str) -> str:
    """The environment variable `name`, or `default`: for what code outside a function runs with."""
    return os.environ.get(name, default)
