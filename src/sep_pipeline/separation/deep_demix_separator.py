"""The separators of the contrastive study: networks whose masks give all stems of a mono mixture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from sep_pipeline.errors import CheckpointMismatchError, ConfigurationError, StemMismatchError
from sep_pipeline.models.deep_demix import BaselineNetwork, MaskModel, MaskNetwork, mask_network
from sep_pipeline.separation.blocks import ReadSignal
from sep_pipeline.separation.card import SeparatorCard
from sep_pipeline.separation.from_card import check_outputs, config_of_card, load_shared
from sep_pipeline.separation.mask_separator import MaskSeparator
from sep_pipeline.separation.overlapped import overlap_add_blocks

REGISTERED_NAMES: dict[MaskModel, str] = {
    "autoencoder": "deep_demix",
    "baseline": "deep_demix_baseline",
    "mask_network": "deep_demix_mask_network",
}
"""Architecture to the model class of its separator card."""

SEGMENT_SAMPLES = 220_500
"""Longest stretch that the baseline computes in one pass; the card's metadata may name another `chunk_samples`.
That of a network with an encoder is the encoder's."""

OVERLAP = 0.5
"""Share of a segment that is cross-faded with the next."""


class DeepDemixSeparator(MaskSeparator):
    """Masks of the baseline or of a network with an encoder, which knows segments of one length only.

    Such a network fills up shorter mixtures with zeros and segments longer ones in the mode "published", too.

    Args:
        name: Name shown in tables.
        network: The network; its masks are in the order of `stems`.
        stems: Names of the stems.
        sample_rate: In Hz.
        device: Where the network runs.
        precision: See `MaskSeparator`.
        segment_samples: Length of the stretches in which the baseline computes longer mixtures.
        overlap: Share of a segment that is cross-faded with the next.

    Raises:
        ConfigurationError: The precision is unknown, or segment or overlap is out of range.
        StemMismatchError: There are not as many stems as masks, or the network is not mono.
    """

    def __init__(
        self,
        *,
        name: str,
        network: MaskNetwork,
        stems: tuple[str, ...],
        sample_rate: int,
        device: torch.device | str = "cpu",
        precision: str = "fp32",
        segment_samples: int = SEGMENT_SAMPLES,
        overlap: float = OVERLAP,
    ) -> None:
        if segment_samples < 1 or not 0 <= overlap < 1:
            raise ConfigurationError(
                "segments need samples and may overlap in part",
                parameter="segment_samples, overlap",
                expected="at least 1, 0 up to below 1",
                found=(segment_samples, overlap),
            )
        _check_mono(network)
        super().__init__(
            name=name,
            network=network,
            sizes=network.config,
            stems=stems,
            sample_rate=sample_rate,
            device=device,
            precision=precision,
        )
        self._has_fixed_length = not isinstance(network, BaselineNetwork)
        self._segment_samples = (
            segment_samples
            if isinstance(network, BaselineNetwork)
            else network.config.encoder.segment_samples
        )
        self._overlap = overlap

    def _estimates(self, read: ReadSignal, num_samples: int, *, is_published: bool) -> Iterator[Tensor]:
        if not self._has_fixed_length and (is_published or num_samples <= self._segment_samples):
            return self._one_pass(read, num_samples)
        return overlap_add_blocks(
            self._pass, read, num_samples, segment_samples=self._segment_samples, overlap=self._overlap
        )


def build_deep_demix_separator(
    card: SeparatorCard, states: Mapping[str, Mapping[str, Tensor]], *, device: str, precision: str
) -> DeepDemixSeparator:
    """Make the separator of a card and its weights.

    Args:
        card: The card; its model is one of `REGISTERED_NAMES`, with the config of that architecture. Its stems are in
            the order of the masks.
        states: Stem name to the state dict of the network, the same for all.
        device: Where the network runs.
        precision: "fp32" or "bf16".

    Raises:
        CheckpointMismatchError: The configuration or the weights do not fit, or stems differ in their weights.
        ConfigurationError: The precision is unknown, or segment or overlap in the metadata is out of range.
    """
    check_outputs(card, num_channels=1)
    network = _network(card)
    load_shared(network, card, states)
    return DeepDemixSeparator(
        name=card.name,
        network=network,
        stems=card.stems,
        sample_rate=card.sample_rate,
        device=device,
        precision=precision,
        segment_samples=int(card.metadata.get("chunk_samples", SEGMENT_SAMPLES)),
        overlap=float(card.metadata.get("overlap", OVERLAP)),
    )


def _network(card: SeparatorCard) -> MaskNetwork:
    models = {name: model for model, name in REGISTERED_NAMES.items()}
    if card.model not in models:
        raise CheckpointMismatchError(
            "not a model class of the contrastive study",
            parameter="model",
            expected=", ".join(models),
            found=card.model,
        )
    with config_of_card():
        return mask_network(models[card.model], card.config)


def _check_mono(network: MaskNetwork) -> None:
    if isinstance(network, BaselineNetwork) and network.config.num_channels != 1:
        raise StemMismatchError(
            "the network is not mono", expected="1 channel", found=network.config.num_channels
        )
