"""The page read as a browser would: structure, nothing from outside, everything inside."""

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from sep_pipeline.errors import ConfigurationError
from sep_pipeline.reporting.page import render_page
from sep_pipeline.reporting.page.document import cell_text

VOID = {"meta", "img", "input", "br", "hr", "link"}
LOADING = {"src", "href", "srcset", "poster", "data", "action"}


class Reader(HTMLParser):
    """Tags with their attributes, cells by table, and whether tags are closed in order."""

    def __init__(self):
        super().__init__()
        self.tags, self.open, self.tables, self.table = [], [], {}, None

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.table = self.tables.setdefault(dict(attrs).get("data-name", ""), [])
        elif tag in ("td", "th") and self.table is not None:
            self.table.append("")

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag == "table":
            self.table = None

    def handle_data(self, data):
        if self.table and self.open and self.open[-1] in ("td", "th"):
            self.table[-1] += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def text(small_page):
    return render_page(small_page, max_megabytes=12)


@pytest.fixture(scope="module")
def page(text):
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    return reader


def test_nothing_is_loaded_from_elsewhere(page, text):
    for _, attributes in page.tags:
        for name in LOADING & attributes.keys():
            assert attributes[name].startswith(("data:", "#")), attributes
    assert not page.all("link")
    assert not re.search(r"@import|url\(|https?://", text)


def test_a_policy_forbids_what_the_page_does_not_need(page):
    (policy,) = (tag for tag in page.all("meta") if "http-equiv" in tag)
    assert policy["content"].startswith("default-src 'none'")


def test_every_cell_of_every_table_is_there(page, small_page):
    for table in small_page.tables:
        expected = [*table.frame.columns, *map(cell_text, table.frame.to_numpy(dtype=object).ravel())]
        assert page.tables[table.name] == expected


def test_text_of_results_is_never_taken_for_html(page, text):
    assert "&lt;b&gt;scratch" in text
    assert not page.all("b")


def test_every_clip_has_its_sound_and_its_picture(page, small_page):
    clips = [clip for song in small_page.listening.songs for clip in song.clips]
    sounds = [tag["src"].partition(",")[2] for tag in page.all("audio")]
    pictures = {tag["src"].partition(",")[2] for tag in page.all("img")}
    assert [base64.b64decode(sound) for sound in sounds] == [clip.audio for clip in clips]
    assert {base64.b64decode(picture) for picture in pictures} >= {clip.picture for clip in clips}


def test_every_button_and_field_has_a_name(page, text):
    assert all(tag.get("aria-label") for tag in page.all("input"))
    buttons = re.findall(r"<button([^>]*)>(.*?)</button>", text, re.DOTALL)
    assert all("aria-label" in attributes or "<strong>" in content for attributes, content in buttons)


def test_every_key_of_the_legend_is_listened_to(text):
    script = text.partition("<script>")[2]
    legend = re.search(r'<ul class="keys".*?</ul>', text, re.DOTALL)[0]
    letters = [key.lower() for key in re.findall(r"<kbd>([A-Z])</kbd>", legend)]
    assert letters == ["p", "m", "r", "a", "n", "t"]
    assert all(re.search(rf"^    {letter}: ", script, re.MULTILINE) for letter in letters)


def test_the_first_table_is_open_and_the_others_can_be_opened(text):
    results = text.partition('<section id="tables">')[2].partition("</section>")[0]
    assert results.index('<article class="table">') < results.index("<summary>Table 2: more</summary>")
    assert results.count("<article") == 1


def test_equal_results_give_equal_text(small_page, text):
    assert render_page(small_page, max_megabytes=12) == text


def test_parts_without_content_are_left_out(small_page):
    bare = render_page(replace(small_page, charts=(), figures=()), max_megabytes=12)
    assert "<h2>Training</h2>" not in bare
    assert "<h2>Figures</h2>" not in bare


def test_a_page_above_its_bound_is_refused(small_page):
    with pytest.raises(
        ConfigurationError, match=r"report.page.max_megabytes.*at most 0.1 MB.*found: 0\.\d MB"
    ):
        render_page(small_page, max_megabytes=0.1)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.23456, "1.235"), (-2.0, "−2"), (float("nan"), "–"), (None, "–"), (500, "500"), ("a", "a"), ("", "")],
)
def test_values_of_cells(value, text):
    assert cell_text(value) == text
