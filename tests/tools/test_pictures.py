"""Pictures of an import: which ones come in, and what becomes of them."""

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms

from tools.importing.models import CollectibleRow
from tools.importing.pictures import Picture, check, take
from tools.importing.plain_text import plain_text
from tools.importing.reading import Export, read_folder

Json = dict[str, Any]

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
COLLECTIBLE = {"id": "col-001", "name": "Vintage Batman", "size": "Small"}
ON_SITE = {"/images/col-001.svg", "/images/kept-0123.jpg"}


def draw(path: Path, size: tuple[int, int] = (500, 400), mode: str = "RGB", **options: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.new(mode, size, "red").save(path, **options)
    return path


def shown(picture: Picture) -> dict[str, Image.Image]:
    return {path: Image.open(io.BytesIO(content)) for path, content in picture.files()}


def rejected(export: Export) -> list[str]:
    return [str(each) for each in export.rejects]


def imported(folder: Path, **change: Any) -> Export:
    """What a folder with one collectible and its pictures brings."""
    (folder / "collectibles.json").write_text(
        CollectibleRow.model_validate(COLLECTIBLE | change)
        .model_dump_json(by_alias=True, exclude_none=True)
        .join("[]")
    )
    export = read_folder(folder)
    take(export, folder, ON_SITE)
    return export


def test_a_picture_is_made_in_every_width_and_never_wider_than_it_was(tmp_path: Path) -> None:
    large = shown(check(draw(tmp_path / "Tin Robot.jpg", (4000, 3000))))
    small = shown(check(draw(tmp_path / "b.png", (600, 300))))

    assert [image.size for image in large.values()] == [(480, 360), (960, 720), (1600, 1200)]
    assert [image.size for image in small.values()] == [(480, 240), (600, 300), (600, 300)]
    name = [*large][-1].removeprefix("/images/").removesuffix(".jpg")
    assert name.startswith("tin-robot-")
    assert [*large] == [f"/images/{name}{width}.jpg" for width in ("-480", "-960", "")]


def test_a_picture_is_upright_and_tells_nothing_but_what_it_shows(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010F] = "Camera"
    turned = draw(tmp_path / "a.jpg", (800, 600), exif=exif)

    image = shown(check(turned)).popitem()[1]

    assert image.size == (600, 800)
    assert not image.getexif()


@pytest.mark.parametrize(
    ("mode", "kind", "options"),
    [
        ("RGBA", "png", {}),
        ("P", "png", {}),
        ("L", "webp", {}),
        ("CMYK", "jpg", {}),
        ("RGB", "jpg", {"icc_profile": SRGB}),
        ("CMYK", "jpg", {"icc_profile": b"no profile"}),
    ],
)  # fmt: skip
def test_pictures_of_every_kind_become_photographs_in_srgb(
    tmp_path: Path, mode: str, kind: str, options: Json
) -> None:
    image = shown(check(draw(tmp_path / f"a.{kind}", mode=mode, **options))).popitem()[1]

    assert (image.format, image.mode) == ("JPEG", "RGB")
    assert "icc_profile" not in image.info


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    Image.new("RGBA", (500, 400), (0, 0, 0, 0)).save(tmp_path / "a.png")

    assert shown(check(tmp_path / "a.png")).popitem()[1].getpixel((9, 9)) == (255, 255, 255)


def test_a_row_gets_the_paths_of_its_pictures_and_the_first_is_the_main_one(tmp_path: Path) -> None:
    for name in ("front.jpg", "Ba\u0303ck.jpg", "unused.jpg"):  # as macOS writes an accent
        draw(tmp_path / "images" / name)

    export = imported(
        tmp_path, pictures=["images/front.jpg", "B\u00e3ck.jpg", "/images/kept-0123.jpg"]
    )

    assert rejected(export) == []
    (row,) = export.rows["Collectibles"].values()
    item = row.to_item()
    front, back, kept = item["pictures"]
    assert item["imageUrl"] == front
    assert {front, back} == export.pictures.keys()
    assert kept == "/images/kept-0123.jpg"
    assert export.ignored == ["images/unused.jpg"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"imageUrl": "https://cdn.example.com/a.jpg"}, "nothing is fetched from there"),
        ({"pictures": ["//cdn.example.com/a.jpg"]}, "cdn.example.com, and nothing is fetched"),
        ({"imageUrl": "/images/col-404.svg"}, "nor the site has /images/col-404.svg"),
        ({"pictures": ["../secret.jpg"]}, "nor the site has ../secret.jpg"),
        ({"pictures": ["text.jpg"]}, "images/text.jpg is no picture of these kinds: save"),
        ({"pictures": ["cut.jpg"]}, "images/cut.jpg is damaged"),
        ({"pictures": ["tiny.jpg"]}, "images/tiny.jpg is 300 pixels wide: at least 480"),
        ({"pictures": ["huge.png"]}, "images/huge.png has 10000 x 8001 pixels"),
        ({"pictures": ["moving.gif"]}, "images/moving.gif is no picture of these kinds"),
    ],
)  # fmt: skip
def test_a_row_whose_pictures_cannot_be_shown_is_refused(
    tmp_path: Path, change: Json, problem: str
) -> None:
    images = tmp_path / "images"
    draw(tmp_path / "secret.jpg")
    draw(images / "tiny.jpg", (300, 300))
    draw(images / "huge.png", (10_000, 8_001), mode="1")
    draw(images / "moving.gif")
    whole = draw(images / "whole.jpg").read_bytes()
    (images / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (images / "text.jpg").write_text("<svg onload='alert(1)'/>")

    (refused,) = rejected(imported(tmp_path, **change))

    assert refused.startswith("collectibles.json:1: col-001: ")
    assert problem in refused


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("<p>Boxed,&nbsp;new</p>\n<ul><li>Tin<li>Key &amp; 1</ul>", "Boxed, new\nTin\nKey & 1"),
        ("a<br/>b<script>alert(1)</script><style>p{}</style>", "a\nb"),
        ("5 < 6 & 7 > 2", "5 < 6 & 7 > 2"),
        ("plain\n\ntext", "plain\n\ntext"),
        ("&lt;b&gt; in words", "<b> in words"),
        ("<!-- hidden -->shown", "shown"),
    ],
)  # fmt: skip
def test_text_in_tags_becomes_text(text: str, plain: str) -> None:
    assert plain_text(text) == plain
    assert CollectibleRow.model_validate(COLLECTIBLE | {"description": text}).description == plain
