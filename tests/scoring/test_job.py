"""Scores of one song: from files as from arrays, fitted where that is harmless, refused where it is not."""

import math
from dataclasses import replace

import numpy as np
import pytest

from sep_pipeline.audio.io import read_audio
from sep_pipeline.errors import (
    DataError,
    NoInputError,
    StemMismatchError,
    TruncatedFileError,
    UnreadableFileError,
)
from sep_pipeline.metrics.museval_scores import METRICS
from sep_pipeline.metrics.track_scores import WHOLE_TRACK_METRICS
from sep_pipeline.scoring.job import (
    ScoringConfig,
    read_record,
    read_scores,
    score_arrays,
    score_files,
    scores_text,
)

RATE = 8000
STEMS = ("drums", "bass")
CONFIG = ScoringConfig(stems=STEMS)


def arrays_of(job):
    """References, estimates and mixture as they lie in the files."""
    references = np.stack([read_audio(job.track.paths[stem])[0] for stem in job.config.stems])
    estimates = np.stack([read_audio(job.estimates[stem])[0] for stem in job.config.stems])
    return references, estimates, read_audio(job.track.paths["mixture"])[0]


def values_of(scores):
    return {(stem, metric): value for stem, metric, value in scores.values}


def assert_same(found, expected):
    """Equal numbers; NaN equals NaN, and what they were made from does not count."""
    assert scores_text(found).partition('"values"')[2] == scores_text(expected).partition('"values"')[2]


def test_files_score_as_their_arrays_do(make_job):
    job = make_job()
    assert_same(score_files(job), score_arrays(*arrays_of(job), RATE, CONFIG))


def test_every_stem_has_every_metric(make_job):
    found = values_of(score_files(make_job()))
    assert set(found) == {(stem, metric) for stem in STEMS for metric in (*WHOLE_TRACK_METRICS, *METRICS)}
    assert all(math.isfinite(value) for value in found.values())


def test_the_value_of_a_frame_metric_is_the_median_of_its_frames(make_job):
    scores = score_files(make_job())
    frames = [frame["metrics"]["SIR"] for frame in scores.frames[1]["frames"]]
    assert len(frames) == 2
    assert values_of(scores)["bass", "SIR"] == pytest.approx(np.median(frames), abs=1e-12)


def test_usdr_is_the_plain_ratio_of_energies(make_job):
    job = make_job()
    references, estimates, _ = arrays_of(job)
    both = values_of(score_files(job))
    errors = np.sum((references - estimates).astype(np.float64) ** 2, axis=(1, 2))
    energies = np.sum(references.astype(np.float64) ** 2, axis=(1, 2))
    for stem, above, below in zip(STEMS, energies, errors, strict=True):
        assert both[stem, "uSDR"] == pytest.approx(10 * np.log10((above + 1e-7) / (below + 1e-7)), abs=1e-4)


def test_both_engines_give_the_same_scores(make_job):
    fast, slow = (
        values_of(score_files(make_job(ScoringConfig(stems=STEMS, engine=name))))
        for name in ("fast", "museval")
    )
    assert fast == pytest.approx(slow, abs=1e-3)


def test_the_result_is_kept(make_job):
    job = make_job()
    scores = score_files(job)
    assert read_record(job.record) == scores
    assert read_scores(job.record, job.digest()) == scores


@pytest.mark.parametrize("name", ["drums", "mixture"])
def test_a_kept_result_serves_only_the_references_it_was_made_from(make_job, rewrite, name):
    job = make_job()
    score_files(job)
    rewrite(job.track.paths[name], lambda audio: audio[:, :-1])
    assert read_scores(job.record, job.digest()) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"digest": "x", "values": 3}'])
