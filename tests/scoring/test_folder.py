"""Scores of a folder of estimates: both layouts, nothing twice, nothing lost, files that museval reads."""

import json
from dataclasses import replace

import numpy as np
import pytest

from sep_pipeline.errors import NoInputError, StemMismatchError, UnreadableFileError
from sep_pipeline.metrics._museval_import import import_museval
from sep_pipeline.scoring import folder as scoring_folder
from sep_pipeline.scoring.folder import (
    kept_scores,
    score_folder,
    score_frame,
    stems_of_estimates,
)
from sep_pipeline.scoring.job import ScoringConfig

CONFIG = ScoringConfig(stems=("drums", "bass"))


@pytest.fixture
def place(tmp_path):
    return tmp_path / "scores" / "method"


@pytest.fixture
def estimates(tmp_path):
    return tmp_path / "estimates"


@pytest.fixture
def score(place, estimates):
    def run(tracks, config=CONFIG, num_processes=1):
        return score_folder(place, estimates, tracks, config, num_processes=num_processes)

    return run


@pytest.fixture
def calls(count_calls):
    """Names of the tracks that were scored anew."""
    jobs = count_calls(scoring_folder, "score_files")
    return lambda: [job.track.track_id for (job,) in jobs]


def content_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("layout", ["test", "train", ""])
def test_estimates_are_found_in_every_layout(make_tracks, write_estimates, score, layout):
    tracks = make_tracks()
    for track in tracks:
        write_estimates(track, layout=layout)
    assert list(score(tracks)) == ["Song A", "Song B"]


def test_compressed_estimates_score_as_the_same_samples_in_wav(make_track, write_estimates, score):
    track = make_track()
    write_estimates(track, layout="", suffix=".flac")
    write_estimates(track)
    wav = score([track])["A - Song"].values
    for file in write_estimates(track).values():
        file.unlink()
    (file.parent).rmdir()
    flac = score([track])["A - Song"].values
    assert [entry[:2] for entry in flac] == [entry[:2] for entry in wav]
    np.testing.assert_allclose([entry[2] for entry in flac], [entry[2] for entry in wav], atol=0.01)


def test_every_track_has_a_file_of_museval_and_a_record(make_tracks, write_estimates, score, place):
    tracks = make_tracks()
    for track in tracks:
        write_estimates(track)
    score(tracks)
    assert set(content_of(place)) == {
        "test/Song A.json",
        "test/Song B.json",
        "tracks/Song A.json",
        "tracks/Song B.json",
    }


def test_files_that_nobody_asked_for_are_left_alone(make_track, write_estimates, score):
    track = make_track()
    expected = score_frame(score_with(write_estimates, score, track), arm="x", seed=0)
    folder = next(iter(write_estimates(track).values())).parent
    (folder / "vocals.wav").write_text("no sound")
    (folder / "notes.txt").write_text("good")
    found = score_frame(score([track]), arm="x", seed=0)
    assert found.equals(expected)


def score_with(write_estimates, score, track):
    write_estimates(track)
    return score([track])


def test_names_of_the_stems_are_those_of_the_audio_files(make_track, write_estimates, estimates):
    track = make_track()
    folder = next(iter(write_estimates(track).values())).parent
    (folder / "notes.txt").write_text("good")
    assert stems_of_estimates(estimates, track.track_id) == ("bass", "drums")


def test_a_finished_track_is_not_scored_again(make_tracks, write_estimates, score, calls):
    tracks = make_tracks()
    for track in tracks:
        write_estimates(track)
    first = score(tracks)
    second = score(tracks)
    assert calls() == ["Song A", "Song B"]
    assert second == first


def test_a_changed_estimate_is_scored_again(make_tracks, write_estimates, score, calls, rewrite):
    tracks = make_tracks()
    files = {track.track_id: write_estimates(track) for track in tracks}
    first = score(tracks)
    rewrite(files["Song B"]["bass"], lambda audio: 0.5 * audio)
    second = score(tracks)
    assert calls() == ["Song A", "Song B", "Song B"]
    assert second["Song A"] == first["Song A"]
    assert second["Song B"].values != first["Song B"].values


@pytest.mark.parametrize(
    "config",
    [
        ScoringConfig(stems=("drums",)),
        ScoringConfig(stems=("drums", "bass"), num_channels=1),
        ScoringConfig(stems=("drums", "bass"), engine="museval"),
    ],
    ids=["stems", "channels", "engine"],
)
def test_another_way_of_scoring_scores_again(make_track, write_estimates, score, calls, config):
    track = make_track()
    write_estimates(track)
    score([track])
    score([track], config)
    assert calls() == [track.track_id] * 2


def test_a_stopped_run_loses_no_finished_track(make_tracks, write_estimates, score, place):
    tracks = make_tracks(3)
    files = [write_estimates(track) for track in tracks]
    files[2]["drums"].write_text("no sound")
    with pytest.raises(UnreadableFileError, match="Song C"):
        score(tracks)
    assert list(kept_scores(place)) == ["Song A", "Song B"]


