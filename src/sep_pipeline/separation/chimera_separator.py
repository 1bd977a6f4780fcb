"""The separator of the Chimera transfer study: one network whose masks give all stems of a mono mixture."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from sep_pipeline.models.chimera import ChimeraConfig, ChimeraNet
from sep_pipeline.models.config_values import config_of_values
from sep_pipeline.separation.blocks import ReadSignal
from sep_pipeline.separation.card import SeparatorCard
from sep_pipeline.separation.from_card import check_outputs, config_of_card, load_shared
from sep_pipeline.separation.mask_separator import MaskSeparator
from sep_pipeline.separation.overlapped import overlap_add_blocks

SEGMENT_SAMPLES = 160_000
"""Longest stretch in one pass, 10 s as in training; the card's metadata may name another `chunk_samples`."""

OVERLAP = 0.25
"""Share of a segment that is cross-faded with the next."""


class ChimeraSeparator(MaskSeparator):
    """Masks of a ChimeraNet; "context" makes all segments of a mixture equally long.

    Args:
        name: Name shown in tables.
        network: The network; its masks are in the order of `stems`.
        stems: Names of the stems.
        sample_rate: In Hz.
        device: Where the network runs.
        precision: See `MaskSeparator`.
        segment_samples: Longest stretch that the mode "context" computes in one pass, which bounds the memory.

    Raises:
        ConfigurationError: The precision is unknown.
        StemMismatchError: There are not as many stems as masks.
    """

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
        super().__init__(
            name=name,
            network=network,
            sizes=network.config,
            stems=stems,
            sample_rate=sample_rate,
            device=device,
            precision=precision,
        )
        self._segment_samples = segment_samples

    def _estimates(self, read: ReadSignal, num_samples: int, *, is_published: bool) -> Iterator[Tensor]:
        if is_published or num_samples <= self._segment_samples:
            return self._one_pass(read, num_samples)
        segment = _equal_segment(num_samples, self._segment_samples)
        return overlap_add_blocks(self._pass, read, num_samples, segment_samples=segment, overlap=OVERLAP)


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
    check_outputs(card, num_channels=1)
    with config_of_card():
        network = ChimeraNet(config_of_values(ChimeraConfig, card.config))
    load_shared(network, card, states)
    return ChimeraSeparator(
        name=card.name,
        network=network,
        stems=card.stems,
        sample_rate=card.sample_rate,
        device=device,
        precision=precision,
        segment_samples=int(card.metadata.get("chunk_samples", SEGMENT_SAMPLES)),
    )


def _equal_segment(num_samples: int, longest: int) -> int:
    """Length of overlapping segments that fill the signal, so that the last is not mostly padding."""
    kept = 1.0 - OVERLAP
    num_segments = 1 + math.ceil((num_samples / longest - 1) / kept)
    # Of a length that its hop divides without rest, or a rounded hop could leave some samples to one more segment.
    unit = round(1 / OVERLAP)
    return unit * math.ceil(num_samples / (1 + (num_segments - 1) * kept) / unit)
