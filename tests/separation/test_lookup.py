"""Separators by name: folders, trained ones, shipped ones, and the nearest names of what is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from sep_pipeline.errors import ConfigurationError, MissingCheckpointError
from sep_pipeline.separation import lookup
from sep_pipeline.separation.card import CARD_NAME
from sep_pipeline.separation.lookup import DEFAULT_MODEL, find_separator, known_separators


def put(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / CARD_NAME).write_text("{}")
    return folder


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two trained separators and two shipped ones."""
    for place in ("open_unmix/umx/seed_0", "jukebox_transfer/scratch/seed_12"):
        put(tmp_path / "06_models" / place / "separator")
    for name in ("compact", DEFAULT_MODEL):
        put(tmp_path / "weights" / name)
    (tmp_path / "weights" / "no_separator").mkdir()
    monkeypatch.setattr(lookup, "SHIPPED", tmp_path / "weights")
    return tmp_path / "06_models"


def test_all_that_can_be_named_are_known(trained: Path) -> None:
    assert [(known.name, known.origin) for known in known_separators(trained)] == [
        ("jukebox_transfer/scratch/12", "trained"),
        ("open_unmix/umx/0", "trained"),
        ("compact", "shipped"),
        (DEFAULT_MODEL, "shipped"),
    ]


def test_names_lead_to_folders(trained: Path, tmp_path: Path) -> None:
    own = put(tmp_path / "own")
    assert find_separator(str(own), trained) == own
    assert find_separator("open_unmix/umx/0", trained) == trained / "open_unmix/umx/seed_0/separator"
    assert find_separator("compact", trained) == tmp_path / "weights" / "compact"
    assert find_separator(None, trained) == tmp_path / "weights" / DEFAULT_MODEL


def test_a_folder_comes_before_a_name(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "compact")
    monkeypatch.chdir(tmp_path)
    assert find_separator("compact", trained) == Path("compact")


def test_an_unknown_name_is_answered_with_the_nearest(trained: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such separator") as caught:
        find_separator("open_unmix/unx/0", trained)
    assert "open_unmix/umx/0" in str(caught.value.expected)
    assert caught.value.found == "open_unmix/unx/0"


def test_without_the_default_one_is_told_how_to_name_another(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "weights" / DEFAULT_MODEL / CARD_NAME).unlink()
    with pytest.raises(MissingCheckpointError, match="kedro run --pipeline=open_unmix") as caught:
        find_separator(None, trained)
    assert "open_unmix/umx/0" in str(caught.value.found)


def test_without_any_separator_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "SHIPPED", tmp_path)
    with pytest.raises(MissingCheckpointError, match="no trained separator in"):
        find_separator(None, tmp_path)
    with pytest.raises(ConfigurationError, match="none that is there"):
        find_separator("umx", tmp_path)


def test_shipped_separators_lie_in_the_package() -> None:
    import sep_pipeline

    assert Path(sep_pipeline.__file__).parent / "weights" == lookup.SHIPPED
