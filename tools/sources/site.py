"""The site as it is published: pages that are always asked for anew, and assets under a path that
changes with their content, so that browsers may keep them for ever.

There is no build step: modules import each other by relative paths, so moving them all under
`/assets/<version>/` needs no change but in the pages that refer to them.
"""

import hashlib
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path

from tools.sources import ROOT
from tools.sources.openapi import published_description

STATIC = ROOT / "static"

_KEEP_FOR_EVER = "public, max-age=31536000, immutable"
# The catalogue names pictures by a path of its own, so these can change under the same name.
_KEEP_FOR_AN_HOUR = "public, max-age=3600"
_ASK_EVERY_TIME = "no-cache"

_ASSET_REFERENCE = re.compile(r'(?<==")/(?=(?:css|fonts|images|js)/|favicon\.svg)')
_VERSION_DIGITS = 12

mimetypes.add_type("font/woff2", ".woff2")


@dataclass(frozen=True, slots=True)
class SiteFile:
    """A file as it is served."""

    content: bytes
    media_type: str
    cache_control: str


def published(folder: Path = STATIC) -> dict[str, SiteFile]:
    """Every file of the site by its URL path, `/index.html` included."""
    sources = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    prefix = f"/assets/{_version(sources)}/"
    files: dict[str, SiteFile] = {}
    for name, content in sources.items():
        media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        if name.endswith(".html"):
            page = _ASSET_REFERENCE.sub(prefix, content.decode()).encode()
            for path in _paths_of(name):
                files[path] = SiteFile(page, media_type, _ASK_EVERY_TIME)
            continue
        files[prefix + name] = SiteFile(content, media_type, _KEEP_FOR_EVER)
        if not name.startswith(("css/", "fonts/", "js/")):
            files[f"/{name}"] = SiteFile(content, media_type, _KEEP_FOR_AN_HOUR)
    if folder == STATIC:
        description = published_description()
        files["/openapi.json"] = SiteFile(description, "application/json", _ASK_EVERY_TIME)
    return files


def _paths_of(page: str) -> list[str]:
    """A page's paths. S3 knows no index pages, so that of a folder is stored under its paths."""
    folder = page.removesuffix("/index.html")
    return [f"/{page}"] if folder == page else [f"/{folder}", f"/{folder}/"]


def _version(sources: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in sources.items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:_VERSION_DIGITS]
