"""Cost and quality of ways to change pitch and tempo, each beside the project's own in the same run.

Cost is milliseconds per second of noise at +2 semitones and tempo 1.1. A tone of 440 Hz gives the error in cents
and the purity (its power over all that is left, in dB), each the worst of some changes. Bursts of noise 0.25 s
apart give the onsets: the largest distance between asked and found, where found is when the power of 5 ms first
passes a quarter of its largest value, and the power more than 4 ms before an onset over all power around it, in
dB. A table of windows shows what the project's sizes were chosen by. The last table sets one batch of a Chimera
training beside one update on it. Packages that are not installed are reported as absent.

Usage: python benchmarks/pitch_tempo.py [--repeats 3] [--threads 1] [--device cpu] [--training-items 1]
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import itertools
import math
import sys
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from sep_pipeline.audio.pitch_tempo import (
    TRANSIENT_SHARE,
    changed,
    pitch_tempo_batch,
    stretch,
    window_samples_at,
)

Signal = npt.NDArray[np.float32]
Change = Callable[[Signal, float, float, int, int], Signal]
SECONDS = 5.0
QUALITY_CHANGES = ((2.0, 1.0), (-2.7, 1.0), (0.0, 0.8), (0.0, 1.2), (1.5, 1.1))
BATCH_ITEMS, BATCH_STEMS, BATCH_SECONDS, BATCH_HZ = 24, 2, 10, 16_000


def main() -> None:
    """Measure every candidate at both rates, then a batch, and write the tables."""
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    for rate, num_channels in ((16_000, 1), (44_100, 2)):
        _candidates_table(rate, num_channels, arguments.repeats)
    _sizes_table(16_000, arguments.repeats)
    _batch_table(arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3, help="runs per case; the fastest counts")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    parser.add_argument("--device", default="cpu", help="where the batch is changed and trained on")
    parser.add_argument("--training-items", type=int, default=1, help="items of the update that is timed")
    return parser.parse_args()


def _own(audio: Signal, semitones: float, tempo: float, rate: int, num_frames: int) -> Signal:
    return changed(audio, semitones=semitones, tempo=tempo, sample_rate=rate, num_frames=num_frames)


def _torchaudio(audio: Signal, semitones: float, tempo: float, rate: int, num_frames: int) -> Signal:
    """The vocoder of torchaudio without resets, resampled as in the project."""
    from torchaudio.functional import phase_vocoder, resample

    ratio = Fraction(2.0 ** (semitones / 12)).limit_denominator(200)
    window_samples = window_samples_at(rate)
    hop, window = window_samples // 8, torch.hann_window(window_samples)
    spectra = torch.stft(
        torch.from_numpy(audio), window_samples, hop, window=window, pad_mode="constant", return_complex=True
    )
    advance = torch.linspace(0, math.pi * hop, spectra.shape[-2])[:, None]
    stretched = torch.istft(
        phase_vocoder(spectra, tempo / float(ratio), advance),
        window_samples,
        hop,
        window=window,
        length=math.ceil(num_frames * ratio),
    )
    resampled = resample(stretched, ratio.numerator, ratio.denominator, lowpass_filter_width=32, rolloff=0.97)
    return resampled[..., :num_frames].numpy()


def _librosa(audio: Signal, semitones: float, tempo: float, rate: int, num_frames: int) -> Signal:
    import librosa

    if tempo != 1:
        audio = librosa.effects.time_stretch(audio, rate=tempo)
    if semitones != 0:
        audio = librosa.effects.pitch_shift(audio, sr=rate, n_steps=semitones, res_type="soxr_hq")
    return audio[..., :num_frames]


def _python_stretch(audio: Signal, semitones: float, tempo: float, rate: int, num_frames: int) -> Signal:
    from python_stretch import Signalsmith

    tool = Signalsmith.Stretch(0)
    tool.preset(len(audio), rate)
    tool.setTransposeSemitones(semitones)
    tool.setTimeFactor(tempo)
    return np.asarray(tool.process(audio))[..., :num_frames]


def _resampling_alone(audio: Signal, semitones: float) -> None:
    """Floor of the cost: pitch and tempo change together."""
    import soxr

    soxr.resample(np.ascontiguousarray(audio.T), 2 ** (semitones / 12), 1.0, quality="HQ")


CANDIDATES: dict[str, tuple[Change, str]] = {
    "project: vocoder with resets": (_own, "torch"),
    "torchaudio: vocoder": (_torchaudio, "torchaudio"),
    "librosa": (_librosa, "librosa"),
    "python-stretch": (_python_stretch, "python_stretch"),
}


def _candidates_table(rate: int, num_channels: int, repeats: int) -> None:
    _line(
        f"\n{rate} Hz, {num_channels} channel(s), {SECONDS:g} s; purity and onsets without semitones in [ ]"
    )
    _line(
        f"{'':30s}{'ms per s':>9s}{'ratio':>7s}{'cents':>8s}{'purity dB':>16s}"
        f"{'onsets ms':>15s}{'early dB':>16s}"
    )
    noise = np.random.default_rng(0).standard_normal((num_channels, round(SECONDS * 1.1 * rate)))
    noise = (0.1 * noise).astype(np.float32)
    reference = 0.0
    for name, (change, package) in CANDIDATES.items():
        if importlib.util.find_spec(package) is None:
            _line(f"{name:30s}  absent")
            continue
        cost = _cost(functools.partial(change, noise, 2.0, 1.1, rate, round(SECONDS * rate)), repeats)
        reference = reference or cost
        _line(f"{name:30s}{cost:9.2f}{cost / reference:7.2f}{_quality(change, rate)}")
    floor = _cost(functools.partial(_resampling_alone, noise, 2.0), repeats)
    _line(f"{'soxr: resampling alone':30s}{floor:9.2f}{floor / reference:7.2f}")


def _cost(action: Callable[[], object], repeats: int) -> float:
    return 1000 * _fastest(action, repeats) / SECONDS


def _quality(change: Change, rate: int) -> str:
    rows = [_quality_of(change, rate, semitones, tempo) for semitones, tempo in QUALITY_CHANGES]
    stretches = [row for row, (semitones, _) in zip(rows, QUALITY_CHANGES, strict=True) if not semitones]
    cents, purity, onset, early = (_worst(rows, column) for column in range(4))
    _, stretch_purity, stretch_onset, stretch_early = (_worst(stretches, column) for column in range(4))
    return (
        f"{cents:8.2f}{f'{purity:.0f} [{stretch_purity:.0f}]':>16s}"
        f"{f'{onset:.1f} [{stretch_onset:.1f}]':>15s}{f'{early:.1f} [{stretch_early:.1f}]':>16s}"
    )


def _worst(rows: Sequence[tuple[float, ...]], column: int) -> float:
    """Purity (column 1) is worst where it is least, everything else where it is largest."""
    values = [row[column] for row in rows]
    return min(values) if column == 1 else max(values)


def _quality_of(change: Change, rate: int, semitones: float, tempo: float) -> tuple[float, ...]:
    """Cents, purity, largest onset error in ms, and power before onsets in dB."""
    num_frames = round(SECONDS * rate)
    num_source = round(num_frames * tempo)
    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(num_source) / rate)).astype(np.float32)
    middle = change(tone[None], semitones, tempo, rate, num_frames)[0, rate // 2 : -rate // 2]
    hz = _frequency(middle, rate)
    hits, onsets = _bursts(rate, num_source)
    result = change(hits[None], semitones, tempo, rate, num_frames)[0]
    asked = onsets[onsets / tempo < SECONDS - 0.3] / tempo
    onset, early = _onsets(result, rate, asked)
    cents = abs(1200 * math.log2(hz / 440) - 100 * semitones)
    return cents, _purity(middle, rate, hz), onset, early


def _frequency(signal: Signal, rate: int) -> float:
    num_bins = 8 * len(signal)
    spectrum = np.abs(np.fft.rfft(signal * np.blackman(len(signal)), num_bins))
    peak = int(spectrum.argmax())
    left, top, right = np.log(spectrum[peak - 1 : peak + 2])
    return float((peak + 0.5 * (left - right) / (left - 2 * top + right)) * rate / num_bins)


def _purity(signal: Signal, rate: int, hz: float, num_harmonics: int = 1) -> float:
    numbers = np.arange(1, num_harmonics + 1)
    angle = 2 * np.pi * hz * numbers * np.arange(len(signal))[:, None] / rate
    waves = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    fitted = waves @ np.linalg.lstsq(waves, signal.astype(np.float64), rcond=None)[0]
    return float(10 * np.log10(np.sum(fitted**2) / np.sum((signal - fitted) ** 2)))


def _bursts(rate: int, num_samples: int) -> tuple[Signal, npt.NDArray[np.float64]]:
    random = np.random.default_rng(0)
    onsets = np.arange(0.3, num_samples / rate - 0.4, 0.25)
    signal = np.zeros(num_samples, dtype=np.float32)
    decay = np.exp(-np.arange(round(0.15 * rate)) / (0.03 * rate))
    for onset in onsets:
        start = round(onset * rate)
        signal[start : start + len(decay)] += (0.3 * random.standard_normal(len(decay)) * decay).astype(
            np.float32
        )
    return signal, onsets


def _onsets(signal: Signal, rate: int, asked: npt.NDArray[np.float64]) -> tuple[float, float]:
    width = round(0.005 * rate)
    errors, shares = [], []
    for onset in asked:
        start = round((onset - 0.1) * rate)
        power = signal[start : start + round(0.2 * rate)].astype(np.float64) ** 2
        smooth = np.convolve(power, np.ones(width), "same")
        errors.append((start + int(np.argmax(smooth > 0.25 * smooth.max()))) / rate - onset)
        shares.append(power[: round(0.096 * rate)].sum() / power.sum())
    return 1000 * float(np.abs(errors).max()), 10 * math.log10(float(np.mean(shares)))


def _sizes_table(rate: int, repeats: int) -> None:
    """Sizes of the project's vocoder at tempo 0.8 and 1.2, without resampling."""
    _line(f"\n{rate} Hz: windows and resets; low note: purity of twelve harmonics of 41.2 Hz, worst case")
    _line(
        f"{'window ms':>9s}{'hops':>6s}{'resets':>8s}{'ms per s':>10s}{'onsets ms':>11s}"
        f"{'early dB':>10s}{'low note dB':>13s}"
    )
    noise = torch.randn(1, 1, round(1.2 * SECONDS * rate), generator=torch.Generator().manual_seed(0))
    for window_samples, hops, share in itertools.product((512, 1024, 1536), (4, 8), (1.0, TRANSIENT_SHARE)):
        sizes = {"window_samples": window_samples, "hops_per_window": hops, "transient_share": share}
        cost = _cost(functools.partial(stretch, noise, 1.2, round(SECONDS * rate), **sizes), repeats)
        rows = [_stretch_quality(rate, tempo, sizes) for tempo in (0.8, 1.2)]
        onset, early, low = (
            max(row[0] for row in rows),
            max(row[1] for row in rows),
            min(row[2] for row in rows),
        )
        _line(
            f"{1000 * window_samples / rate:9.0f}{hops:6d}{'yes' if share < 1 else 'no':>8s}{cost:10.2f}"
            f"{onset:11.1f}{early:10.1f}{low:13.0f}"
        )


