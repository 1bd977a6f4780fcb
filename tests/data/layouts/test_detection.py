import logging
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from sep_pipeline.data.layouts.detection import LAYOUTS, layout_of, read_tree
from sep_pipeline.data.layouts.remixpacks import Remixpacks
from sep_pipeline.errors import ConfigurationError, NoInputError

MakeTree = Callable[..., Path]

TRACKS = ("Erstes Lied", "Second Song", "Terza")
SPLITS = ("train", "validation", "test")
HQ_STEMS = ("mixture", "drums", "bass", "other", "vocals")


def tree(form: str, **axes: tuple[str, ...]) -> list[str]:
    """All names of a form such as "{track}/{stem}.wav"."""
    return [form.format(**dict(zip(axes, values, strict=True))) for values in product(*axes.values())]


def found(root: Path) -> str:
    return layout_of(root)[0].name


@pytest.mark.parametrize(
    ("fixture", "layout"),
    [
        ("slakh_redux", "slakh"),
        ("baby_slakh", "slakh"),
        ("musdb_hq", "musdb_hq"),
        ("bach10", "bach10"),
        ("choirset", "choirset"),
    ],
)
def test_published_data_sets_are_recognised(
    request: pytest.FixtureRequest, fixture: str, layout: str
) -> None:
    assert found(request.getfixturevalue(fixture)) == layout


def test_stems_files_are_recognised_as_musdb18(make_tree: MakeTree) -> None:
    assert (
        found(make_tree(*tree("{split}/{track}.stem.mp4", split=("train", "test"), track=TRACKS)))
        == "musdb18"
    )


def test_published_layouts_are_asked_before_ones_own() -> None:
    own = ["stem_folders", "flat_files", "remixpacks", "track_folders"]
    assert list(LAYOUTS) == ["musdb18", "slakh", "choirset", "bach10", "musdb_hq", *own]


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg", "m4a", "WAV"])
@pytest.mark.parametrize(
    ("form", "layout"),
    [
        ("{track}/{stem}", "track_folders"),
        ("{stem}/{track}", "stem_folders"),
        ("{track}_{stem}", "flat_files"),
        ("{track} - {stem}", "flat_files"),
    ],
)
def test_the_three_trees_of_own_stems_are_told_apart(
    make_tree: MakeTree, form: str, layout: str, suffix: str
) -> None:
    names = tree(f"{form}.{suffix}", track=TRACKS, stem=("piano", "rest", "mixture"))
    assert found(make_tree(*names)) == layout


@pytest.mark.parametrize(
    ("form", "layout"),
    [
        ("{split}/{track}/{stem}.wav", "track_folders"),
        ("{split}/{stem}/{track}.wav", "stem_folders"),
        ("{split}/{track}_{stem}.wav", "flat_files"),
    ],
)
def test_they_are_told_apart_below_split_folders(make_tree: MakeTree, form: str, layout: str) -> None:
    assert found(make_tree(*tree(form, split=SPLITS, track=TRACKS, stem=("piano", "rest")))) == layout


@pytest.mark.parametrize(
    ("names", "layout"),
    [
        (tree("{track}/{stem}.wav", track=TRACKS, stem=("summ", "brumm")), "track_folders"),
        (tree("{track}_{stem}.wav", track=TRACKS, stem=("summ", "brumm")), "flat_files"),
        (tree("{stem}/{track}.wav", track=TRACKS, stem=("Gesang", "Schlagzeug", "brumm")), "stem_folders"),
        (tree("{track}/{track} - {stem}.wav", track=TRACKS, stem=("summ", "brumm")), "track_folders"),
        (
            tree("{artist}/{track}/{stem}.wav", artist=("X", "Y"), track=TRACKS, stem=("summ", "brumm")),
            "track_folders",
        ),
        (["Lied/summ.wav", "Lied/brumm.wav"], "track_folders"),
        (["Lied/drums.wav", "Lied/bass.wav", "Tune/voice.wav", "Tune/cello.wav"], "track_folders"),
        (["Drums/kick.wav", "Drums/snare.wav"], "track_folders"),
        (["Mein_Lied_gesang.wav", "Mein_Lied_rest.wav"], "flat_files"),
        (["A_x.wav", "A_y.wav", "B_x.wav", "B_y.wav", "B_z.wav", "folder/x.wav"], "flat_files"),
        (tree("{number}/{stem}.wav", number=("001", "002"), stem=("vocals", "rest")), "track_folders"),
        (tree("{stem}/{number}.wav", number=("001", "002"), stem=("vocals", "rest")), "stem_folders"),
    ],
)
def test_own_names_are_told_apart(make_tree: MakeTree, names: list[str], layout: str) -> None:
    assert found(make_tree(*names)) == layout


@pytest.mark.parametrize(
    "names",
    [
        ["snare/a.wav", "snare/b.wav", "kick/c.wav", "cymbals/d.wav"],
        ["train/snare/a.wav", "test/snare/b.wav", "train/kick/c.wav", "test/kick/d.wav"],
        ["Kick/Kick 01.wav", "Kick/Kick 02.wav", "Snare/Snare 01.wav", "Snare/Snare 02.wav"],
        ["kick/Deep Kick.wav", "kick/Kick 2.wav", "snare/Dry Snare.wav", "snare/rim.wav"],
    ],
)
def test_source_folders_whose_files_have_different_names_are_loose_recordings(
    make_tree: MakeTree, names: list[str]
) -> None:
    assert found(make_tree(*names)) == "remixpacks"


