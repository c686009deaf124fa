"""Customers in Chromium, against a running stack like that of the workflow tests."""

import os
import shutil
from collections.abc import Iterator
from typing import Protocol

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.visitor import ColorScheme, Device, Motion, Visitor
from tests.workflow.conftest import recorded, shop, stack
from tools.local.stack import LocalStack

__all__ = ["recorded", "shop", "stack"]

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Visit(Protocol):
    """Opens a browser of this kind."""

    def __call__(
        self,
        *,
        device: Device = ...,
        color_scheme: ColorScheme = ...,
        reduced_motion: Motion = ...,
    ) -> Visitor: ...


# Not the whole session's: while Playwright runs, no other test could call asyncio.run.
@pytest.fixture(scope="package", autouse=True)
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, or the one that $CHROMIUM names. CI must have one."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if path is None:
        message = "NOT RUN: the browser tests need Chromium (apt install chromium, or $CHROMIUM)"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser, stack: LocalStack) -> Iterator[Visit]:
    """Opens browsers of different kinds; in the end, none of them may have seen a problem."""
    visitors: list[Visitor] = []

    def visit(
        *,
        device: Device = "desktop",
        color_scheme: ColorScheme = "light",
        reduced_motion: Motion = "no-preference",
    ) -> Visitor:
        visitor = Visitor(
            chromium,
            stack.settings,
            device=device,
            color_scheme=color_scheme,
            reduced_motion=reduced_motion,
        )
        visitors.append(visitor)
        return visitor

    yield visit
    for visitor in visitors:
        visitor.leave()
    assert [problem for visitor in visitors for problem in visitor.problems] == []


@pytest.fixture
def visitor(visit: Visit) -> Visitor:
    """One customer at a desk."""
    return visit()
