"""Starting Chromium: Debian's, or the one that $CHROMIUM names."""

import os
import shutil

from playwright.sync_api import Browser, Playwright

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium_path() -> str | None:
    """Where Chromium is, or None."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium")


def launch(playwright: Playwright) -> Browser:
    """A headless Chromium that asks nobody but the pages it opens."""
    return playwright.chromium.launch(executable_path=chromium_path(), args=_ARGUMENTS)
