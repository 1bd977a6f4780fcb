"""Pitch and tempo of tones and pulses after a change."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from sep_pipeline.audio.pitch_tempo import changed, pitch_tempo_batch, window_samples_at
from sep_pipeline.errors import ConfigurationError

Signal = npt.NDArray[np.float32]
RATE = 8000


def tone(rate: int, seconds: float, hz: float = 440.0) -> Signal:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


def frequency(signal: Signal, rate: int) -> float:
    """Peak of the spectrum of the middle, by a parabola through the logarithms of three bins."""
    middle = signal[rate // 5 : -rate // 5]
    num_bins = 8 * len(middle)
    spectrum = np.abs(np.fft.rfft(middle * np.blackman(len(middle)), num_bins))
    peak = int(spectrum.argmax())
    left, top, right = np.log(spectrum[peak - 1 : peak + 2])
    return float((peak + 0.5 * (left - right) / (left - 2 * top + right)) * rate / num_bins)


def purity_db(signal: Signal, rate: int, hz: float) -> float:
    """Power of the middle at one frequency over all that is left."""
    middle = signal[rate // 5 : -rate // 5].astype(np.float64)
    angle = 2 * np.pi * hz * np.arange(len(middle)) / rate
    waves = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    fitted = waves @ np.linalg.lstsq(waves, middle, rcond=None)[0]
    return float(10 * np.log10(np.sum(fitted**2) / np.sum((middle - fitted) ** 2)))


def drum_hits(rate: int, seconds: float, onsets: npt.NDArray[np.float64]) -> Signal:
    """Decaying bursts of noise, 150 ms each."""
    random = np.random.default_rng(3)
    signal = np.zeros(round(rate * seconds), dtype=np.float32)
    decay = np.exp(-np.arange(round(0.15 * rate)) / (0.03 * rate))
    for onset in onsets:
        start = round(onset * rate)
        hit = 0.3 * random.standard_normal(len(decay)) * decay
        signal[start : start + len(hit)] += hit[: len(signal) - start].astype(np.float32)
    return signal


def onsets_near(signal: Signal, rate: int, expected: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Where within 0.1 s of an expected onset the power of 5 ms first passes a quarter of its largest value."""
    width = round(0.005 * rate)
    power = np.convolve(signal.astype(np.float64) ** 2, np.ones(width), "same")
    found = []
    for onset in expected:
        start, end = round((onset - 0.1) * rate), round((onset + 0.1) * rate)
        window = power[start:end]
        found.append((start + int(np.argmax(window > 0.25 * window.max()))) / rate)
    return np.array(found)


@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("semitones", [-3.0, -1.37, 0.41, 2.0, 2.93])
def test_a_tone_lands_on_the_asked_pitch_within_a_thousandth(rate: int, semitones: float) -> None:
    result = changed(
        tone(rate, 1.5), semitones=semitones, tempo=1.0, sample_rate=rate, num_frames=rate * 3 // 2
    )
    assert frequency(result, rate) == pytest.approx(440 * 2 ** (semitones / 12), rel=1e-3)


