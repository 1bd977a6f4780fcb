"""Streaming Open-Unmix with four targets: time per hop, loss of fewer bits, and deadlines at the pace of music.

Reference: the layers of the models as they are, one model after the other, frame by frame with carried state,
in the same run and in turns with the others. Models have random weights, with statistics and batch norms fitted
to the made music, so that masks vary; `--model` takes trained ones instead. Loss is that of the stems against
fp32, mean over stems. `cpu` is processor time per hop, which other programs disturb less.

Usage: python benchmarks/streaming.py [--hidden 256 512] [--threads 1 2] [--hops 400]
       python benchmarks/streaming.py --live-seconds 300 [--hidden 512]
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sep_pipeline.commands.stream.timing import run_stream
from sep_pipeline.models.open_unmix import OpenUnmix, OpenUnmixConfig, magnitude
from sep_pipeline.models.open_unmix.config import config_from
from sep_pipeline.models.open_unmix.network import State
from sep_pipeline.models.weights import load_into, load_weights
from sep_pipeline.separation.card import read_card
from sep_pipeline.separation.streaming import PRECISIONS, StreamingSeparator

RATE = 44_100
TARGETS = ("vocals", "drums", "bass", "other")
HOPS_PER_TURN = 25
EAGER = "eager, one by one"

Audio = npt.NDArray[np.float32]
Models = dict[str, OpenUnmix]


def main() -> None:
    """Print the table, or pace a stream."""
    arguments = _arguments()
    for hidden in arguments.hidden:
        config = OpenUnmixConfig(hidden_size=hidden, is_unidirectional=True)
        models = _trained(arguments.model) if arguments.model else _fitted(config)
        if arguments.live_seconds:
            _pace(models, arguments)
        else:
            _compare(models, arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hidden", type=int, nargs="*", default=[256, 512])
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--hops", type=int, default=400, help="hops per variant")
    parser.add_argument("--model", type=Path, help="separator folder in place of random weights")
    parser.add_argument("--live-seconds", type=float, default=0, help="pace a stream of this length instead")
    parser.add_argument("--precision", choices=PRECISIONS, default="fp32", help="of the paced stream")
    return parser.parse_args()


def _compare(models: Models, arguments: argparse.Namespace) -> None:
    hop, hidden = 1024, next(iter(models.values())).config.hidden_size
    song = _music(arguments.hops * hop / RATE)
    streams = {name: StreamingSeparator(models, RATE, precision=name) for name in PRECISIONS}
    losses = _losses(streams, song)
    print(f"hidden {hidden}, {len(models)} targets, {arguments.hops} hops of {1000 * hop / RATE:.2f} ms")
    print(
        f"{'variant':<20}{'threads':>8}{'mean':>8}{'median':>8}{'p99':>8}{'worst':>8}{'cpu':>8}"
        f"{'ratio':>8}{'batched':>9}{'loss dB':>9}"
    )
    for num_threads in arguments.threads:
        torch.set_num_threads(num_threads)
        for stream in streams.values():
            stream.reset()
        steps = {EAGER: _Eager(models).process, **{name: stream.process for name, stream in streams.items()}}
        wall, processor = _times(steps, song, hop)
        for name, times in wall.items():
            batched = _batched(streams[name], song, hop) if name in streams else ""
            print(
                f"{name:<20}{num_threads:>8}{times.mean():>8.2f}{np.median(times):>8.2f}"
                f"{np.percentile(times, 99):>8.2f}{times.max():>8.2f}{processor[name].mean():>8.2f}"
                f"{np.median(wall[EAGER]) / np.median(times):>7.1f}x{batched:>9}{losses.get(name, ''):>9}"
            )
    print()


def _times(
    steps: Mapping[str, Callable[[Audio], Audio]], song: Audio, hop: int
) -> tuple[dict[str, npt.NDArray[np.float64]], dict[str, npt.NDArray[np.float64]]]:
    """Milliseconds per hop, by the clock and of the processor; variants take turns, whose first hop is left out."""
    wall: dict[str, list[float]] = {name: [] for name in steps}
    processor: dict[str, list[float]] = {name: [] for name in steps}
    num_hops = song.shape[1] // hop
    for first in range(0, num_hops, HOPS_PER_TURN):
        for name, step in steps.items():
            for index in range(first, min(first + HOPS_PER_TURN, num_hops)):
                block = song[:, index * hop : (index + 1) * hop]
                begin, begin_processor = time.perf_counter(), time.process_time()
                step(block)
                if index > first:
                    wall[name].append(1000 * (time.perf_counter() - begin))
                    processor[name].append(1000 * (time.process_time() - begin_processor))
    return (
        {name: np.asarray(times) for name, times in wall.items()},
        {name: np.asarray(times) for name, times in processor.items()},
    )


def _batched(stream: StreamingSeparator, song: Audio, hop: int) -> str:
    """Milliseconds per hop when the whole song is handed over at once."""
    stream.reset()
    begin = time.perf_counter()
    stream.process(song)
    return f"{1000 * (time.perf_counter() - begin) / (song.shape[1] // hop):.2f}"


def _losses(streams: dict[str, StreamingSeparator], song: Audio) -> dict[str, str]:
    stems = {name: np.concatenate(list(stream.stream([song])), axis=-1) for name, stream in streams.items()}
    losses = {}
    for name in PRECISIONS[1:]:
        energies = np.square(stems["fp32"]).sum(axis=(1, 2))
        errors = np.square(stems[name] - stems["fp32"]).sum(axis=(1, 2))
        losses[name] = f"{np.mean(10 * np.log10(energies / errors)):.1f}"
    return losses


def _pace(models: Models, arguments: argparse.Namespace) -> None:
    torch.set_num_threads(arguments.threads[0])
    separator = StreamingSeparator(models, RATE, precision=arguments.precision)
    separator.warm_up()
    load = os.getloadavg()[0]
    report = run_stream(separator, _blocks(arguments.live_seconds), lambda _: None, is_live=True)
    print(
        f"hidden {separator.config.hidden_size}, {arguments.precision}, {arguments.threads[0]} thread(s), load "
        f"of the machine {load:.1f} before and {os.getloadavg()[0]:.1f} after\n{report.as_text()}"
    )
    sys.stdout.flush()


def _blocks(seconds: float) -> Iterator[Audio]:
    song, hop = _music(10.0), 1024
    num_blocks = song.shape[1] // hop
    for index in range(int(seconds * RATE / hop)):
        start = index % num_blocks * hop
        yield song[:, start : start + hop]


class _Eager:
    """The models as they are: a frame through each, one after the other, with the same ends of a stream."""

    def __init__(self, models: Models) -> None:
        self._models = [model.eval() for model in models.values()]
        config = self._models[0].config
        self._sizes = config.spectrogram
        self._shape = torch.hann_window(self._sizes.n_fft)
        self._states: list[State | None] = [None] * len(self._models)
        self._samples = torch.zeros(config.num_channels, self._sizes.n_fft)
        self._tails = torch.zeros(len(self._models), config.num_channels, self._sizes.n_fft)

    def process(self, block: Audio) -> Audio:
        hop = self._sizes.hop_length
        with torch.inference_mode():
            self._samples = torch.cat([self._samples[:, hop:], torch.from_numpy(block)], dim=1)
            spectrum = torch.fft.rfft(self._samples * self._shape)
            masks = [self._mask(index, spectrum.abs()) for index in range(len(self._models))]
            signals = torch.fft.irfft(spectrum * torch.stack(masks), n=self._sizes.n_fft) * self._shape
            self._tails = torch.nn.functional.pad(self._tails[..., hop:], (0, hop)) + signals
            given: Audio = (self._tails[..., :hop] / 1.5).numpy()
        return given

    def _mask(self, index: int, levels: Tensor) -> Tensor:
        """One model's layers as they stand, (channel, bin) to the same; nothing is prepared."""
        model = self._models[index]
        read = (levels[:, : model.config.num_read_bins] + model.input_mean) * model.input_scale
        encoded = torch.tanh(model.bn1(model.fc1(read.flatten()[None])))
        recurrent, self._states[index] = model.lstm(encoded[None], self._states[index])
        inner = torch.relu(model.bn2(model.fc2(torch.cat([encoded, recurrent[0]], dim=1))))
        mask = model.bn3(model.fc3(inner)).view_as(levels) * model.output_scale + model.output_mean
        return torch.relu(mask)


