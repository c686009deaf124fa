"""Pictures of every page and state, for people to look at (`make screenshots`)."""

from html import escape
from pathlib import Path

from tests.system.browser.visitor import SIZES, ColorScheme, Device, Visitor

_SCHEMES: list[ColorScheme] = ["light", "dark"]


class Album:
    """A folder of PNG files, and an index.html that shows them side by side."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._names: list[str] = []

    def take(self, visitor: Visitor, name: str) -> None:
        """The page as it is, on desk and phone, in light and dark."""
        self._names.append(name)
        for device in SIZES:
            visitor.page.set_viewport_size(SIZES[device])
            for scheme in _SCHEMES:
                visitor.page.emulate_media(color_scheme=scheme)
                path = self._folder / _file(name, device, scheme)
                visitor.page.screenshot(path=path, full_page=True)

    def bind(self) -> None:
        """Write the index."""
        sections = "".join(
            f"<h2>{escape(name)}</h2><div>"
            + "".join(
                f'<a href="{file}"><img src="{file}" alt="{device}, {scheme}" loading="lazy"></a>'
                for device in SIZES
                for scheme in _SCHEMES
                if (file := escape(_file(name, device, scheme)))
            )
            + "</div>"
            for name in self._names
        )
        (self._folder / "index.html").write_text(
            "<!doctype html><title>The site, page by page</title><style>"
            "body{font:1rem sans-serif;background:#888}div{display:flex;gap:1rem;overflow:auto}"
            f"img{{height:36rem;object-fit:cover;object-position:top}}</style>{sections}",
            encoding="utf-8",
        )


def _file(name: str, device: Device, scheme: ColorScheme) -> str:
    return f"{name.replace(' ', '-')}.{device}.{scheme}.png"
