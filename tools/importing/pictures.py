"""Pictures of an import: checked before anything is written, then made in the widths that the site
uses. Nothing of a file but what it shows goes on: cameras write down where and when.
"""

import hashlib
import io
import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from tools.importing.models import CollectibleRow
from tools.importing.reading import Export
from tools.ops.site_pictures import FULL_WIDTH, IMAGES, WIDTHS, widths_of

FOLDER = "images"
_FORMATS = ("JPEG", "PNG", "WEBP")
_NARROWEST = min(WIDTHS)
_MOST_PIXELS = 80_000_000
_MOST_BYTES = 40 * 1024 * 1024
_QUALITY = 82
_BROKEN = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


class Unfit(ValueError):
    """A picture that the site cannot show, and what to do about it."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A file, and its path on the site, which changes with what it shows."""

    file: Path
    path: str

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Its paths on the site in every width, with their content."""
        image = _shown(self.file)
        for path, width in widths_of(self.path).items():
            height = round(image.height * width / image.width)
            scaled = image if image.width <= width else image.resize((width, height))
            content = io.BytesIO()
            scaled.save(content, "JPEG", quality=_QUALITY, optimize=True, progressive=True)
            yield path, content.getvalue()


def check(file: Path) -> Picture:
    """A picture that the site can show. Raises Unfit."""
    if file.stat().st_size > _MOST_BYTES:
        raise Unfit(f"is larger than {_MOST_BYTES >> 20} MB: make it smaller")
    try:
        with Image.open(file, formats=_FORMATS) as image:
            width, height = image.size
            if width * height <= _MOST_PIXELS:
                image.load()
    except _BROKEN as error:
        is_known = not isinstance(error, UnidentifiedImageError)
        why = "is damaged" if is_known else "is no picture of these kinds"
        raise Unfit(f"{why}: save it as JPEG, PNG or WebP") from None
    if width * height > _MOST_PIXELS:
        raise Unfit(f"has {width} x {height} pixels: {FULL_WIDTH} of width are enough")
    if width < _NARROWEST:
        raise Unfit(f"is {width} pixels wide: at least {_NARROWEST} are needed")
    name = re.sub(r"[^a-z0-9]+", "-", file.stem.lower()).strip("-") or "picture"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    return Picture(file, f"{IMAGES}{name[:40]}-{digest}.jpg")


def _shown(file: Path) -> Image.Image:
    """What a browser would show of it: upright, on white, in sRGB."""
    with Image.open(file, formats=_FORMATS) as source:
        image = ImageOps.exif_transpose(source)
    profile = image.info.get("icc_profile")
    if image.has_transparency_data:
        ground = Image.new("RGBA", image.size, "white")
        ground.alpha_composite(image.convert("RGBA"))
        image = ground.convert("RGB")
    if profile:
        try:
            theirs = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            ours = ImageCms.createProfile("sRGB")
            return ImageCms.profileToProfile(image, theirs, ours, outputMode="RGB") or image
        except (ImageCms.PyCMSError, OSError):
            pass  # a profile that does not fit the picture: browsers ignore it, too
    return image.convert("RGB")


def take(export: Export, folder: Path, on_site: Collection[str]) -> None:
    """Give collectibles the paths that their pictures will have on the site, and take out those
    with pictures that cannot be shown; `on_site` are the paths that are there.
    """
    files = sorted((folder / FOLDER).iterdir()) if (folder / FOLDER).is_dir() else []
    by_name = {_same(file.name): file for file in files if file.is_file()}
    checked: dict[str, Picture | Unfit] = {}

    def find(named: str) -> str:
        if named.startswith(IMAGES) and named in on_site:
            return named
        file = by_name.get(_same(named.removeprefix(f"{FOLDER}/")))
        if file is None:
            raise Unfit(_missing(named))
        if file.name not in checked:
            checked[file.name] = _checked(file)
        picture = checked[file.name]
        if isinstance(picture, Unfit):
            raise picture
        export.pictures[picture.path] = picture
        return picture.path

    for row in list(export.rows["Collectibles"].values()):
        assert isinstance(row, CollectibleRow)
        try:
            pictures = [find(each) for each in row.pictures or ()]
            main = find(row.image_url) if row.image_url else next(iter(pictures), "")
        except Unfit as unfit:
            export.reject("Collectibles", row.id, str(unfit))
            continue
        update = {"pictures": pictures or None, "image_url": main}
        export.rows["Collectibles"][row.id] = row.model_copy(update=update)
    if files:
        export.ignored = [each for each in export.ignored if each != FOLDER]
        export.ignored += [f"{FOLDER}/{file.name}" for file in files if file.name not in checked]


def _checked(file: Path) -> Picture | Unfit:
    try:
        return check(file)
    except Unfit as unfit:
        return Unfit(f"{FOLDER}/{file.name} {unfit}")


def _same(name: str) -> str:
    """Systems write the accents of file names in different ways."""
    return unicodedata.normalize("NFC", name)


def _missing(named: str) -> str:
    host = urlsplit(named).netloc
    what = f"{named} is at {host}, and nothing is fetched from there" if host else ""
    what = what or f"neither {FOLDER}/ nor the site has {named}"
    return f"{what}: put the picture into {FOLDER}/ and give its file's name"
