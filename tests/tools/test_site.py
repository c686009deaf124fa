"""The site as it is published."""

import json
import re
from pathlib import Path

import pytest

from tests.support.sources import template
from tools.importing.seed import CATALOGUE
from tools.ops.publishing import page_of
from tools.ops.site_pictures import WIDTHS, widths_of
from tools.sources.site import STATIC, Site, SiteFile


def published(folder: Path = STATIC) -> dict[str, SiteFile]:
    return site(folder).files


def site(folder: Path = STATIC) -> Site:
    """As it is for a stack with the template's own parameters."""
    parameters = {
        name: str(each["Default"])
        for name, each in template()["Parameters"].items()
        if "Default" in each
    }
    return Site("https://shop.example", parameters, folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small site."""
    (tmp_path / "js" / "pages").mkdir(parents=True)
    (tmp_path / "js" / "api.js").write_text("export const answer = 42;")
    (tmp_path / "js" / "pages" / "home.js").write_text('import "../api.js";')
    (tmp_path / "favicon.svg").write_text("<svg/>")
    (tmp_path / "index.html").write_text(
        '<a href="/rent.html">/js/</a><script type="module" src="/js/pages/home.js"></script>'
    )
    return tmp_path


def test_pages_refer_to_assets_by_version(folder: Path) -> None:
    files = published(folder)
    page = files["/index.html"].content.decode()
    versioned = next(path for path in files if path.endswith("/js/pages/home.js"))
    assert f'src="{versioned}"' in page
    assert '<a href="/rent.html">/js/</a>' in page
    assert files["/index.html"].cache_control == "no-cache"
    assert "immutable" in files[versioned].cache_control


def test_any_change_gives_every_asset_a_new_name(folder: Path) -> None:
    before = {path for path in published(folder) if path.startswith("/assets/")}
    (folder / "js" / "api.js").write_text("export const answer = 43;")
    after = {path for path in published(folder) if path.startswith("/assets/")}
    assert len(after) == len(before)
    assert not after & before


def test_pictures_keep_a_plain_name_for_the_catalogue(folder: Path) -> None:
    files = published(folder)
    assert files["/favicon.svg"].cache_control == "public, max-age=3600"
    assert "/js/api.js" not in files


def test_the_index_page_of_a_folder_has_the_folders_paths(folder: Path) -> None:
    """S3 answers a path with what is stored under it, and nothing else."""
    (folder / "desk").mkdir()
    (folder / "desk" / "index.html").write_text("the desk")
    files = published(folder)
    assert files["/desk"] == files["/desk/"]
    assert files["/desk/"].content == b"the desk"
    assert "/desk/index.html" not in files
    assert "/index.html" in files


def test_no_page_of_the_site_refers_to_an_asset_without_a_version() -> None:
    files = published()
    for path, file in files.items():
        if file.media_type != "text/html":
            continue
        page = file.content.decode()
        assert '"/js/' not in page
        assert '"/css/' not in page
        for target in {part.split('"')[0] for part in page.split('"/assets/')[1:]}:
            assert f"/assets/{target}" in files, path


def test_fonts_have_their_media_type(tmp_path: Path) -> None:
    """Whatever the machine's own list of types says."""
    (tmp_path / "fonts").mkdir()
    (tmp_path / "fonts" / "text.woff2").write_bytes(b"wOF2")
    (file,) = published(tmp_path).values()
    assert file.media_type == "font/woff2"


def test_pages_preload_the_modules_that_their_script_needs(folder: Path) -> None:
    """A missing one costs a round trip."""
    (folder / "js" / "api.js").write_text('import { h } from "./dom.js";')
    (folder / "js" / "dom.js").write_text("export const h = 1;")
    (folder / "index.html").write_text('{{ modules("js/pages/home.js") | join(" ") }}')
    assert published(folder)["/index.html"].content == b"js/api.js js/dom.js"


CUSTOMERS = [path for path in STATIC.glob("*.html") if path.parent == STATIC]


@pytest.mark.parametrize("page", CUSTOMERS, ids=lambda page: page.name)
def test_every_page_says_who_sells_on_what_terms(page: Path) -> None:
    seller = json.loads((STATIC / "shop.json").read_text())["seller"]
    html = published()[f"/{page.name}"].content.decode()
    footer = html.partition("<footer")[2]
    for said in seller.values():
        assert said in footer
    for target in re.findall(r'href="/([^"]+\.html)(?:#([^"]+))?"', footer):
        name, anchor = target
        assert not anchor or f'id="{anchor}"' in (STATIC / name).read_text()


def test_a_link_to_a_collectible_has_a_preview_without_scripts() -> None:
    row = {
        "id": "col-9",
        "name": 'Robot "X"',
        "size": "Small",
        "description": "It <b>walks</b>.",
        "pictures": ["/images/x.svg", "/images/x.jpg"],
    }
    found = page_of(site(), row)
    assert found
    path, page = found

    assert path == "/collectibles/col-9"
    said = re.findall(r'<meta property="og:(\w+)" content="([^"]*)" />', page.content.decode())
    assert dict(said) == {
        "site_name": "MongoCollectibles",
        "title": "Robot &#34;X&#34;",
        "description": "It &lt;b&gt;walks&lt;/b&gt;.",
        "url": "https://shop.example/collectibles/col-9",
        "image": "https://shop.example/images/x.jpg",  # messengers show no SVG
    }


def test_what_was_withdrawn_has_no_page() -> None:
    row = {"id": "col-9", "name": "Robot", "size": "Small", "isWithdrawn": True}

    assert page_of(site(), row) is None


def test_photographs_are_there_in_every_width_that_pages_ask_for() -> None:
    asked_for = re.search(r"WIDTHS = \[(.*)\]", (STATIC / "js" / "dom.js").read_text())
    assert asked_for
    assert [int(each) for each in asked_for[1].split(", ")] == list(WIDTHS)
    files = published()
    for row in json.loads((CATALOGUE / "collectibles.json").read_text()):
        for picture in row["pictures"]:
            widths = {picture} if picture.endswith(".svg") else widths_of(picture).keys()
            assert widths <= files.keys()


def test_what_pages_are_made_of_is_not_published() -> None:
    assert not {"/shop.json", "/parts/page.html"} & published().keys()
