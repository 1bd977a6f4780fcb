from collections.abc import Callable
from pathlib import Path

import pytest

from sep_pipeline.data.layouts.source import SourceTrack
from sep_pipeline.data.layouts.track_folders import TrackFolders
from sep_pipeline.errors import NoInputError

MakeTree = Callable[..., Path]


def labels(track: SourceTrack) -> list[str]:
    return [part.label for part in track.parts]


def refused(root: Path) -> list[tuple[str, str]]:
    return [(refusal.kind, refusal.file.name) for refusal in TrackFolders().read(root).refusals]


def test_every_folder_is_a_track_with_its_files_as_stems(make_tree: MakeTree) -> None:
    root = make_tree("Tune/piano.wav", "Tune/rest.flac", "Song/piano.mp3", "Song/rest.ogg")
    tracks = TrackFolders().read(root).tracks
    assert [(track.track_id, track.split, labels(track)) for track in tracks] == [
        ("Song", None, ["piano", "rest"]),
        ("Tune", None, ["piano", "rest"]),
    ]
    assert tracks[1].folder == root / "Tune"
    assert tracks[1].files == (root / "Tune" / "piano.wav", root / "Tune" / "rest.flac")


@pytest.mark.parametrize(
    ("folder", "split"),
    [
        ("train", "train"),
        ("Train", "train"),
        ("validation", "validation"),
        ("valid", "validation"),
        ("val", "validation"),
        ("dev", "validation"),
        ("test", "test"),
    ],
)
def test_split_folders_give_the_split(make_tree: MakeTree, folder: str, split: str) -> None:
    root = make_tree(f"{folder}/Song/piano.wav", f"{folder}/Song/rest.wav")
    assert [(track.track_id, track.split) for track in TrackFolders().read(root).tracks] == [("Song", split)]


def test_a_song_called_test_beside_other_songs_is_no_split(make_tree: MakeTree) -> None:
    root = make_tree("Test/piano.wav", "Test/rest.wav", "Song/piano.wav", "Song/rest.wav")
    assert [(track.track_id, track.split) for track in TrackFolders().read(root).tracks] == [
        ("Song", None),
        ("Test", None),
    ]


def test_folders_beside_split_folders_are_refused(make_tree: MakeTree) -> None:
    root = make_tree("train/A/piano.wav", "test/B/piano.wav", "extra/C/piano.wav", "notes/about.txt")
    assert refused(root) == [("unknown_name", "extra")]


def test_a_split_folder_without_audio_is_refused(make_tree: MakeTree) -> None:
    assert refused(make_tree("train/A/piano.wav", "test/readme.txt")) == [("empty_folder", "test")]


def test_tracks_in_folders_of_artists_carry_both_names(make_tree: MakeTree) -> None:
    root = make_tree("Band/Song/piano.wav", "Band/Tune/piano.wav", "Solo/piano.wav")
    tracks = TrackFolders().read(root).tracks
    assert [track.track_id for track in tracks] == ["Band - Song", "Band - Tune", "Solo"]


def test_a_folder_called_stems_belongs_to_its_track(make_tree: MakeTree) -> None:
    track = (
        TrackFolders()
        .read(make_tree("Song/mix.wav", "Song/stems/piano.wav", "Song/stems/rest.wav"))
        .tracks[0]
    )
    assert (track.track_id, labels(track)) == ("Song", ["piano", "rest"])
    assert track.mixture is not None


@pytest.mark.parametrize(
    ("spelling", "label"),
    [
        ("Lead Vocals", "lead_vocals"),
        ("Gesang (Männer)", "gesang_manner"),
        ("Gesang (Ma\u0308nner)", "gesang_manner"),
        ("Große Trommel", "grosse_trommel"),
        ("kick-in", "kick_in"),
        ("ドラム", "doramu"),
        ("보컬", "bokeol"),
    ],
)
def test_labels_are_valid_stem_names_and_keys_as_spelt(
    make_tree: MakeTree, spelling: str, label: str
) -> None:
    part = TrackFolders().read(make_tree(f"Song/{spelling}.wav")).tracks[0].parts[0]
    assert (part.key, part.label) == (spelling, label)


def test_a_spelling_is_a_further_name_for_groupings(make_tree: MakeTree) -> None:
    part = TrackFolders().read(make_tree("Song/Gesang (Männer).wav")).tracks[0].parts[0]
    assert part.aliases == ("gesang_(männer)",)


@pytest.mark.parametrize(
    "form", ["01 {stem}", "{track} - {stem}", "{track}_01_{stem}", "01. {stem}", "01 {track} {stem}"]
)
def test_numbers_and_track_names_in_front_of_all_files_are_no_part_of_the_label(
    make_tree: MakeTree, form: str
) -> None:
    names = [
        f"{track}/{form.format(track=track, stem=stem)}.wav"
        for track in ("Song", "Other Tune")
        for stem in ("Drums", "Bass")
    ]
    assert TrackFolders().read(make_tree(*names)).labels == ("drums", "bass")


def test_a_number_that_not_all_files_have_stays(make_tree: MakeTree) -> None:
    assert TrackFolders().read(make_tree("A/01 drums.wav", "B/bass.wav")).labels == ("bass", "01_drums")


