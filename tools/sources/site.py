"""The site as it is published: pages that are always asked for anew, and assets under a path that
changes with their content, so that browsers may keep them for ever.

Pages are templates (Jinja): they share a frame (`parts/`), say what `shop.json` and the stack's
parameters say, and preload the modules that their script imports. Each collectible has a page of
its own, since what makes a preview of a link runs no scripts. Modules import each other by relative
paths, so moving them all under `/assets/<version>/` changes nothing in them.
"""

import hashlib
import json
import mimetypes
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tools.sources import ROOT
from tools.sources.openapi import published_description

STATIC = ROOT / "static"
COLLECTIBLES = "/collectibles/"

KEEP_FOR_EVER = "public, max-age=31536000, immutable"
# The catalogue names pictures by a path of its own, so these can change under the same name.
_KEEP_FOR_AN_HOUR = "public, max-age=3600"
_ASK_EVERY_TIME = "no-cache"

_ASSET_REFERENCE = re.compile(r'(?<==")/(?=(?:css|fonts|images|js)/|favicon\.svg)')
_IMPORT = re.compile(r'^import [^"]*"(\.[^"]+)";', re.MULTILINE)
_VERSION_DIGITS = 12
# What pages are made of, and not published itself.
_PARTS, _SHOP, _COLLECTIBLE = "parts/", "shop.json", "parts/collectible.html"
_PREVIEW = "/images/preview.png"

mimetypes.add_type("font/woff2", ".woff2")


@dataclass(frozen=True, slots=True)
class SiteFile:
    """A file as it is served."""

    content: bytes
    media_type: str
    cache_control: str


class Collectible(Protocol):
    """What the page of a collectible shows, `parts/collectible.html` the rest of it."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def pictures(self) -> Sequence[str]:
        """Paths of the site."""


class Site:
    """The site of a stack: its address without a slash, and its template's parameters."""

    def __init__(self, site_url: str, parameters: Mapping[str, str], folder: Path = STATIC) -> None:
        sources = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        self._prefix = f"/assets/{_version(sources)}/"
        self._pages = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._pages.globals |= {
            "site_url": site_url,
            "parameters": parameters,
            "shop": json.loads(sources.get(_SHOP, "{}")),
            "modules": lambda script: modules(sources, script),
        }
        self.files = self._files(sources)
        if folder == STATIC:
            description = published_description()
            self.files["/openapi.json"] = SiteFile(description, "application/json", _ASK_EVERY_TIME)

    def collectible(self, item: Collectible) -> tuple[str, SiteFile]:
        """The path and the page of a collectible."""
        path = COLLECTIBLES + item.id
        photographs = (each for each in item.pictures if not each.endswith(".svg"))
        preview = next(photographs, _PREVIEW)  # messengers show no drawings
        return path, self._page(_COLLECTIBLE, path, preview=preview, item=item)

    def _files(self, sources: Mapping[str, bytes]) -> dict[str, SiteFile]:
        files: dict[str, SiteFile] = {}
        for name, content in sources.items():
            if name.startswith(_PARTS) or name == _SHOP:
                continue
            if name.endswith(".html"):
                files |= {path: self._page(name, path) for path in _paths_of(name)}
                continue
            media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
            files[self._prefix + name] = SiteFile(content, media_type, KEEP_FOR_EVER)
            if not name.startswith(("css/", "fonts/", "js/")):
                files[f"/{name}"] = SiteFile(content, media_type, _KEEP_FOR_AN_HOUR)
        return files

    def _page(self, template: str, path: str, preview: str = _PREVIEW, **values: Any) -> SiteFile:
        path = "/" if path == "/index.html" else path
        page = self._pages.get_template(template).render(path=path, preview=preview, **values)
        content = _ASSET_REFERENCE.sub(self._prefix, page).encode()
        return SiteFile(content, "text/html", _ASK_EVERY_TIME)


def modules(sources: Mapping[str, bytes], script: str) -> list[str]:
    """The modules that a script imports, and those that they import: a page that does not preload
    them waits for one after the other.
    """
    found: set[str] = set()
    waiting = [script]
    while waiting:
        name = waiting.pop()
        for target in _IMPORT.findall(sources[name].decode()):
            path = posixpath.normpath(f"{posixpath.dirname(name)}/{target}")
            if path not in found:
                found.add(path)
                waiting.append(path)
    return sorted(found)


def _paths_of(page: str) -> list[str]:
    """A page's paths. S3 knows no index pages, so that of a folder is stored under its paths."""
    folder = page.removesuffix("/index.html")
    return [f"/{page}"] if folder == page else [f"/{folder}", f"/{folder}/"]


def _version(sources: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in sources.items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:_VERSION_DIGITS]
