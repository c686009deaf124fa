"""What tests under a virtual clock measured (measured.json), for docs/scaling.md."""

import json
from pathlib import Path
from typing import Any

_PATH = Path(__file__).parent / "measured.json"


def read() -> dict[str, Any]:
    """The figures by subject: `keys`, `clock`."""
    found: dict[str, Any] = json.loads(_PATH.read_text())
    return found


def write(subject: str, figures: dict[str, Any]) -> None:
    """Replace the figures of one subject."""
    others = read() if _PATH.exists() else {}
    _PATH.write_text(json.dumps(others | {subject: figures}, indent=1, sort_keys=True) + "\n")