def test_a_number_that_tells_two_stems_apart_stays(make_tree: MakeTree) -> None:
    reading = TrackFolders().read(make_tree("A/1 violin.wav", "A/2 violin.wav"))
    assert reading.labels == ("1_violin", "2_violin")


def test_a_mixture_needs_no_number(make_tree: MakeTree) -> None:
    reading = TrackFolders().read(make_tree("A/01 drums.wav", "A/02 bass.wav", "A/mix.wav"))
    assert reading.labels == ("drums", "bass")


@pytest.mark.parametrize("name", ["mixture", "Mix", "mixdown", "FULL", "master"])
def test_usual_names_of_the_mixture_are_the_mixture(make_tree: MakeTree, name: str) -> None:
    track = TrackFolders().read(make_tree("Song/piano.wav", f"Song/{name}.wav")).tracks[0]
    assert track.mixture is not None
    assert (track.mixture.key, labels(track)) == (name, ["piano"])


def test_a_file_with_the_name_of_its_track_is_the_mixture_of_prefixed_stems(make_tree: MakeTree) -> None:
    track = TrackFolders().read(make_tree("Song/Song.wav", "Song/Song - piano.wav")).tracks[0]
    assert track.mixture is not None
    assert (track.mixture.key, labels(track)) == ("Song", ["piano"])


def test_a_second_mixture_is_left_out(make_tree: MakeTree) -> None:
    root = make_tree("Song/piano.wav", "Song/mixture.wav", "Song/master.wav")
    assert refused(root) == [("left_out", "master.wav")]


def test_a_mixture_without_stems_is_no_track(make_tree: MakeTree) -> None:
    root = make_tree("Song/piano.wav", "Song/rest.wav", "Tune/mixture.wav")
    assert [track.track_id for track in TrackFolders().read(root).tracks] == ["Song"]
    assert refused(root) == [("left_out", "mixture.wav")]


def test_files_of_the_same_name_are_all_parts(make_tree: MakeTree) -> None:
    track = TrackFolders().read(make_tree("Song/Piano.wav", "Song/piano.flac")).tracks[0]
    assert [(part.key, part.label) for part in track.parts] == [("Piano", "piano"), ("piano", "piano")]


def test_labels_come_in_the_usual_order_then_by_frequency_and_rests_last(make_tree: MakeTree) -> None:
    stems = ["rest", "zither", "piano", "bass", "vocals", "drums", "guitar"]
    root = make_tree(*(f"A/{stem}.wav" for stem in stems), "B/zither.wav", "B/rest.wav", "A/harp.wav")
    assert TrackFolders().read(root).labels == (
        *("vocals", "drums", "bass", "guitar", "piano"),
        *("zither", "harp", "rest"),
    )


def test_default_stems_are_those_of_at_least_half_of_the_tracks(make_tree: MakeTree) -> None:
    root = make_tree("A/piano.wav", "B/piano.wav", "C/piano.wav", "A/rest.wav", "B/rest.wav", "C/gong.wav")
    assert TrackFolders().read(root).default_stems == ("piano", "rest")


def test_a_track_without_a_default_stem_lists_it_without_file(make_tree: MakeTree) -> None:
    root = make_tree("A/piano.wav", "A/rest.wav", "B/piano.wav")
    parts = TrackFolders().read(root).tracks[1].parts
    assert [(part.label, part.path) for part in parts] == [
        ("piano", root / "B" / "piano.wav"),
        ("rest", None),
    ]


@pytest.mark.parametrize(
    "name", ["notes.txt", "song.mid", "cover.JPG", "._piano.wav", ".DS_Store", "Thumbs.db", "README"]
)
def test_usual_companions_of_audio_are_ignored(make_tree: MakeTree, name: str) -> None:
    assert refused(make_tree("Song/piano.wav", f"Song/{name}")) == []


def test_other_files_are_refused(make_tree: MakeTree) -> None:
    assert refused(make_tree("Song/piano.wav", "Song/video.mp4")) == [("unknown_name", "video.mp4")]


def test_audio_outside_track_folders_is_refused(make_tree: MakeTree) -> None:
    assert refused(make_tree("Song/piano.wav", "loose.wav")) == [("unknown_name", "loose.wav")]


def test_folders_with_audio_inside_tracks_are_refused(make_tree: MakeTree) -> None:
    root = make_tree("Song/piano.wav", "Song/takes/piano.wav", "Song/MIDI/piano.mid")
    assert refused(root) == [("unknown_name", "takes")]


def test_track_folders_without_audio_are_refused(make_tree: MakeTree) -> None:
    assert refused(make_tree("Song/piano.wav", "Tune/notes.txt")) == [("empty_folder", "Tune")]


def test_files_without_letter_or_digit_in_their_name_are_refused(make_tree: MakeTree) -> None:
    assert refused(make_tree("Song/piano.wav", "Song/♪.wav")) == [("unknown_name", "♪.wav")]


def test_a_tree_without_stems_says_why(make_tree: MakeTree) -> None:
    root = make_tree("Song/mixture.wav")
    with pytest.raises(NoInputError, match=r"1 not taken, first mixture\.wav: a mixture without stems"):
        TrackFolders().read(root)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoInputError, match="nowhere"):
        TrackFolders().read(tmp_path / "nowhere")
