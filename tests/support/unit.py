"""Unit tests: no network, no AWS, no clock that can make them flaky."""

from collections.abc import Iterator

import pytest
from hypothesis import settings
from pytest_socket import disable_socket, enable_socket

from infra.settings import integer_setting, setting

# A red build should be about the change, not about luck or a slow machine.
settings.register_profile("unit", deadline=None, derandomize=True, max_examples=40)
settings.load_profile("unit")


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    """Opening a network socket fails the test; asyncio's own socket pair is a Unix one."""
    disable_socket(allow_unix_socket=True)
    yield
    enable_socket()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Environment variables can be set, and are read anew."""
    setting.cache_clear()
    integer_setting.cache_clear()
    yield monkeypatch
    setting.cache_clear()
    integer_setting.cache_clear()
