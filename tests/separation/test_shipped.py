"""The separators that ship with the package: small, complete, described, and usable by name."""

from pathlib import Path

import numpy as np
import pytest

from sep_pipeline.separation import load_separator
from sep_pipeline.separation.lookup import DEFAULT_LIVE_MODEL, DEFAULT_MODEL, SHIPPED, known_separators
from sep_pipeline.separation.streaming import load_streaming_separator

MAX_FILE_BYTES = 16 * 2**20
MAX_TOTAL_BYTES = 25_000_000

SEPARATORS = {known.name: known for known in known_separators(Path("nowhere"))}


def test_the_defaults_ship_and_all_are_small() -> None:
    assert {DEFAULT_MODEL, DEFAULT_LIVE_MODEL} <= set(SEPARATORS)
    sizes = [path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file()]
    assert max(sizes) < MAX_FILE_BYTES
    assert sum(sizes) < MAX_TOTAL_BYTES


@pytest.mark.parametrize("name", SEPARATORS)
def test_a_shipped_separator_separates_and_is_described(name: str) -> None:
    known = SEPARATORS[name]
    separator = load_separator(known.folder)
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, (separator.num_channels, 20_000)).astype(np.float32)
    estimates = separator.separate(noise)
    assert estimates.shape == (len(separator.stems), separator.num_channels, 20_000)
    assert np.isfinite(estimates).all()
    assert np.abs(estimates).max() > 0
    text = (known.folder / "README.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {name}\n")
    for heading in ("Model", "Data", "Training", "Size", "Limits", "Licence"):
        assert f"- **{heading}**: " in text
    assert all(f"| {stem} | " in text for stem in separator.stems)
    assert "not recorded music" in text
    assert known.card.licence == "CC-BY-4.0"
    assert known.card.steps > 0


def test_the_live_default_streams() -> None:
    separator = load_streaming_separator(SEPARATORS[DEFAULT_LIVE_MODEL].folder)
    assert separator.stems == load_separator(SEPARATORS[DEFAULT_MODEL].folder).stems


def scores_of(card: str) -> str:
    """uSDR by stem as the page has it: "drums 4.50, bass 2.32"."""
    rows = [row.split("|") for row in card.splitlines() if row.startswith("| ")][1:]
    return ", ".join(f"{row[1].strip()} {row[3].strip()}" for row in rows)


def test_the_page_lists_what_ships_with_the_scores_of_the_cards(project_path: Path) -> None:
    page = (project_path / "docs" / "shipped_models.md").read_text(encoding="utf-8")
    rows = {row.split("|")[1].strip(" `"): row for row in page.splitlines() if row.startswith("| `")}
    assert set(rows) == set(SEPARATORS)
    for name, known in SEPARATORS.items():
        assert scores_of((known.folder / "README.md").read_text(encoding="utf-8")) in rows[name]
