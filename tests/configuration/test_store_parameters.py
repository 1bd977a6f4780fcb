from pathlib import Path
from typing import Any

import pytest

from sep_pipeline.configuration.data import StoreParameters
from sep_pipeline.configuration.strict import parse
from sep_pipeline.errors import ConfigurationError


def store(**values: Any) -> StoreParameters:
    return parse(StoreParameters, {"name": "songs", "layout": "slakh", "root": "/songs", **values})


@pytest.mark.parametrize(
    ("layout", "stems"),
    [
        ("slakh", ("drums", "bass", "guitar", "other")),
        ("musdb_hq", ("drums", "bass", "other", "vocals")),
    ],
)
def test_auto_takes_the_stems_of_the_layout(layout: str, stems: tuple[str, ...]) -> None:
    assert store(layout=layout, stems="auto").stems == stems


def test_stems_are_auto_when_not_given() -> None:
    assert store().stems == ("drums", "bass", "guitar", "other")


@pytest.mark.parametrize("stems", ["piano+rest", ["piano", "rest"], ("piano", "rest")])
def test_stems_can_be_joined_or_listed(stems: Any) -> None:
    assert store(stems=stems).stems == ("piano", "rest")


def test_a_single_stem_needs_no_list() -> None:
    assert store(stems="piano").stems == ("piano",)


def test_a_set_without_root_and_rendering_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"either a folder or a rendering .*songs.*found: neither"):
        store(root=None)


def test_a_set_with_both_root_and_rendering_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="found: both"):
        store(rendering={"midi_folder": "midi"})


def test_a_missing_musdb_folder_shows_the_option() -> None:
    with pytest.raises(ConfigurationError, match="--params=musdb_root=/path/to/musdb18hq"):
        store(layout="musdb_hq", root=None)


def test_paths_inside_a_rendering_start_from_the_project() -> None:
    rendering = {"midi_folder": "data/midi", "song_list": "data/songs.csv"}
    parsed = parse(
        StoreParameters,
        {"name": "songs", "layout": "slakh", "rendering": rendering},
        project_path=Path("/project"),
    )
    assert parsed.rendering is not None
    assert parsed.rendering.midi_folder == Path("/project/data/midi")
    assert parsed.rendering.song_list == Path("/project/data/songs.csv")


@pytest.mark.parametrize("name", ["My songs", "a/b", "a.b", ""])
def test_a_set_name_must_do_as_a_folder(name: str) -> None:
    with pytest.raises(ConfigurationError, match="name"):
        store(name=name)
