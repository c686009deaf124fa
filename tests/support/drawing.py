"""Drawings for the docs, as SVG."""

from collections.abc import Iterable


def svg(title: str, width: float, height: float, parts: Iterable[str]) -> str:
    """A drawing on white; the title is for those who cannot see it."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
            ' font-family="sans-serif" font-size="10" role="img">',
            f"<title>{title}</title>",
            f'<rect width="{width}" height="{height}" fill="#fff"/>',
            *parts,
            "</svg>\n",
        ]
    )


def tick(x: float, top: float, bottom: float, text: str) -> list[str]:
    """A line from top to bottom, and what it stands for, at the very top."""
    return [
        f'<path d="M{x:.1f} {top}V{bottom}" stroke="#ddd"/>',
        f'<text x="{x:.1f}" y="14" fill="#555">{text}</text>',
    ]