def test_after_the_repair_only_what_is_left_is_scored(make_tracks, write_estimates, score, calls):
    tracks = make_tracks(3)
    files = [write_estimates(track) for track in tracks]
    files[1]["drums"].write_text("no sound")
    with pytest.raises(UnreadableFileError):
        score(tracks)
    write_estimates(tracks[1])
    assert list(score(tracks)) == ["Song A", "Song B", "Song C"]
    assert calls() == ["Song A", "Song B", "Song B", "Song C"]


def test_two_processes_give_the_same_bytes_as_one(make_tracks, write_estimates, estimates, tmp_path):
    tracks = make_tracks(3)
    for track in tracks:
        write_estimates(track)
    for number in (1, 2):
        score_folder(tmp_path / f"with_{number}", estimates, tracks, CONFIG, num_processes=number)
    assert content_of(tmp_path / "with_1") == content_of(tmp_path / "with_2")


def test_an_error_in_a_process_names_its_file(make_tracks, write_estimates, score):
    tracks = make_tracks()
    files = [write_estimates(track) for track in tracks]
    files[1]["bass"].write_text("no sound")
    with pytest.raises(UnreadableFileError) as raised:
        score(tracks, num_processes=2)
    assert raised.value.file == files[1]["bass"]


def test_tracks_that_are_no_longer_there_leave_the_folder(make_tracks, write_estimates, score, place):
    tracks = make_tracks(3)
    for track in tracks:
        write_estimates(track)
    score(tracks)
    score(tracks[:1])
    assert list(kept_scores(place)) == ["Song A"]
    assert [path.name for path in (place / "test").iterdir()] == ["Song A.json"]


def test_a_track_without_estimates_is_named(make_tracks, write_estimates, score, estimates):
    tracks = make_tracks()
    write_estimates(tracks[0])
    with pytest.raises(NoInputError, match="no estimates of track Song B") as raised:
        score(tracks)
    assert raised.value.file == estimates
    assert str(estimates / "test" / "Song B") in raised.value.expected


def test_a_missing_stem_is_named(make_track, write_estimates, score):
    track = make_track()
    files = write_estimates(track)
    files["bass"].unlink()
    with pytest.raises(NoInputError, match="an estimate is missing") as raised:
        score([track])
    error = raised.value
    assert (error.file, error.expected, error.found) == (files["bass"].parent, "bass.wav", "drums.wav")


def test_a_stem_that_the_references_lack_is_named(make_track, write_estimates, score):
    track = make_track()
    files = write_estimates(track)
    files["bass"].rename(files["bass"].with_name("vocals.wav"))
    with pytest.raises(StemMismatchError, match="has no reference of vocals"):
        score([track], ScoringConfig(stems=("drums", "vocals")))


def test_a_folder_without_scores_is_named(tmp_path):
    with pytest.raises(NoInputError, match="there are no scores") as raised:
        kept_scores(tmp_path)
    assert raised.value.file == tmp_path


@pytest.fixture
def scored(make_tracks, write_estimates, score):
    tracks = make_tracks(2, silent=())
    for index, track in enumerate(tracks):
        write_estimates(track, seed=10 * index)
    return score(tracks)


def test_musevals_eval_store_loads_the_files(scored, place):
    store = import_museval().EvalStore(frames_agg="median", tracks_agg="median")
    store.add_eval_dir(place)
    theirs = store.agg_frames_tracks_scores()
    frame = score_frame(scored, arm="method", seed=0)
    for stem in CONFIG.stems:
        for metric in ("SDR", "ISR", "SIR", "SAR"):
            own = frame[(frame["stem"] == stem) & (frame["metric"] == metric)]["value"]
            assert len(own) == 2
            assert theirs[stem, metric] == pytest.approx(np.median(own), abs=2e-5)


def test_musevals_method_store_loads_the_files(scored, place):
    store = import_museval().MethodStore()
    store.add_eval_dir(place)
    theirs = store.agg_frames_scores()
    values = {(stem, metric): value for stem, metric, value in scored["Song B"].values}
    assert theirs["method", "Song B", "bass", "SAR"] == pytest.approx(values["bass", "SAR"], abs=2e-5)


def test_the_frame_has_one_row_per_track_stem_and_metric(scored):
    frame = score_frame(scored, arm="method", seed=3)
    assert not frame.duplicated(["track", "stem", "metric"]).any()
    assert set(frame["arm"]) == {"method"}
    assert set(frame["seed"]) == {3}
    assert frame.groupby(["track", "stem"]).size().nunique() == 1


def test_the_frame_counts_silent_frames(make_track, write_estimates, score):
    track = make_track(silent=("bass",))
    write_estimates(track)
    frame = score_frame(score([track]), arm="method", seed=0)
    counts = frame[frame["metric"] == "silent_reference_frames"].set_index("stem")["value"]
    assert counts.to_dict() == {"drums": 0.0, "bass": 2.0}


def test_kept_scores_are_those_that_were_returned(scored, place):
    assert kept_scores(place) == scored


def test_names_with_full_stops_stay_whole(make_track, write_estimates, score, place):
    track = make_track("No. 1 in C")
    write_estimates(track)
    score([track])
    assert list(kept_scores(place)) == ["No. 1 in C"]


def test_records_are_plain_json(scored, place):
    record = json.loads((place / "tracks" / "Song A.json").read_text())
    assert set(record) == {"digest", "values", "frames", "silence"}
    assert replace(scored["Song A"], digest="") != scored["Song A"]
