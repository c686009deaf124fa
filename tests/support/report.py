"""What the long tests found, for people: printed, and kept in a Markdown file by `make faults`."""

import re
import sys
from pathlib import Path

import pytest


class Report:
    """One file; each test replaces its own section of it."""

    def __init__(self, path: Path | None, capture: pytest.CaptureFixture[str]) -> None:
        self._path = path
        self._capture = capture

    def say(self, text: str) -> None:
        """Print past pytest's capture."""
        with self._capture.disabled():
            sys.stdout.write(f"\n{text}")
            sys.stdout.flush()

    def section(self, title: str, text: str) -> None:
        """Print a section, and keep it if there is a file to keep it in."""
        self.say(f"{title}\n{text}\n")
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        before = self._path.read_text() if self._path.exists() else ""
        others = re.sub(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", "", before, flags=re.M | re.S)
        self._path.write_text(f"{others.rstrip()}\n\n## {title}\n\n{text.rstrip()}\n".lstrip())
