import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from sep_pipeline.configuration.data import StoreParameters
from sep_pipeline.configuration.strict import parse
from sep_pipeline.errors import ConfigurationError, NoInputError


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


def test_a_folder_replaces_the_rendering() -> None:
    assert store(rendering={"midi_folder": "midi"}).rendering is None


def test_rendered_songs_need_neither_name_nor_layout_nor_stems() -> None:
    parsed = parse(StoreParameters, {"rendering": {"midi_folder": "midi"}})
    assert (parsed.name, parsed.layout) == ("rendered", "slakh")
    assert parsed.stems == ("drums", "bass", "guitar", "other")


@pytest.mark.parametrize(
    ("ensemble", "stems"),
    [
        ("winds", ("violin", "clarinet", "saxophone", "bassoon")),
        ("choir", ("soprano", "alto", "tenor", "bass")),
    ],
)
def test_chorales_have_a_store_and_stems_of_their_own(ensemble: str, stems: tuple[str, ...]) -> None:
    parsed = parse(StoreParameters, {"rendering": {"chorales": {"ensemble": ensemble}}})
    assert (parsed.name, parsed.stems) == (f"chorales_{ensemble}", stems)


@pytest.fixture
def own_songs(tmp_path: Path) -> Path:
    for song in ("a", "b", "c"):
        for stem in ("piano", "rest"):
            path = tmp_path / "My Songs" / song / f"{stem}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return tmp_path / "My Songs"


def test_layout_stems_and_name_come_from_the_folder(own_songs: Path) -> None:
    parsed = parse(StoreParameters, {"root": str(own_songs)})
    assert (parsed.layout, parsed.stems) == ("track_folders", ("piano", "rest"))
    assert re.fullmatch(r"my_songs_[0-9a-f]{4}", parsed.name)


def test_a_tree_of_musdb_hqs_form_keeps_its_own_stems(tmp_path: Path) -> None:
    for name in (
        "train/a/mixture",
        "train/a/voice",
        "train/a/rest",
        "test/b/mixture",
        "test/b/voice",
        "test/b/rest",
    ):
        path = tmp_path / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert set(store(root=str(tmp_path), layout="musdb_hq").stems) == {"voice", "rest"}


def test_folders_of_one_name_have_stores_of_their_own(own_songs: Path, tmp_path: Path) -> None:
    other = tmp_path / "x" / own_songs.name
    shutil.copytree(own_songs, other)
    first, second = (parse(StoreParameters, {"root": str(root)}) for root in (own_songs, other))
    assert first.name != second.name


def test_a_relative_folder_starts_from_the_project(own_songs: Path) -> None:
    parsed = parse(StoreParameters, {"root": "My Songs"}, project_path=own_songs.parent)
    assert (parsed.root, parsed.layout) == (own_songs, "track_folders")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoInputError) as caught:
        parse(StoreParameters, {"root": str(tmp_path / "no")})
    assert (caught.value.file, caught.value.parameter) == (tmp_path / "no", "root")


def test_values_that_ingestion_refuses_are_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match=r"on_fault\.clippd"):
        store(on_fault={"clippd": "drop"})
    with pytest.raises(ConfigurationError, match=r"splits\.test_share"):
        store(splits={"test_share": 1.0})


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
