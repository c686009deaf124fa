"""The site as it is published."""

from pathlib import Path

import pytest

from tools.site import STATIC, published


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


def test_no_page_of_the_site_refers_to_an_asset_without_a_version() -> None:
    files = published()
    for path in STATIC.glob("*.html"):
        page = files[f"/{path.name}"].content.decode()
        assert '"/js/' not in page
        assert '"/css/' not in page
        for target in {part.split('"')[0] for part in page.split('"/assets/')[1:]}:
            assert f"/assets/{target}" in files, path.name
