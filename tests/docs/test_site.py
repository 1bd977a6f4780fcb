"""`make docs`: the site builds without a warning, hangs together, and fetches nothing."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

PROJECT = Path(__file__).parents[2]
ADDRESSES = {"a": "href", "link": "href", "script": "src", "img": "src", "source": "src", "iframe": "src"}


class Page(HTMLParser):
    """What a page points to, and what can be pointed to in it.

    Attributes:
        links: Tag and address of everything that refers to another place.
        anchors: Every id.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.anchors.add(given.get("id") or "")
        if address := given.get(ADDRESSES.get(tag, "")):
            self.links.append((tag, address))


@cache
def page_of(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("documentation")
    options = ["--quiet", "--fail-on-warning", "--keep-going", "-c", "docs", "-d", str(folder / "doctrees")]
    result = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, ".", str(folder / "site")],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    return folder / "site", result


@pytest.fixture
def site(build: tuple[Path, subprocess.CompletedProcess[str]]) -> Path:
    return build[0]


def test_the_site_builds_without_a_warning(
    build: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    assert build[1].stderr == ""
    assert build[1].returncode == 0


def test_every_page_of_the_documentation_is_on_the_site(site: Path) -> None:
    pages = {path.relative_to(PROJECT).with_suffix(".html") for path in PROJECT.glob("docs/**/*.md")}
    assert pages
    assert {page for page in pages if not (site / page).is_file()} == set()


def test_the_site_starts_with_the_readme(site: Path) -> None:
    assert (site / "index.html").read_bytes() == (site / "README.html").read_bytes()


def test_the_reference_shows_what_programs_import(site: Path) -> None:
    anchors = page_of(site / "docs" / "reference.html").anchors
    assert {
        "sep_pipeline.separation.load_separator",
        "sep_pipeline.audio.io.read_audio",
        "sep_pipeline.errors.NoInputError",
    } <= anchors


def test_every_internal_link_leads_to_a_page_and_a_heading(site: Path) -> None:
    broken = []
    for path in site.rglob("*.html"):
        for _, address in page_of(path).links:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc or not (parts.path or parts.fragment):
                continue
            target = path.parent / unquote(parts.path) if parts.path else path
            is_page = target.suffix == ".html" and target.is_file()
            anchors = page_of(target.resolve()).anchors if is_page else set()
            if not target.exists() or (is_page and unquote(parts.fragment) not in anchors | {""}):
                broken.append(f"{path.relative_to(site)}: {address}")
    assert broken == []


def test_the_site_fetches_nothing_from_elsewhere(site: Path) -> None:
    foreign = {
        address
        for path in site.rglob("*.html")
        for tag, address in page_of(path).links
        if tag != "a" and urlsplit(address).netloc
    }
    assert foreign == set()