def test_a_damaged_record_is_no_result(tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    assert read_scores(tmp_path / "a.json", "x") is None


@pytest.mark.parametrize("num_samples", [-800, -1, 1, 800])
def test_lengths_within_a_tenth_of_a_second_are_fitted(make_job, rewrite, num_samples):
    job = make_job()
    references, estimates, mixture = arrays_of(job)
    kept = min(0, num_samples) or None
    fitted = estimates.copy()
    fitted[..., estimates.shape[-1] + (kept or 0) :] = 0.0
    padding = ((0, 0), (0, max(0, num_samples)))
    for path in job.estimates.values():
        rewrite(path, lambda audio: np.pad(audio[:, :kept], padding, constant_values=0.3))
    assert_same(score_files(job), score_arrays(references, fitted, mixture, RATE, CONFIG))


@pytest.mark.parametrize("num_samples", [-801, 801])
def test_other_lengths_are_refused(make_job, rewrite, num_samples):
    job = make_job()
    path = job.estimates["bass"]
    rewrite(
        path, lambda audio: audio[:, :num_samples] if num_samples < 0 else np.pad(audio, ((0, 0), (0, 801)))
    )
    with pytest.raises(StemMismatchError, match="another length") as raised:
        score_files(job)
    assert (raised.value.file, raised.value.expected) == (path, "20000 frames")
    assert raised.value.found == f"{20000 + num_samples} frames"


def test_another_sample_rate_is_refused(make_job, rewrite):
    job = make_job()
    rewrite(job.estimates["drums"], rate=11025)
    with pytest.raises(StemMismatchError, match="another sample rate") as raised:
        score_files(job)
    error = raised.value
    assert (error.file, error.expected, error.found) == (job.estimates["drums"], "8000 Hz", "11025 Hz")


def test_other_channels_are_refused(make_job, rewrite):
    job = make_job()
    rewrite(job.estimates["drums"], lambda audio: np.concatenate([audio, audio[:1]]))
    with pytest.raises(StemMismatchError, match="another number of channels") as raised:
        score_files(job)
    assert (raised.value.file, raised.value.expected, raised.value.found) == (job.estimates["drums"], 2, 3)


def test_stereo_estimates_of_mono_references_are_refused(make_job, rewrite):
    job = make_job(references={"num_channels": 1})
    for path in job.estimates.values():
        rewrite(path, lambda audio: np.concatenate([audio, audio]))
    with pytest.raises(StemMismatchError, match="another number of channels"):
        score_files(job)


@pytest.mark.parametrize("side", ["reference", "estimate"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_samples_that_are_no_numbers_are_refused(make_job, rewrite, side, value):
    job = make_job()
    path = (job.track.paths if side == "reference" else job.estimates)["bass"]

    def spoil(audio):
        audio[1, 40:43] = value
        return audio

    rewrite(path, spoil)
    with pytest.raises(DataError, match="NaN or infinite") as raised:
        score_files(job)
    error = raised.value
    assert (error.file, error.expected, error.found) == (path, "finite numbers", "3 others")


def test_a_missing_estimate_is_named(make_job):
    job = make_job()
    job.estimates["bass"].unlink()
    with pytest.raises(NoInputError, match="no estimate of bass") as raised:
        score_files(job)
    assert raised.value.file == job.estimates["bass"]


@pytest.mark.parametrize("name", ["mixture", "drums"])
def test_a_missing_file_of_the_references_is_named(make_job, name):
    job = make_job()
    job.track.paths[name].unlink()
    with pytest.raises(UnreadableFileError, match=rf"{name}\.wav"):
        score_files(job)


def test_a_stem_that_the_references_lack_is_named(make_job):
    job = make_job()
    asked = replace(
        job,
        estimates={**job.estimates, "vocals": job.estimates["bass"]},
        config=ScoringConfig(stems=("drums", "vocals")),
    )
    with pytest.raises(StemMismatchError, match="A - Song has no reference of vocals") as raised:
        score_files(asked)
    assert (raised.value.expected, raised.value.found) == ("drums, vocals", "mixture, drums, bass")


def test_a_stem_that_the_references_lack_has_no_kept_result(make_job):
    job = make_job()
    files = {**job.estimates, "vocals": job.estimates["bass"]}
    asked = replace(job, estimates=files, config=ScoringConfig(stems=("drums", "vocals")))
    assert asked.digest() != job.digest()


def test_a_file_that_is_no_audio_is_named(make_job):
    job = make_job()
    job.estimates["drums"].write_text("no sound")
    with pytest.raises(UnreadableFileError, match=r"drums\.wav"):
        score_files(job)


def test_a_truncated_file_is_named(make_job):
    job = make_job()
    job.estimates["drums"].write_bytes(job.estimates["drums"].read_bytes()[:5000])
    with pytest.raises(TruncatedFileError, match=r"drums\.wav"):
        score_files(job)


@pytest.mark.parametrize("spoil", ["missing", "damaged"])
def test_nothing_is_kept_of_a_track_that_cannot_be_scored(make_job, spoil):
    job = make_job()
    score_files(job)
    job.record.unlink()
    job.estimates["drums"].unlink() if spoil == "missing" else job.estimates["drums"].write_text("no")
    with pytest.raises(DataError):
        score_files(job)
    assert list(job.record.parent.iterdir()) == []


def test_mono_estimates_count_on_both_channels(make_job, rewrite):
    job = make_job(estimates={"num_channels": 1})
    mono = score_files(job)
    for path in job.estimates.values():
        rewrite(path, lambda audio: np.concatenate([audio, audio]))
    assert_same(mono, score_files(job))


def test_one_channel_scores_the_means_of_the_channels(make_job):
    job = make_job(ScoringConfig(stems=STEMS, num_channels=1))
    means = [
        signal.mean(axis=-2, keepdims=True, dtype=np.float64).astype(np.float32) for signal in arrays_of(job)
    ]
    assert_same(score_files(job), score_arrays(*means, RATE, CONFIG))


def test_a_silent_stem_is_counted_and_the_others_are_scored(make_job, write_estimates):
    stems = ("drums", "bass", "other")
    job = make_job(
        ScoringConfig(stems=stems),
        references={"stems": stems, "silent": ("bass",)},
        estimates={"stems": stems},
    )
    scores = score_files(job)
    without = score_files(replace(job, config=ScoringConfig(stems=("drums", "other"))))
    found, alone = values_of(scores), values_of(without)
    assert all(math.isnan(found["bass", metric]) for metric in METRICS)
    for stem in ("drums", "other"):
        for metric in METRICS:
            assert found[stem, metric] == pytest.approx(alone[stem, metric], abs=1e-6)
    silence = scores.silence["bass"]
    assert (silence.num_frames, silence.num_silent_references, silence.num_silent_estimates) == (2, 2, 0)
    assert silence.is_reference_silent
    assert not scores.silence["drums"].is_reference_silent


def test_an_estimate_that_is_silent_for_a_second_is_counted(make_job, rewrite):
    job = make_job()

    def mute(audio):
        audio[:, :RATE] = 0.0
        return audio

    rewrite(job.estimates["drums"], mute)
    scores = score_files(job)
    assert scores.silence["drums"].num_silent_estimates == 1
    assert not scores.silence["drums"].is_estimate_silent
    first, second = (frame["metrics"]["SDR"] for frame in scores.frames[1]["frames"])
    assert math.isnan(first)
    assert values_of(scores)["bass", "SDR"] == pytest.approx(second, abs=1e-12)
