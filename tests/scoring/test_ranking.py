"""Many methods on many songs: kept, read back, not made twice, gone when the method is gone."""

import numpy as np
import pytest

from sep_pipeline.errors import ConfigurationError, NoInputError, UnreadableFileError
from sep_pipeline.metrics._museval_import import import_museval
from sep_pipeline.scoring import ranking
from sep_pipeline.scoring.job import ScoringConfig
from sep_pipeline.scoring.methods import Method, oracles_and_floors, separators_below
from sep_pipeline.scoring.ranking import read_results, score_methods

STEMS = ("drums", "bass")
CONFIG = ScoringConfig(stems=STEMS)
SCALES = {"drums": 0.5, "bass": 0.5}
FLOORS = [method for method in oracles_and_floors(STEMS) if method.kind == "floor"]


@pytest.fixture
def place(tmp_path):
    return tmp_path / "methods"


@pytest.fixture
def score(place):
    def run(methods, tracks, *, config=CONFIG, scales=SCALES, num_processes=1, folder=place):
        score_methods(folder, methods, tracks, config, scales, num_processes=num_processes)
        return {f"{result.method.name}-{result.method.seed}": result for result in read_results(folder)}

    return run


@pytest.fixture
def calls(count_calls):
    """Method and track of everything that was scored anew."""
    jobs = count_calls(ranking, "score_method")
    return lambda: [(job.method.name, job.track.track_id) for (job,) in jobs]


@pytest.fixture
def separators(tmp_path, save_tiny_separator):
    """Two seeds of one separator."""
    for seed in (0, 1):
        save_tiny_separator(tmp_path / "models" / f"seed_{seed}", name="tiny arm", seed=seed, first_seed=seed)
    return separators_below(tmp_path / "models", STEMS)


def test_every_method_comes_back_as_it_was(separators, make_tracks, score):
    methods = [*separators, *FLOORS]
    found = score(methods, make_tracks())
    assert sorted((result.method for result in found.values()), key=repr) == sorted(methods, key=repr)
    assert all(list(result.scores) == ["Song A", "Song B"] for result in found.values())


def test_the_frame_names_method_and_seed(separators, make_tracks, score):
    frame = score(separators, make_tracks())["tiny arm-1"].frame()
    assert set(frame["arm"]) == {"tiny arm"}
    assert set(frame["seed"]) == {1}
    assert set(frame["track"]) == {"Song A", "Song B"}


def test_times_and_lengths_are_summed_over_songs(separators, make_tracks, score):
    result = score(separators, make_tracks())["tiny arm-0"]
    assert result.playing_seconds == pytest.approx(5.0)
    assert result.computing_seconds / result.playing_seconds > 0.0


def test_museval_loads_the_files_of_a_method(separators, make_tracks, score, place):
    result = score(separators, make_tracks())["tiny arm-0"]
    store = import_museval().EvalStore(frames_agg="median", tracks_agg="median")
    store.add_eval_dir(place / "tiny_arm" / "seed_0")
    frame = result.frame()
    own = frame[(frame["stem"] == "bass") & (frame["metric"] == "SDR")]["value"]
    assert store.agg_frames_tracks_scores()["bass", "SDR"] == pytest.approx(np.median(own), abs=2e-5)


def test_nothing_is_done_twice(separators, make_tracks, score, calls):
    tracks = make_tracks()
    first = score(separators, tracks)
    second = score(separators, tracks)
    assert len(calls()) == 4
    assert second == first


def test_a_new_method_is_added_to_what_is_there(make_tracks, score, calls):
    tracks = make_tracks()
    score(FLOORS[:1], tracks)
    score(FLOORS[:2], tracks)
    assert calls() == [(method.name, track) for method in FLOORS[:2] for track in ("Song A", "Song B")]


def test_a_changed_song_is_scored_again(make_tracks, score, calls, rewrite):
    tracks = make_tracks()
    score(FLOORS[:1], tracks)
    rewrite(tracks[1].paths["drums"], lambda audio: 0.5 * audio)
    score(FLOORS[:1], tracks)
    assert calls()[2:] == [(FLOORS[0].name, "Song B")]


def test_new_factors_concern_only_the_scaled_mixture(make_tracks, score, calls):
    tracks = make_tracks(1)
    score(FLOORS, tracks)
    score(FLOORS, tracks, scales={"drums": 0.2, "bass": 0.2})
    assert calls()[len(FLOORS) :] == [("scaled_mixture", "Song A")]


def test_a_stopped_run_goes_on_where_it_was(make_tracks, score, calls):
    tracks = make_tracks(3)
    content = tracks[1].paths["drums"].read_bytes()
    tracks[1].paths["drums"].write_text("no sound")
    with pytest.raises(UnreadableFileError, match=r"Song B/drums\.wav"):
        score(FLOORS[:1], tracks)
    tracks[1].paths["drums"].write_bytes(content)
    score(FLOORS[:1], tracks)
    assert [track for _, track in calls()] == ["Song A", "Song B", "Song B", "Song C"]


def test_methods_that_disappeared_leave_the_folder(separators, make_tracks, score, place):
    tracks = make_tracks(1)
    score([*separators, *FLOORS], tracks)
    assert list(score([separators[0]], tracks)) == ["tiny arm-0"]
    assert [path.relative_to(place).as_posix() for path in sorted(place.rglob("seed_*"))] == [
        "tiny_arm/seed_0"
    ]
    assert [path.name for path in place.iterdir()] == ["tiny_arm"]


def test_songs_that_disappeared_leave_the_folder(make_tracks, score, place):
    tracks = make_tracks()
    score(FLOORS[:1], tracks)
    found = score(FLOORS[:1], tracks[1:])
    assert [list(result.scores) for result in found.values()] == [["Song B"]]
    assert {path.name for path in place.rglob("Song*")} == {"Song B.json", "Song B.time.json"}


def test_two_processes_give_the_same_bytes_as_one(separators, make_tracks, score, tmp_path):
    tracks = make_tracks()
    contents = []
    for number in (1, 2):
        folder = tmp_path / f"with_{number}"
        score(separators[:1], tracks, num_processes=number, folder=folder)
        contents.append(
            {
                path.relative_to(folder): path.read_bytes()
                for path in folder.rglob("Song*.json")
                if not path.name.endswith(".time.json")
            }
        )
    assert len(contents[0]) == 4
    assert contents[0] == contents[1]


@pytest.mark.parametrize("names", [("tiny", "tiny"), ("tiny arm", "tiny_arm"), ("tiny", "Tiny")])
def test_methods_that_would_share_a_folder_are_refused(tmp_path, make_tracks, score, names):
    methods = [
        Method(name=name, kind="separator", seed=4, folder=tmp_path / f"{index}", stems=STEMS)
        for index, name in enumerate(names)
    ]
    with pytest.raises(ConfigurationError, match="and have the seed 4") as raised:
        score(methods, make_tracks(1))
    assert (raised.value.file, raised.value.found) == (tmp_path / "1", tmp_path / "0")


def test_a_folder_without_results_is_named(tmp_path):
    with pytest.raises(NoInputError, match="no scores of methods") as raised:
        read_results(tmp_path)
    assert raised.value.file == tmp_path
