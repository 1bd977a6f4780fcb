"""What can be scored: separators found on disk, which stems mean the same, oracles above floors."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from sep_pipeline.audio.io import read_audio
from sep_pipeline.errors import CheckpointMismatchError, MissingCheckpointError, TruncatedCheckpointError
from sep_pipeline.models.weights import load_weights
from sep_pipeline.scoring.job import ScoringConfig, score_arrays
from sep_pipeline.scoring.methods import (
    Method,
    MethodJob,
    oracles_and_floors,
    score_method,
    separators_below,
    shared_stems,
)
from sep_pipeline.separation import load_separator, separate
from sep_pipeline.separation.floors import FLOORS
from sep_pipeline.separation.oracles import ORACLES

RATE = 8000
STEMS = ("drums", "bass")
CONFIG = ScoringConfig(stems=STEMS)


@pytest.fixture
def make_method_job(tmp_path, make_track):
    """A job of one method on one song; two calls share the song."""
    track = make_track(stems=("drums", "bass", "other"))

    def make(method, *, config=CONFIG, **options):
        record = tmp_path / "methods" / method.key / "tracks" / f"{track.track_id}.json"
        return MethodJob(method=method, track=track, config=config, record=record, **options)

    return make


def named(name, stems=STEMS):
    return next(method for method in oracles_and_floors(stems) if method.name == name)


def values_of(result):
    return {(stem, metric): value for stem, metric, value in result.scores.values}


@pytest.mark.parametrize(
    ("given", "wanted", "shared"),
    [
        (("drums", "bass"), ("bass", "drums"), ("bass", "drums")),
        (("drums", "bass", "other"), ("drums", "bass", "other"), ("drums", "bass", "other")),
        (("other", "bass", "drums"), ("drums", "bass", "other"), ("drums", "bass", "other")),
        (("drums", "bass", "other"), ("drums", "bass", "guitar", "other"), ("drums", "bass")),
        (("piano", "rest"), ("piano", "guitar", "rest"), ("piano",)),
        (("vocals", "accompaniment"), ("vocals", "drums", "accompaniment"), ("vocals",)),
        (("violin",), ("drums", "bass"), ()),
    ],
)
def test_stems_are_shared_by_what_they_mean(given, wanted, shared):
    assert shared_stems(given, wanted) == shared


def test_separators_are_found_by_their_cards(tmp_path, save_tiny_separator):
    save_tiny_separator(tmp_path / "models" / "study" / "one" / "seed_0", name="one")
    save_tiny_separator(tmp_path / "models" / "two", name="two", seed=5, steps=60)
    (tmp_path / "models" / "notes").mkdir()
    found = separators_below(tmp_path / "models", STEMS)
    assert [(method.name, method.seed, method.steps) for method in found] == [("one", 7, 30), ("two", 5, 60)]
    assert {method.kind for method in found} == {"separator"}
    assert found[1].folder == tmp_path / "models" / "two"


def test_a_folder_without_separators_gives_none(tmp_path):
    assert separators_below(tmp_path / "nowhere", STEMS) == []


def test_separators_without_a_common_stem_are_left_out(tmp_path, save_tiny_separator):
    save_tiny_separator(tmp_path / "tiny")
    assert separators_below(tmp_path, ("violin", "clarinet")) == []


def test_separators_give_the_stems_that_the_test_set_has(tmp_path, save_tiny_separator):
    save_tiny_separator(tmp_path / "tiny")
    (method,) = separators_below(tmp_path, ("bass", "vocals"))
    assert method.stems == ("bass",)


def test_what_a_killed_run_left_is_no_separator(tmp_path, save_tiny_separator):
    save_tiny_separator(tmp_path / ".separator.123.partial")
    assert separators_below(tmp_path, STEMS) == []


def test_parameters_are_counted_from_the_weights(tmp_path, save_tiny_separator):
    folder = save_tiny_separator(tmp_path / "tiny")
    (method,) = separators_below(tmp_path, STEMS)
    states = [load_weights(folder / f"{stem}.safetensors")[0] for stem in STEMS]
    assert method.num_parameters == sum(tensor.numel() for state in states for tensor in state.values())


@pytest.mark.parametrize(
    ("metadata", "weights"),
    [({"weights": "pretrained"}, "pretrained"), ({}, "CC0-1.0")],
    ids=["named", "not"],
)
def test_weights_are_named_by_their_source_or_licence(tmp_path, save_tiny_separator, metadata, weights):
    save_tiny_separator(tmp_path / "tiny", metadata=metadata)
    assert separators_below(tmp_path, STEMS)[0].weights == weights


def test_a_separator_that_was_not_trained_has_seed_0(tmp_path, save_tiny_separator):
    save_tiny_separator(tmp_path / "tiny", seed=None)
    assert separators_below(tmp_path, STEMS)[0].seed == 0


def spoil_card(folder):
    (folder / "separator.json").write_text("{")


def add_to_card(folder):
    card = json.loads((folder / "separator.json").read_text())
    (folder / "separator.json").write_text(json.dumps({**card, "stepz": 3}))


def remove_weights(folder):
    (folder / "bass.safetensors").unlink()


def cut_weights(folder):
    (folder / "bass.safetensors").write_bytes((folder / "bass.safetensors").read_bytes()[:60])


def empty_weights(folder):
    (folder / "bass.safetensors").write_bytes(b"")


@pytest.mark.parametrize(
    ("spoil", "error", "file"),
    [
        (spoil_card, TruncatedCheckpointError, "separator.json"),
        (add_to_card, CheckpointMismatchError, "separator.json"),
        (remove_weights, MissingCheckpointError, "bass.safetensors"),
        (cut_weights, TruncatedCheckpointError, "bass.safetensors"),
        (empty_weights, TruncatedCheckpointError, "bass.safetensors"),
    ],
)
def test_a_damaged_separator_is_named(tmp_path, save_tiny_separator, spoil, error, file):
    folder = save_tiny_separator(tmp_path / "tiny")
    spoil(folder)
    with pytest.raises(error) as raised:
        separators_below(tmp_path, STEMS)
    assert raised.value.file == folder / file


def test_methods_without_training_are_oracles_and_floors():
    kinds = {method.name: method.kind for method in oracles_and_floors(STEMS)}
    assert kinds == {
        **dict.fromkeys(ORACLES, "oracle"),
        **dict.fromkeys(FLOORS, "floor"),
        "scaled_mixture": "floor",
    }


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("study arm", "study_arm/seed_3"),
        ("a/../b", "a____b/seed_3"),
        ("arm+wiener-2", "arm+wiener-2/seed_3"),
        ("..", "__/seed_3"),
    ],
)
def test_the_key_is_a_safe_folder_name(name, key):
    assert Method(name=name, kind="separator", seed=3).key == key


@pytest.mark.parametrize("oracle", list(ORACLES))
@pytest.mark.parametrize("floor", ["mixture", "scaled_mixture"])
def test_oracles_are_above_floors(make_method_job, oracle, floor):
    above = values_of(score_method(make_method_job(named(oracle))))
    below = values_of(score_method(make_method_job(named(floor), scales={"drums": 0.3, "bass": 0.3})))
    for stem in STEMS:
        for metric in ("SDR", "uSDR", "SI-SDR"):
            assert above[stem, metric] > below[stem, metric]


def test_silence_has_no_frame_scores_and_a_usdr_of_zero(make_method_job):
    found = values_of(score_method(make_method_job(named("zero"))))
    assert np.isnan(found["drums", "SDR"])
    assert found["drums", "uSDR"] == pytest.approx(0.0, abs=1e-6)


def test_the_scaled_mixture_uses_the_factor_of_each_stem(make_method_job):
    job = make_method_job(named("scaled_mixture"), scales={"bass": 0.0, "drums": 0.5, "other": 9.0})
    found = values_of(score_method(job))
    mixture, drums = (
        read_audio(job.track.paths[name])[0].astype(np.float64) for name in ("mixture", "drums")
    )
    energy, error = np.sum(drums**2), np.sum((drums - 0.5 * mixture) ** 2)
    assert found["drums", "uSDR"] == pytest.approx(10 * np.log10((energy + 1e-7) / (error + 1e-7)), abs=1e-4)
    assert found["bass", "uSDR"] == pytest.approx(0.0, abs=1e-6)


def test_an_oracle_knows_stems_that_are_not_scored(make_method_job):
    job = make_method_job(named("ideal_ratio_mask", stems=("bass",)))
    found = values_of(score_method(job))
    everything = ScoringConfig(stems=job.track.stems)
    whole = score_method(make_method_job(named("ideal_ratio_mask", job.track.stems), config=everything))
    assert found["bass", "uSDR"] == pytest.approx(values_of(whole)["bass", "uSDR"], abs=1e-9)


@pytest.fixture
def separator_job(tmp_path, save_tiny_separator, make_method_job):
    save_tiny_separator(tmp_path / "models" / "tiny")
    (method,) = separators_below(tmp_path / "models", STEMS)
    return make_method_job(method)


def test_a_separator_is_scored_as_its_estimates_are(separator_job):
    job = separator_job
    separator = load_separator(job.method.folder)
    signals = {name: read_audio(path)[0] for name, path in job.track.paths.items()}
    estimates = separate(separator, signals["mixture"], RATE, channels="per_channel")
    references = np.stack([signals[stem] for stem in STEMS])
    expected = score_arrays(references, estimates, signals["mixture"], RATE, CONFIG)
    assert score_method(job).scores.values == expected.values


def test_a_separator_of_one_stem_of_two_is_scored_on_that_one(separator_job):
    job = replace(separator_job, method=replace(separator_job.method, stems=("bass",)))
    assert {stem for stem, _ in values_of(score_method(job))} == {"bass"}


def test_time_and_length_are_given(separator_job):
    result = score_method(separator_job)
    assert result.playing_seconds == pytest.approx(2.5)
    assert result.computing_seconds > 0.0


def test_a_finished_result_comes_back(separator_job):
    result = score_method(separator_job)
    assert separator_job.finished() == result


def test_nothing_is_finished_before_the_first_call(separator_job):
    assert separator_job.finished() is None


def test_without_its_time_a_result_is_not_finished(separator_job):
    score_method(separator_job)
    separator_job.record.with_suffix(".time.json").unlink()
    assert separator_job.finished() is None


def test_new_weights_are_read_and_scored(tmp_path, save_tiny_separator, separator_job):
    first = score_method(separator_job)
    save_tiny_separator(tmp_path / "models" / "tiny", first_seed=50)
    assert separator_job.finished() is None
    assert values_of(score_method(separator_job)) != values_of(first)


@pytest.mark.parametrize(
    "change",
    [
        {"config": ScoringConfig(stems=STEMS, num_channels=1)},
        {"precision": "bf16"},
        {"scales": {"drums": 0.5}},
    ],
)
def test_a_result_serves_only_what_it_was_made_from(separator_job, change):
    assert replace(separator_job, **change).digest() != separator_job.digest()


def test_the_number_of_threads_is_given_back(separator_job):
    before = torch.get_num_threads()
    score_method(separator_job)
    assert torch.get_num_threads() == before
