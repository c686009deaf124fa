"""`make scaling`: write docs/scaling.md and its drawings."""

from tools.measuring.scaling import page
from tools.sources import ROOT


def main() -> None:
    """Write the page and the drawings."""
    for name, text in page.files().items():
        (ROOT / "docs" / name).write_text(text)


if __name__ == "__main__":
    main()
