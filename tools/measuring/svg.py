"""Drawings for the documentation, as SVG: boxes, lines and words."""

from xml.sax.saxutils import escape


class Drawing:
    """One drawing; sizes and places are in its own units."""

    def __init__(self, title: str, width: float, height: float) -> None:
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
            ' font-family="sans-serif" font-size="10" role="img">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{width}" height="{height}" fill="#fff"/>',
        ]

    def line(self, x: float, top: float, bottom: float, stroke: str = "#ddd") -> None:
        """A vertical line."""
        self._parts.append(f'<path d="M{x:.1f} {top}V{bottom}" stroke="{stroke}"/>')

    def path(self, path: str, stroke: str) -> None:
        """A thick line along an SVG path."""
        self._parts.append(f'<path d="{path}" fill="none" stroke="{stroke}" stroke-width="2"/>')

    def words(self, x: float, y: float, words: str, fill: str = "#333") -> None:
        """One line of text; `y` is its foot."""
        at = f'x="{x:.1f}"' if isinstance(x, float) else f'x="{x}"'
        self._parts.append(f'<text {at} y="{y}" fill="{fill}">{escape(words)}</text>')

    def bar(self, x: float, y: float, width: float, height: float, fill: str) -> None:
        """A filled box."""
        self._parts.append(
            f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}" fill="{fill}"/>'
        )

    def text(self) -> str:
        """The file."""
        return "\n".join([*self._parts, "</svg>"]) + "\n"
