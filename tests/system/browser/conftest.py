"""Customers in Chromium, against a running stack like that of the workflow tests."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.support.shop import FAST, Shop
from tests.system.browser.album import Album
from tests.system.browser.launch import chromium_path, launch
from tests.system.browser.visitor import ColorScheme, Device, Motion, Visit, Visitor
from tools.local.stack import ONE_ADDRESS, LocalStack, Settings, running


def pytest_addoption(parser: pytest.Parser) -> None:
    """Lets `make screenshots` ask for pictures."""
    parser.addoption(
        "--screenshots", type=Path, metavar="FOLDER", help="picture every state of the site there"
    )


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The deployed system, as for the workflow tests but without their recorders."""
    settings = Settings.on_free_ports(
        hold_seconds=600,
        log_dir=tmp_path_factory.mktemp("stack"),
        parameters=ONE_ADDRESS,
        **FAST,
    )
    with running(settings) as stack:
        yield stack
        assert Shop(stack).lasting_violations(is_whole=True) == []


# Not the whole session's: while Playwright runs, no other test could call asyncio.run.
@pytest.fixture(scope="package", autouse=True)
def playwright() -> Iterator[Playwright]:
    """Debian's Chromium, or the one that $CHROMIUM names. CI must have one."""
    if chromium_path() is None:
        message = "NOT RUN: the browser tests need Chromium (apt install chromium, or $CHROMIUM)"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """The one browser of all tests; each visitor has a profile of their own in it."""
    browser = launch(playwright)
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


@pytest.fixture(scope="package")
def album(pytestconfig: pytest.Config) -> Iterator[Album | None]:
    """Where pictures go, when somebody wants them."""
    folder: Path | None = pytestconfig.getoption("screenshots")
    if folder is None:
        yield None
        return
    album = Album(folder)
    yield album
    album.bind()


@pytest.fixture
def picture(album: Album | None, request: pytest.FixtureRequest) -> Callable[[Visitor], None]:
    """Takes a picture of the page as it is, when somebody wants pictures."""

    def picture(visitor: Visitor) -> None:
        if album is not None:
            callspec = getattr(request.node, "callspec", None)
            album.take(visitor, callspec.id if callspec else request.node.name)

    return picture
