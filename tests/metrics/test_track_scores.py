"""All whole-track scores of a track: golden improvements, names, silence, and what is refused."""

import math

import numpy as np
import pytest

from sep_pipeline.errors import DataError, StemMismatchError, TooShortError
from sep_pipeline.metrics.aggregate import count_silence
from sep_pipeline.metrics.track_scores import WHOLE_TRACK_METRICS, score_whole_track
from sep_pipeline.metrics.whole_track import study_sdr, usdr

STEMS = ("drums", "bass")
LIBRARY_METRICS = ("SI-SDR", "SD-SDR", "SNR", "SI-SDRi", "SD-SDRi", "SNRi")


@pytest.fixture
def track():
    """References, estimates, both (stem, channel, time), and their mixture."""
    references, noise = np.random.default_rng(0).standard_normal((2, 2, 2, 300)).astype(np.float32)
    return references, references + 0.2 * noise, references.sum(axis=0)


def _by_name(scores):
    return {(score.stem, score.metric): score.value for score in scores}


def test_scores_equal_those_of_the_reference_library(score_tensors, golden_scores):
    references, estimates = (score_tensors[f"stereo/{side}"] for side in ("references", "estimates"))
    found = _by_name(score_whole_track(references, estimates, references.sum(axis=0), ("s0", "s1")))
    expected = {
        (stem, metric): np.median(channels[metric])
        for stem, channels in golden_scores["stereo"].items()
        for metric in LIBRARY_METRICS
    }
    assert {key: found[key] for key in expected} == pytest.approx(expected, rel=1e-12)


def test_the_other_scores_are_those_of_their_own_functions(track):
    references, estimates, mixture = track
    found = _by_name(score_whole_track(*track, STEMS))
    assert found["bass", "SDR whole song"] == study_sdr(references[1], estimates[1])
    assert found["bass", "uSDR"] == usdr(references[1], estimates[1])
    assert found["bass", "uSDRi"] == usdr(references[1], estimates[1]) - usdr(references[1], mixture)


def test_every_stem_has_every_metric_in_order(track):
    found = [(score.stem, score.metric) for score in score_whole_track(*track, STEMS)]
    assert found == [(stem, metric) for stem in STEMS for metric in WHOLE_TRACK_METRICS]


def test_without_a_mixture_there_are_no_improvements(track):
    found = {score.metric for score in score_whole_track(*track[:2], None, STEMS)}
    assert found == {name for name, metric in WHOLE_TRACK_METRICS.items() if metric.base is None}


def test_the_mixture_as_estimate_improves_nothing(track):
    references, _, mixture = track
    found = _by_name(score_whole_track(references, np.stack([mixture, mixture]), mixture, STEMS))
    assert {value for (_, metric), value in found.items() if metric.endswith("i")} == {0.0}


def test_a_silent_stem_is_undefined_where_the_formula_is(track):
    references, estimates, mixture = track
    estimates[0] = 0.0
    found = _by_name(score_whole_track(references, estimates, mixture, STEMS))
    undefined = {key for key, value in found.items() if math.isnan(value)}
    assert undefined == {("drums", metric) for metric in LIBRARY_METRICS}


def test_what_is_undefined_is_what_silence_counts(track):
    references, estimates, _ = track
    references[1] = 0.0
    found = _by_name(score_whole_track(references, estimates, None, STEMS))
    counts = count_silence(
        dict(zip(STEMS, references, strict=True)), dict(zip(STEMS, estimates, strict=True)), 100
    )
    assert {stem: math.isnan(found[stem, "SI-SDR"]) for stem in STEMS} == {
        stem: count.is_reference_silent or count.is_estimate_silent for stem, count in counts.items()
    }


def test_every_metric_has_a_description_of_its_own():
    descriptions = [metric.description for metric in WHOLE_TRACK_METRICS.values()]
    assert len({text for text in descriptions if text and "\n" not in text}) == len(WHOLE_TRACK_METRICS)


@pytest.mark.parametrize(
    ("side", "index", "name"), [(0, 0, "reference of drums"), (1, 1, "estimate of bass"), (2, 1, "mixture")]
)
def test_samples_that_are_not_finite_are_refused(side, index, name, track):
    track[side][index].flat[5] = math.nan
    with pytest.raises(DataError, match=name):
        score_whole_track(*track, STEMS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda references, estimates, mixture: (references, estimates[..., 1:], mixture), "differ in shape"),
        (lambda references, estimates, mixture: (references, estimates, mixture[:1]), "mixture does not fit"),
        (lambda references, estimates, mixture: (references[:1], estimates[:1], mixture), "names do not fit"),
    ],
)
def test_what_does_not_fit_is_refused(change, message, track):
    with pytest.raises(StemMismatchError, match=message):
        score_whole_track(*change(*track), STEMS)


def test_an_empty_track_is_refused():
    nothing = np.zeros((2, 1, 0), np.float32)
    with pytest.raises(TooShortError, match="nothing to score"):
        score_whole_track(nothing, nothing, None, STEMS)
