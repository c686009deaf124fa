"""What `make bench` measured gets into the pages, and replaces what it had measured before."""

from pathlib import Path

import pytest

from tools.measuring.bench.report import PAGE, README, Section, write, write_headline


def section(name: str, headline: str = "") -> Section:
    made = Section(name, ["buyers", "writes"], headline=headline)
    made.add(16, 1.234)
    return made


@pytest.fixture
def page(tmp_path: Path) -> Path:
    page = tmp_path / "performance.md"
    page.write_text(
        "before\n<!-- bench -->\n<!-- /bench -->\nafter\n"
        "<!-- bench:one -->old<!-- /bench:one -->\n<!-- bench:two -->kept<!-- /bench:two -->\n"
    )
    return page


def test_a_section_replaces_what_its_markers_hold_and_nothing_else(page: Path) -> None:
    write(section("one"), page)

    text = page.read_text()
    assert "| 16 | 1.23 |" in text
    assert "old" not in text
    assert "<!-- bench:two -->kept<!-- /bench:two -->" in text


def test_a_headline_replaces_only_its_sections_own(page: Path) -> None:
    write_headline(section("two", "a"), page)
    write_headline(section("one", "a"), page)
    write_headline(section("two", "b"), page)

    assert page.read_text().startswith(
        "before\n<!-- bench -->\n\n- one: a\n- two: b\n\n<!-- /bench -->\nafter\n"
    )


def test_a_page_without_markers_is_said(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("nothing here")

    with pytest.raises(ValueError, match="has no markers"):
        write(section("one"), page)


@pytest.mark.parametrize(
    "name", ["cold-start", "inventory", "contention", "throughput", "refused", "life"]
)
def test_the_pages_have_the_markers(name: str) -> None:
    assert f"<!-- bench:{name} -->" in PAGE.read_text()
    assert f"\n- {name}: " in README.read_text().split("<!-- bench -->")[1]