def test_track_folders_with_mixtures_and_the_four_usual_wav_stems_are_musdb_hq(make_tree: MakeTree) -> None:
    names = tree("{split}/{track}/{stem}.wav", split=("train", "test"), track=TRACKS, stem=HQ_STEMS)
    assert found(make_tree(*names)) == "musdb_hq"


@pytest.mark.parametrize(
    "extra", ["train/Terza/piano.wav", "train/Terza/drums.flac", "valid/Quarta/drums.wav"]
)
def test_with_other_stems_or_splits_they_are_ones_own(make_tree: MakeTree, extra: str) -> None:
    names = tree("{split}/{track}/{stem}.wav", split=("train", "test"), track=TRACKS, stem=HQ_STEMS)
    assert found(make_tree(*names, extra)) == "track_folders"


@pytest.mark.parametrize(
    "names",
    [
        ["Artist/Love.wav", "Artist/Rain.wav", "Band/Sun.wav"],
        ["Artist - Love.mp3", "Artist - Rain.mp3", "Others - Sun.mp3"],
        ["drums.wav", "bass.wav"],
        ["Song/notes.txt"],
        [],
    ],
)
def test_other_folders_are_not_recognised(make_tree: MakeTree, names: list[str]) -> None:
    with pytest.raises(NoInputError, match="no layout recognises"):
        layout_of(make_tree(*names))


def test_an_unrecognised_folder_is_described(make_tree: MakeTree) -> None:
    with pytest.raises(NoInputError) as caught:
        layout_of(make_tree("drums.wav", "bass.wav", "docs/about.txt"))
    assert caught.value.found == "bass.wav, docs/, drums.wav; files: 2 .wav, 1 .txt"


def test_an_unrecognised_folder_is_told_every_pattern(make_tree: MakeTree) -> None:
    with pytest.raises(NoInputError) as caught:
        layout_of(make_tree("drums.wav"))
    assert all(f"{name} {make().pattern}" in str(caught.value.expected) for name, make in LAYOUTS.items())


def test_a_named_layout_is_not_looked_for(make_tree: MakeTree) -> None:
    reader, seen = layout_of(make_tree("Song/drums.wav"), "remixpacks", {"seed": 3})
    assert (reader, seen) == (Remixpacks(seed=3), "named, although nothing of it was recognised")


def test_options_reach_a_reader_that_was_found(make_tree: MakeTree) -> None:
    root = make_tree("snare/a.wav", "snare/b.wav", "kick/c.wav")
    assert layout_of(root, options={"train_share": 0.5})[0] == Remixpacks(train_share=0.5)


def test_an_unknown_layout_is_answered_with_the_nearest_names(make_tree: MakeTree) -> None:
    with pytest.raises(
        ConfigurationError, match=r"one of track_folders, stem_folders.*found: track_folder\)"
    ):
        layout_of(make_tree("Song/drums.wav"), "track_folder")


def test_an_unknown_option_is_answered_with_the_nearest_names(make_tree: MakeTree) -> None:
    with pytest.raises(
        ConfigurationError, match=r"layout_options\.trainshare; expected: one of train_share;"
    ):
        layout_of(make_tree("Song/drums.wav"), "remixpacks", {"trainshare": 0.5})


def test_a_layout_without_options_says_so(make_tree: MakeTree) -> None:
    with pytest.raises(ConfigurationError, match=r"track_folders has no such option.*expected: no option"):
        layout_of(make_tree("Song/drums.wav"), options={"seed": 1})


@pytest.mark.parametrize("layout", ["auto", "track_folders"])
def test_a_missing_folder_is_named(tmp_path: Path, layout: str) -> None:
    with pytest.raises(NoInputError) as caught:
        layout_of(tmp_path / "nowhere", layout)
    assert (caught.value.file, caught.value.parameter) == (tmp_path / "nowhere", "root")


def test_what_was_seen_is_told(make_tree: MakeTree) -> None:
    root = make_tree(*tree("{track}/{stem}.wav", track=TRACKS, stem=("rest", "piano")))
    assert layout_of(root)[1] == "3 folders with files called piano, rest"


@pytest.mark.parametrize(
    ("names", "line"),
    [
        (
            tree("{track}/{stem}.wav", track=TRACKS, stem=("rest", "piano")),
            "own_stems: 3 tracks as <track>/<stem>.wav: piano, rest; no split folders; "
            "layout track_folders (3 folders with files called piano, rest)",
        ),
        (
            [*tree("{split}/{stem}/Song {split}.wav", split=SPLITS, stem=("drums", "rest")), "loose.wav"],
            "own_stems: 3 tracks as <stem>/<track>.wav: drums, rest; train 1, validation 1, test 1; 1 not taken; "
            "layout stem_folders (folders called drums, rest with files of the same names in them)",
        ),
        (
            ["kick/a.wav", "kick/b.wav", "kick/c.wav", "snare/d.wav"],
            "own_stems: 4 unaligned recordings as <source>/<anything>.wav: kick, snare; train 2, test 2; "
            "layout remixpacks (folders called kick, snare with files of different names)",
        ),
    ],
)
def test_one_line_of_the_log_says_what_was_read(
    make_tree: MakeTree, caplog: pytest.LogCaptureFixture, names: list[str], line: str
) -> None:
    with caplog.at_level(logging.INFO):
        read_tree(make_tree(*names))
    assert caplog.messages == [line]
