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
