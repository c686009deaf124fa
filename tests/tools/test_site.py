"""The site as it is published."""

import re
from pathlib import Path

import pytest

from tools.sources.site import STATIC, published


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


@pytest.mark.parametrize("page", sorted(STATIC.rglob("*.html")), ids=lambda page: page.name)
def test_page_preloads_exactly_the_modules_that_it_needs(page: Path) -> None:
    """A missing one costs a round trip, an extra one bytes."""
    html = page.read_text()
    entries = re.findall(r'<script type="module" src="/([^"]+)"', html)
    needed = set().union(*(imports_of(STATIC / entry) for entry in entries))
    assert re.findall(r'<link rel="modulepreload" href="/([^"]+)"', html) == sorted(needed)


def imports_of(module: Path) -> set[str]:
    """The modules that a module imports, and those that they import."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        source = waiting.pop()
        for target in re.findall(r'^import [^"]*"(\.[^"]+)";', source.read_text(), re.MULTILINE):
            path = (source.parent / target).resolve()
            name = path.relative_to(STATIC.resolve()).as_posix()
            if name not in found:
                found.add(name)
                waiting.append(path)
    return found


@pytest.mark.parametrize("part", ["header", "footer"])
def test_every_page_has_the_same_frame(part: str) -> None:
    frames = {
        re.sub(' aria-current="page"', "", frame)
        for page in STATIC.glob("*.html")
        for frame in re.findall(
            rf'<{part} class="site-{part}">.*?</{part}>', page.read_text(), re.DOTALL
        )
    }
    assert len(frames) == 1