def _fitted(config: OpenUnmixConfig) -> Models:
    """Random models whose masks vary between 0 and about 1.5 on the made music."""
    levels = magnitude(torch.from_numpy(_music(10.0)), config.spectrogram)
    mean, deviation = levels.mean(dim=(0, 1)), levels.std(dim=(0, 1))
    deviation = deviation.clamp(min=1e-4 * float(deviation.max()))
    models = {}
    for seed, target in enumerate(TARGETS):
        model = OpenUnmix(config, seed=seed)
        model.set_input_statistics(mean, deviation)
        _fit_norms(model, levels)
        models[target] = model.eval()
    return models


def _fit_norms(model: OpenUnmix, levels: Tensor) -> None:
    with torch.no_grad():
        for name, weight in model.lstm.named_parameters():
            weight.mul_(2.0 if "weight" in name else 1.0)
        model.bn3.weight.fill_(0.5)
        model.output_mean.fill_(0.5)
        model.lstm.dropout = 0.0
        for norm in (model.bn1, model.bn2, model.bn3):
            norm.momentum = 1.0
        model.train()
        model(levels[None])


def _trained(folder: Path) -> Models:
    card = read_card(folder)
    models = {}
    for stem in card.stems:
        models[stem] = OpenUnmix(config_from(card.config)).eval()
        load_into(models[stem], load_weights(folder / card.weights[stem])[0], file=folder)
    return models


def _music(seconds: float) -> Audio:
    """Plucked chords, a bass line and bursts of noise: stereo, (channel, time)."""
    generator = np.random.default_rng(0)
    num_samples = int(seconds * RATE)
    song = np.zeros((2, num_samples))
    note = np.arange(int(0.5 * RATE)) / RATE
    for beat in range(int(seconds * 4)):
        start = int(beat * RATE / 4)
        sound = 0.3 * generator.standard_normal(len(note)) * np.exp(-40 * note)
        for pitch in (55.0, *generator.choice([220.0, 277.2, 329.6, 440.0, 554.4], 3, replace=False)):
            partials = [np.sin(2 * np.pi * pitch * k * note) / k for k in range(1, 12)]
            sound = sound + 0.1 * np.sum(partials, axis=0) * np.exp(-5 * note)
        sound = sound[: num_samples - start]
        song[:, start : start + len(sound)] += np.outer(generator.uniform(0.3, 1.0, 2), sound)
    return (0.7 * song / max(1e-9, np.abs(song).max())).astype(np.float32)


if __name__ == "__main__":
    main()