def _stretch_quality(rate: int, tempo: float, sizes: dict[str, Any]) -> tuple[float, float, float]:
    num_source = round(SECONDS * rate * tempo)
    hits, onsets = _bursts(rate, num_source)
    angle = 2 * np.pi * 41.2 * np.arange(num_source) / rate
    note = sum(0.3 / number * np.sin(number * angle + number**2) for number in range(1, 13))
    sounds = torch.from_numpy(np.stack([hits, note]).astype(np.float32))[:, None]
    result = stretch(sounds, tempo, round(SECONDS * rate), **sizes)[:, 0].numpy()
    asked = onsets[onsets / tempo < SECONDS - 0.3] / tempo
    middle = result[1, rate // 2 : -rate // 2]
    return *_onsets(result[0], rate, asked), _purity(middle, rate, 41.2, num_harmonics=12)


def _batch_table(arguments: argparse.Namespace) -> None:
    device = torch.device(arguments.device)
    random = np.random.default_rng(0)
    semitones = random.uniform(-3, 3, BATCH_ITEMS).tolist()
    tempi = random.uniform(0.8, 1.2, BATCH_ITEMS).tolist()
    longest = math.ceil(1.2 * BATCH_SECONDS * BATCH_HZ)
    audio = (0.1 * torch.randn(BATCH_ITEMS, BATCH_STEMS, 1, longest)).to(device)

    def change() -> None:
        pitch_tempo_batch(audio, semitones, tempi, sample_rate=BATCH_HZ, num_frames=BATCH_SECONDS * BATCH_HZ)
        _wait_for(device)

    update = _chimera_update(arguments.training_items, device)
    changing = _fastest(change, arguments.repeats)
    training = _fastest(update, 1) * BATCH_ITEMS / arguments.training_items
    _line(f"\n{BATCH_ITEMS} items x {BATCH_STEMS} stems x {BATCH_SECONDS} s at {BATCH_HZ} Hz on {device}")
    _line(f"change of pitch and tempo {changing:8.3f} s")
    _line(
        f"update                    {training:8.3f} s   "
        f"(timed with {arguments.training_items} item(s), counted for {BATCH_ITEMS})"
    )
    _line(f"change / update           {changing / training:8.3f}")


def _chimera_update(num_items: int, device: torch.device) -> Callable[[], None]:
    """Forward, backward and Adam of a network of the study's size: 4 bidirectional layers of 500, 257 bins."""
    recurrent = nn.LSTM(257, 500, num_layers=4, bidirectional=True, batch_first=True, device=device)
    heads = nn.Linear(1000, 257 * (20 + BATCH_STEMS), device=device)
    optimiser = torch.optim.Adam([*recurrent.parameters(), *heads.parameters()])
    frames = torch.randn(num_items, 1251, 257, device=device)

    def update() -> None:
        optimiser.zero_grad()
        torch.sigmoid(heads(recurrent(frames)[0])).mean().backward()
        optimiser.step()
        _wait_for(device)

    return update


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _fastest(action: Callable[[], object], repeats: int) -> float:
    """Shortest of some runs in seconds, after one to warm up."""
    durations = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        action()
        durations.append(time.perf_counter() - started)
    return min(durations[1:])


def _line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
