"""The separator of the Chimera transfer study: one network whose masks give all stems of a mono mixture."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from contextlib import nullcontext

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sep_pipeline.errors import CheckpointMismatchError, ConfigurationError, StemMismatchError
from sep_pipeline.models.chimera import ChimeraConfig, ChimeraNet, spectrum, waveform
from sep_pipeline.models.weights import load_into
from sep_pipeline.separation.card import SeparatorCard
from sep_pipeline.separation.chunked import overlap_add
from sep_pipeline.separation.one_network import check_outputs, shared_state

Audio = npt.NDArray[np.float32]

MODES = ("context", "published")
PRECISIONS = ("fp32", "bf16")

SEGMENT_SAMPLES = 160_000
"""Longest stretch in one pass, 10 s as in training; the card's metadata may name another `chunk_samples`."""

OVERLAP = 0.25
"""Share of a segment that is cross-faded with the next."""


class ChimeraSeparator:
    """Masks on the mixture's magnitudes, its phase, and the inverse transform.

    Args:
        name: Name shown in tables.
        network: The network; its masks are in the order of `stems`.
        stems: Names of the stems.
        sample_rate: In Hz.
        device: Where the network runs.
        precision: A name in `PRECISIONS`; parameters and transforms do not depend on it.
        segment_samples: Longest stretch that the mode "context" computes in one pass, which bounds the memory.

    Raises:
        ConfigurationError: The precision is unknown.
        StemMismatchError: There are not as many stems as masks.
    """

    num_channels = 1

    def __init__(
        self,
        *,
        name: str,
        network: ChimeraNet,
        stems: tuple[str, ...],
        sample_rate: int,
        device: torch.device | str = "cpu",
        precision: str = "fp32",
        segment_samples: int = SEGMENT_SAMPLES,
    ) -> None:
        if precision not in PRECISIONS:
            raise ConfigurationError(
                "unknown compute precision", parameter="precision", expected=PRECISIONS, found=precision
            )
        if len(stems) != network.config.num_sources:
            raise StemMismatchError(
                "the network has another number of masks", expected=network.config.num_sources, found=stems
            )
        self.name = name
        self.stems = stems
        self.sample_rate = sample_rate
        self._device = torch.device(device)
        self._network = network.to(self._device).eval().requires_grad_(False)
        self._is_bf16 = precision == "bf16"
        self._segment_samples = segment_samples

    def separate(self, mixture: Audio, *, mode: str = "context") -> Audio:
        """Estimate every stem.

        Args:
            mixture: float32, (1, time), at least one sample, in [-1, 1], at the separator's sample rate.
            mode: "context" cross-fades segments of equal length where the mixture is longer than one;
                "published" computes the whole mixture in one pass, as the study did with its excerpts.

        Returns:
            float32, (stem, 1, time), as long as the mixture. Estimates need not sum to the mixture.

        Raises:
            ConfigurationError: Unknown mode.
            StemMismatchError: The mixture is not mono.
        """
        if mode not in MODES:
            raise ConfigurationError("unknown mode", parameter="mode", expected=MODES, found=mode)
        if mixture.ndim != 2 or mixture.shape[0] != self.num_channels:
            raise StemMismatchError("the separator is mono", expected="(1, time)", found=mixture.shape)
        signal = torch.from_numpy(np.ascontiguousarray(mixture, dtype=np.float32))
        with torch.inference_mode():
            if mode == "published" or signal.shape[1] <= self._segment_samples:
                return self._pass(signal).numpy()
            segment = _equal_segment(signal.shape[1], self._segment_samples)
            return overlap_add(self._pass, signal, segment_samples=segment, overlap=OVERLAP).numpy()

    def _pass(self, signal: Tensor) -> Tensor:
        """One pass: float32, (1, time), to (stem, 1, time), both on the CPU."""
        mixture = spectrum(signal.to(self._device), self._network.config)
        lowered = torch.autocast(self._device.type, torch.bfloat16) if self._is_bf16 else nullcontext()
        with lowered:
            masks = self._network(mixture.abs().float()[None])[0]
        stems = [waveform(mask * mixture, self._network.config, signal.shape[1]) for mask in masks.float()]
        return torch.stack([stem.float().cpu() for stem in stems])


def build_chimera_separator(
    card: SeparatorCard, states: Mapping[str, Mapping[str, Tensor]], *, device: str, precision: str
) -> ChimeraSeparator:
    """Make the separator of a card and its weights.

    Args:
        card: The card; its config is that of `ChimeraConfig`. Its stems are in the order of the masks.
        states: Stem name to the state dict of the network, the same for all.
        device: Where the network runs.
        precision: "fp32" or "bf16".

    Raises:
        CheckpointMismatchError: The configuration or the weights do not fit, or stems differ in their weights.
        ConfigurationError: The precision is unknown.
    """
    network = ChimeraNet(_config(card))
    load_into(network, shared_state(card, states), file=card.weights[card.stems[0]])
    return ChimeraSeparator(
        name=card.name,
        network=network,
        stems=card.stems,
        sample_rate=card.sample_rate,
        device=device,
        precision=precision,
        segment_samples=int(card.metadata.get("chunk_samples", SEGMENT_SAMPLES)),
    )


def _config(card: SeparatorCard) -> ChimeraConfig:
    check_outputs(card, num_channels=ChimeraSeparator.num_channels)
    known = {entry.name for entry in dataclasses.fields(ChimeraConfig)}
    if unknown := sorted(set(card.config) - known):
        raise CheckpointMismatchError(
            "unknown model parameters", parameter="config", expected=sorted(known), found=unknown
        )
    try:
        return ChimeraConfig(**card.config)
    except (ConfigurationError, TypeError) as error:
        raise CheckpointMismatchError(
            "the model configuration is not valid", parameter="config", found=error
        ) from error


def _equal_segment(num_samples: int, longest: int) -> int:
    """Length of overlapping segments that fill the signal, so that the last is not mostly padding."""
    kept = 1.0 - OVERLAP
    num_segments = 1 + math.ceil((num_samples / longest - 1) / kept)
    # Of a length that its hop divides without rest, or a rounded hop could leave some samples to one more segment.
    unit = round(1 / OVERLAP)
    return unit * math.ceil(num_samples / (1 + (num_segments - 1) * kept) / unit)
