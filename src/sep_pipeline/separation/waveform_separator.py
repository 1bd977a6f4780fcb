"""The separators of the waveform study: networks from samples to samples on songs of any length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from sep_pipeline.errors import ConfigurationError, StemMismatchError
from sep_pipeline.models.config_values import config_of_values
from sep_pipeline.models.waveform import MODELS, WaveformNetwork, build_network
from sep_pipeline.separation.blocks import Audio, Progress, ReadSamples, told
from sep_pipeline.separation.card import SeparatorCard
from sep_pipeline.separation.from_card import check_outputs, config_of_card, load_shared
from sep_pipeline.separation.interface import Separator
from sep_pipeline.separation.overlapped import cross_faded_pieces
from sep_pipeline.separation.precision import computing_in, require_precision

STEP_SAMPLES = 65_536
"""Samples by which a piece lies behind the one before; together with the context they bound the memory."""

FADE_SAMPLES = 2048
"""Samples over which neighbouring pieces are cross-faded, where they agree but for rounding."""


class WaveformSeparator(Separator):
    """All sources of a song, piece by piece, with one gain for the whole song.

    A song that is louder than full scale is scaled to it for the network, as chunks are in the training, and its
    estimates are scaled back. The song is read once before for its loudest sample.

    The mode "context" computes pieces whose inner edges, as far as padding is heard, are dropped, and cross-fades them;
    "published" computes the whole mixture in one pass, as the study's program does with its one long chunk.

    Args:
        name: Name shown in tables.
        network: The network; its sources are in the order of `stems`.
        stems: Names of the stems.
        sample_rate: In Hz.
        device: Where the network runs.
        precision: A name in `separation.precision.PRECISIONS`.
        step_samples: See `STEP_SAMPLES`; rounded up to the network's grid, as the fade is.

    Raises:
        ConfigurationError: The precision is unknown or the step is no length.
        StemMismatchError: There are not as many stems as sources.
    """

    def __init__(
        self,
        *,
        name: str,
        network: WaveformNetwork,
        stems: tuple[str, ...],
        sample_rate: int,
        device: torch.device | str = "cpu",
        precision: str = "fp32",
        step_samples: int = STEP_SAMPLES,
    ) -> None:
        if step_samples < 1:
            raise ConfigurationError(
                "not a length", parameter="step_samples", expected="at least 1", found=step_samples
            )
        if len(stems) != network.config.num_sources:
            raise StemMismatchError(
                "the network has another number of sources", expected=network.config.num_sources, found=stems
            )
        num_channels = network.config.num_channels
        super().__init__(name=name, stems=stems, sample_rate=sample_rate, num_channels=num_channels)
        self._device = torch.device(device)
        self._network = network.to(self._device).eval().requires_grad_(False)
        self._precision = require_precision(precision)
        self._step = self._on_grid(step_samples)

    def _blocks(
        self, read: ReadSamples, num_samples: int, *, is_published: bool, progress: Progress | None
    ) -> Iterator[Audio]:
        peak = max(1.0, _peak(read, num_samples, self._step))
        edge, fade = self._edge_samples, self._on_grid(FADE_SAMPLES)
        piece = max(num_samples, 2 * edge + fade + 1) if is_published else self._step + 2 * edge + fade
        pieces = cross_faded_pieces(
            lambda start, stop: self._estimated(read, start, stop, num_samples, peak),
            num_samples,
            piece_samples=piece,
            edge_samples=edge,
            fade_samples=fade,
        )
        return told((piece.numpy() for piece in pieces), num_samples, progress)

    @property
    def _edge_samples(self) -> int:
        """What is dropped at inner edges; a network with margins has no padding that could be heard."""
        config = self._network.config
        return 0 if config.margin_samples else self._on_grid(config.context_samples)

    def _on_grid(self, num_samples: int) -> int:
        grid = self._network.config.grid_samples
        return -(-num_samples // grid) * grid

    @torch.inference_mode()
    def _estimated(self, read: ReadSamples, start: int, stop: int, num_samples: int, peak: float) -> Tensor:
        """Estimates of a piece, float32, (stem, channel, time), on the CPU; silence surrounds the song."""
        config = self._network.config
        first = start - config.margin_samples
        last = first + config.input_samples(stop - start)
        heard = torch.from_numpy(read(max(0, first), min(last, num_samples)))
        padded = functional.pad(heard, (max(0, -first), max(0, last - num_samples))) / peak
        with computing_in(self._precision, self._device):
            estimates: Tensor = self._network(padded.to(self._device)[None])[0]
        return estimates[..., : stop - start].float().cpu() * peak


def build_waveform_separator(
    card: SeparatorCard, states: Mapping[str, Mapping[str, Tensor]], *, device: str, precision: str
) -> WaveformSeparator:
    """Make the separator of a card and its weights.

    Args:
        card: The card; its model is a name in `models.waveform.MODELS`, its config that of the network. Its stems
            are in the order of the sources.
        states: Stem name to the state dict of the network, the same for all.
        device: Where the network runs.
        precision: "fp32" or "bf16".

    Raises:
        CheckpointMismatchError: The configuration or the weights do not fit, or stems differ in their weights.
        ConfigurationError: The precision is unknown.
    """
    with config_of_card():
        network = build_network(config_of_values(MODELS[card.model], card.config))
    check_outputs(card, num_channels=network.config.num_channels)
    load_shared(network, card, states)
    return WaveformSeparator(
        name=card.name,
        network=network,
        stems=card.stems,
        sample_rate=card.sample_rate,
        device=device,
        precision=precision,
    )


def _peak(read: ReadSamples, num_samples: int, block_samples: int) -> float:
    """The largest absolute sample of a song."""
    starts = range(0, num_samples, block_samples)
    blocks = (read(start, min(start + block_samples, num_samples)) for start in starts)
    return max(float(np.abs(block).max()) for block in blocks)