@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("tempo", [0.8, 0.93, 1.2])
def test_a_changed_tempo_keeps_the_pitch_within_a_thousandth(rate: int, tempo: float) -> None:
    source = tone(rate, 1.5 * tempo)
    result = changed(source, semitones=0.0, tempo=tempo, sample_rate=rate, num_frames=rate * 3 // 2)
    assert frequency(result, rate) == pytest.approx(440, rel=1e-3)


@pytest.mark.parametrize(
    ("semitones", "tempo"), [(2.0, 1.0), (-2.7, 1.0), (0.0, 0.8), (0.0, 1.2), (1.5, 1.1)]
)
def test_a_tone_stays_pure(semitones: float, tempo: float) -> None:
    source = tone(RATE, 1.5 * tempo)
    result = changed(source, semitones=semitones, tempo=tempo, sample_rate=RATE, num_frames=RATE * 3 // 2)
    assert purity_db(result, RATE, frequency(result, RATE)) > 45


@pytest.mark.parametrize(("semitones", "tempo"), [(0.0, 0.8), (0.0, 1.2), (2.0, 1.0), (-2.7, 1.1)])
def test_the_sound_lasts_as_long_as_the_tempo_says(semitones: float, tempo: float) -> None:
    source = tone(RATE, 1.0)
    result = changed(source, semitones=semitones, tempo=tempo, sample_rate=RATE, num_frames=2 * RATE)
    end = round(RATE / tempo)
    assert np.abs(result[end - 400 : end - 100]).max() > 0.4
    assert np.abs(result[end + 1 :]).max() == 0


@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize(("semitones", "tempo"), [(0.0, 0.8), (0.0, 1.2), (2.0, 1.0), (-2.7, 1.1)])
def test_drum_hits_land_where_the_tempo_says_within_a_hop(rate: int, semitones: float, tempo: float) -> None:
    onsets = np.arange(0.25, 1.75, 0.25)
    source = drum_hits(rate, 2.0, onsets)
    num_frames = round(2.0 * rate / tempo)
    result = changed(source, semitones=semitones, tempo=tempo, sample_rate=rate, num_frames=num_frames)
    errors = onsets_near(result, rate, onsets / tempo) - onsets / tempo
    assert np.abs(errors).max() <= 0.008


def test_stems_changed_together_equal_stems_changed_alone() -> None:
    stems = np.stack([tone(RATE, 1.0), drum_hits(RATE, 1.0, np.array([0.2, 0.6]))])[:, None]
    together = changed(stems, semitones=1.3, tempo=0.9, sample_rate=RATE, num_frames=RATE)
    alone = [changed(stem, semitones=1.3, tempo=0.9, sample_rate=RATE, num_frames=RATE) for stem in stems]
    np.testing.assert_allclose(together, np.stack(alone), rtol=0, atol=1e-5)


def test_equal_channels_stay_equal_and_opposite_ones_opposite() -> None:
    left = drum_hits(RATE, 1.0, np.array([0.2, 0.6])) + tone(RATE, 1.0)
    result = changed(
        np.stack([left, left, -left]), semitones=-2.2, tempo=1.1, sample_rate=RATE, num_frames=RATE
    )
    np.testing.assert_array_equal(result[0], result[1])
    np.testing.assert_allclose(result[2], -result[0], rtol=0, atol=1e-4)


def test_a_repeated_call_gives_the_same_numbers_and_leaves_the_input() -> None:
    source = np.random.default_rng(0).standard_normal((2, RATE)).astype(np.float32)
    before = source.copy()
    first, second = (
        changed(source, semitones=0.7, tempo=1.13, sample_rate=RATE, num_frames=RATE) for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(source, before)


def test_no_change_gives_the_samples_bit_for_bit() -> None:
    source = np.random.default_rng(0).standard_normal((2, 3, 500)).astype(np.float32)
    result = changed(source, semitones=0.0, tempo=1.0, sample_rate=RATE, num_frames=600)
    np.testing.assert_array_equal(result[..., :500], source)
    np.testing.assert_array_equal(result[..., 500:], np.zeros((2, 3, 100), dtype=np.float32))


@pytest.mark.parametrize("num_samples", [0, 1, 100])
def test_signals_shorter_than_a_window_come_back_at_the_asked_length(num_samples: int) -> None:
    source = np.full((2, num_samples), 0.1, dtype=np.float32)
    result = changed(source, semitones=1.0, tempo=0.9, sample_rate=RATE, num_frames=120)
    assert result.shape == (2, 120)
    assert np.isfinite(result).all()


def test_silence_stays_silence() -> None:
    silence = np.zeros((2, RATE), dtype=np.float32)
    assert not changed(silence, semitones=1.0, tempo=0.9, sample_rate=RATE, num_frames=RATE).any()


def test_a_batch_changes_every_item_by_its_own_amounts() -> None:
    num_frames, semitones, tempi = RATE, [0.0, 1.9, -2.4], [1.0, 0.85, 1.15]
    source = np.random.default_rng(1).standard_normal((3, 2, 1, round(1.15 * RATE))).astype(np.float32)
    batch = pitch_tempo_batch(
        torch.from_numpy(source), semitones, tempi, sample_rate=RATE, num_frames=num_frames
    )
    alone = [
        changed(
            item[..., : round(num_frames * tempo)],
            semitones=shift,
            tempo=tempo,
            sample_rate=RATE,
            num_frames=num_frames,
        )
        for item, shift, tempo in zip(source, semitones, tempi, strict=True)
    ]
    np.testing.assert_array_equal(batch.numpy(), np.stack(alone))


def test_a_batch_with_too_few_amounts_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="found: \\(1, 2\\)"):
        pitch_tempo_batch(torch.zeros(2, 100), [1.0], [1.0, 1.0], sample_rate=RATE, num_frames=100)


@pytest.mark.parametrize(("tempo", "rate", "name"), [(0.0, RATE, "tempo"), (1.0, 0, "sample_rate")])
def test_an_impossible_tempo_or_rate_is_refused(tempo: float, rate: int, name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        changed(np.zeros(10, dtype=np.float32), semitones=0.0, tempo=tempo, sample_rate=rate, num_frames=10)


@pytest.mark.parametrize(("rate", "samples"), [(8000, 512), (16_000, 1024), (44_100, 2816)])
def test_the_window_lasts_about_64_milliseconds(rate: int, samples: int) -> None:
    assert window_samples_at(rate) == samples


@pytest.mark.gpu
def test_a_gpu_gives_what_the_cpu_gives() -> None:
    source = torch.from_numpy(tone(RATE, 1.0))[None, None]
    on_cpu = pitch_tempo_batch(source, [1.5], [1.0], sample_rate=RATE, num_frames=RATE)
    on_gpu = pitch_tempo_batch(source.cuda(), [1.5], [1.0], sample_rate=RATE, num_frames=RATE)
    torch.testing.assert_close(on_gpu.cpu(), on_cpu, rtol=0, atol=1e-3)
