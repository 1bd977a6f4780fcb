"""Track scores against museval, and files that its own stores load."""

import json
import math

import numpy as np
import pytest

from sep_pipeline.errors import StemMismatchError
from sep_pipeline.metrics._museval_import import import_museval
from sep_pipeline.metrics.museval_scores import (
    METRICS,
    museval_json,
    read_museval_json,
    score_track,
    write_museval_json,
)

RATE = 400


def _track(num_samples=1800, seed=0):
    generator = np.random.default_rng(seed)
    drums, bass = generator.standard_normal((2, 2, num_samples))
    references = {"drums": drums, "bass": bass}
    noise = 0.1 * generator.standard_normal((2, 2, num_samples))
    estimates = {"drums": drums + 0.2 * bass + noise[0], "bass": bass - 0.4 * drums + noise[1]}
    return references, estimates


def _table(targets):
    """(stem, frame, metric) in dB."""
    return np.array([[[f["metrics"][m] for m in METRICS] for f in t["frames"]] for t in targets])


def _museval_table(references, estimates):
    stacked = [np.stack([s[name] for name in references]).transpose(0, 2, 1) for s in (references, estimates)]
    sdr, isr, sir, sar, _ = import_museval().metrics.bss_eval(*stacked, window=RATE, hop=RATE)
    return np.stack([sdr, sir, sar, isr], axis=-1)


def test_the_whole_track_equals_museval():
    references, estimates = _track()
    found = _table(score_track(references, estimates, RATE))
    np.testing.assert_allclose(found, _museval_table(references, estimates), rtol=0, atol=1e-6)


@pytest.mark.parametrize("engine", ["fast", "museval"])
def test_both_engines_serve(engine):
    references, estimates = _track()
    found = _table(score_track(references, estimates, RATE, engine=engine))
    np.testing.assert_allclose(found, _museval_table(references, estimates), rtol=0, atol=1e-6)


@pytest.mark.parametrize("side", [0, 1], ids=["reference", "estimate"])
def test_a_stem_that_is_silent_throughout_is_left_out(side):
    other, noise = np.random.default_rng(5).standard_normal((2, 2, 1800))
    leaked = (other, other + 0.3 * _track()[0]["drums"] + 0.1 * noise)
    three = [{**signals, "other": own} for signals, own in zip(_track(), leaked, strict=True)]
    three[side]["bass"] = np.zeros_like(three[side]["bass"])
    found = _table(score_track(*three, RATE))
    others = [{name: signals[name] for name in ("drums", "other")} for signals in three]
    assert np.isnan(found[1]).all()
    np.testing.assert_allclose(found[[0, 2]], _museval_table(*others), rtol=0, atol=1e-6)


def test_silent_tracks_have_frames_without_scores():
    references = {"drums": np.zeros((1, 3 * RATE)), "bass": np.zeros((1, 3 * RATE))}
    assert np.isnan(_table(score_track(references, references, RATE))).all()
    assert len(score_track(references, references, RATE)[0]["frames"]) == 3


def test_estimates_are_fitted_to_the_references():
    references, estimates = _track()
    longer = {name: np.pad(signal, ((0, 0), (0, 77))) for name, signal in estimates.items()}
    shorter = {name: signal[:, :-60] for name, signal in estimates.items()}
    padded = {name: np.pad(signal, ((0, 0), (0, 60))) for name, signal in shorter.items()}
    for given, same_as in ((longer, estimates), (shorter, padded)):
        assert museval_json(score_track(references, given, RATE)) == museval_json(
            score_track(references, same_as, RATE)
        )


def test_missing_stems_are_refused():
    references, estimates = _track()
    del estimates["bass"]
    with pytest.raises(StemMismatchError, match="different stems"):
        score_track(references, estimates, RATE)


def test_values_are_rounded_and_infinite_ones_become_nan():
    metrics = {"SDR": 1.000005000001, "SIR": math.inf, "SAR": math.nan, "ISR": -math.inf}
    text = museval_json([{"name": "drums", "frames": [{"time": 0.0, "duration": 1.0, "metrics": metrics}]}])
    stored = json.loads(text)["targets"][0]["frames"][0]["metrics"]
    assert stored.pop("SDR") == 1.00001
    assert all(math.isnan(value) for value in stored.values())
    assert json.loads(text)["museval_version"]


def test_files_load_in_the_stores_of_museval(tmp_path):
    museval = import_museval()
    references, estimates = _track()
    targets = score_track(references, estimates, RATE)
    write_museval_json(tmp_path / "pretrained-seed_0" / "test" / "A - Song.json", targets)
    store = museval.EvalStore()
    store.add_eval_dir(tmp_path / "pretrained-seed_0")
    methods = museval.MethodStore()
    methods.add_eval_dir(tmp_path / "pretrained-seed_0")
    expected = np.median([frame["metrics"]["SDR"] for frame in targets[0]["frames"]])
    assert store.agg_frames_tracks_scores()["drums"]["SDR"] == pytest.approx(expected, abs=1e-5)
    assert methods.agg_frames_scores()["pretrained-seed_0", "A - Song", "drums", "SDR"] == pytest.approx(
        expected, abs=1e-5
    )


def test_files_fit_the_schema_of_museval(tmp_path):
    museval = import_museval()
    path = tmp_path / "track.json"
    write_museval_json(path, score_track(*_track(), RATE))
    store = museval.TrackStore("track")
    store.scores = {"targets": read_museval_json(path), "museval_version": "0"}
    store.validate()
