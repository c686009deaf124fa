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


def launch(playwright: Playwright, *, back_forward_cache: bool = False) -> Browser:
    """A headless Chromium that asks nobody but the pages it opens.

    Playwright turns the back/forward cache off, because its own idea of a page's frames does not
    always survive it; short tests of it can have it back.
    """
    kept_off = ["--disable-back-forward-cache"] if back_forward_cache else []
    return playwright.chromium.launch(
        executable_path=chromium_path(), args=_ARGUMENTS, ignore_default_args=kept_off
    )
