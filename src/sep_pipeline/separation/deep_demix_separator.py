"""The separators of the contrastive study: the autoencoder and the recurrent baseline on mono mixtures."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sep_pipeline.errors import CheckpointMismatchError, ConfigurationError, StemMismatchError
from sep_pipeline.models.deep_demix import (
    BaselineConfig,
    BaselineNetwork,
    DeepDemix,
    DeepDemixConfig,
    config_from,
    spectrum,
    waveform,
)
from sep_pipeline.models.weights import load_into
from sep_pipeline.separation.card import SeparatorCard
from sep_pipeline.separation.chunked import overlap_add
from sep_pipeline.separation.one_network import check_outputs, shared_state

Audio = npt.NDArray[np.float32]

MODES = ("context", "published")
PRECISIONS = ("fp32", "bf16")

AUTOENCODER = "deep_demix"
BASELINE = "deep_demix_baseline"
"""Registered names of the two model classes."""

SEGMENT_SAMPLES = 220_500
"""Longest stretch that the baseline computes in one pass; the card's metadata may name another `chunk_samples`.
The autoencoder's is that of its configuration."""

OVERLAP = 0.5
"""Share of a segment that is cross-faded with the next."""


class DeepDemixSeparator:
    """Masks on the mixture's magnitudes, its phase, and the inverse transform.

    Args:
        name: Name shown in tables.
        network: The network; its masks are in the order of `stems`.
        stems: Names of the stems.
        sample_rate: In Hz.
        device: Where the network runs.
        precision: A name in `PRECISIONS`; parameters and transforms do not depend on it.
        segment_samples: Length of the stretches in which the baseline computes longer mixtures.
        overlap: Share of a segment that is cross-faded with the next.

    Raises:
        ConfigurationError: The precision is unknown, or segment or overlap is out of range.
        StemMismatchError: There are not as many stems as masks, or the network is not mono.
    """

    num_channels = 1

    def __init__(
        self,
        *,
        name: str,
        network: DeepDemix | BaselineNetwork,
        stems: tuple[str, ...],
        sample_rate: int,
        device: torch.device | str = "cpu",
        precision: str = "fp32",
        segment_samples: int = SEGMENT_SAMPLES,
        overlap: float = OVERLAP,
    ) -> None:
        if precision not in PRECISIONS:
            raise ConfigurationError(
                "unknown compute precision", parameter="precision", expected=PRECISIONS, found=precision
            )
        if segment_samples < 1 or not 0 <= overlap < 1:
            raise ConfigurationError(
                "segments need samples and may overlap in part",
                parameter="segment_samples, overlap",
                expected="at least 1, 0 up to below 1",
                found=(segment_samples, overlap),
            )
        _check_masks(network, stems)
        self.name = name
        self.stems = stems
        self.sample_rate = sample_rate
        self._device = torch.device(device)
        self._network = network.to(self._device).eval().requires_grad_(False)
        self._is_bf16 = precision == "bf16"
        self._has_fixed_length = isinstance(network, DeepDemix)
        self._segment_samples = (
            network.config.encoder.segment_samples if isinstance(network, DeepDemix) else segment_samples
        )
        self._overlap = overlap

    def separate(self, mixture: Audio, *, mode: str = "context") -> Audio:
        """Estimate every stem.

        Args:
            mixture: float32, (1, time), at least one sample, in [-1, 1], at the separator's sample rate.
            mode: "context" cross-fades segments of one length, the last one filled up with zeros, where the
                mixture is longer than one; "published" lets the baseline compute the whole mixture in one pass.
                The autoencoder knows segments only, and fills up shorter mixtures.

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
        is_short = mode == "published" or signal.shape[1] <= self._segment_samples
        with torch.inference_mode():
            if is_short and not self._has_fixed_length:
                return self._pass(signal).numpy()
            return overlap_add(
                self._pass, signal, segment_samples=self._segment_samples, overlap=self._overlap
            ).numpy()

    def _pass(self, signal: Tensor) -> Tensor:
        """One pass: float32, (1, time), to (stem, 1, time), both on the CPU."""
        mixture = spectrum(signal.to(self._device), self._network.config)
        lowered = torch.autocast(self._device.type, torch.bfloat16) if self._is_bf16 else nullcontext()
        with lowered:
            masks = self._network(mixture.abs().float()[None])[0]
        stems = [waveform(mask * mixture, self._network.config, signal.shape[1]) for mask in masks.float()]
        return torch.stack([stem.float().cpu() for stem in stems])


def build_deep_demix_separator(
    card: SeparatorCard, states: Mapping[str, Mapping[str, Tensor]], *, device: str, precision: str
) -> DeepDemixSeparator:
    """Make the separator of a card and its weights.

    Args:
        card: The card; its model is `AUTOENCODER` with the config of `DeepDemixConfig`, or `BASELINE` with that of
            `BaselineConfig`. Its stems are in the order of the masks.
        states: Stem name to the state dict of the network, the same for all.
        device: Where the network runs.
        precision: "fp32" or "bf16".

    Raises:
        CheckpointMismatchError: The configuration or the weights do not fit, or stems differ in their weights.
        ConfigurationError: The precision is unknown, or segment or overlap in the metadata is out of range.
    """
    network = _network(card)
    load_into(network, shared_state(card, states), file=card.weights[card.stems[0]])
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


def _network(card: SeparatorCard) -> DeepDemix | BaselineNetwork:
    if card.model not in (AUTOENCODER, BASELINE):
        raise CheckpointMismatchError(
            "not a model class of the contrastive study",
            parameter="model",
            expected=f"{AUTOENCODER} or {BASELINE}",
            found=card.model,
        )
    check_outputs(card, num_channels=DeepDemixSeparator.num_channels)
    try:
        if card.model == AUTOENCODER:
            return DeepDemix(config_from(DeepDemixConfig, card.config))
        return BaselineNetwork(config_from(BaselineConfig, card.config))
    except ConfigurationError as error:
        raise CheckpointMismatchError(
            "the model configuration is not valid", parameter="config", found=error
        ) from error


def _check_masks(network: DeepDemix | BaselineNetwork, stems: tuple[str, ...]) -> None:
    if len(stems) != network.num_sources:
        raise StemMismatchError(
            "the network has another number of masks", expected=network.num_sources, found=stems
        )
    if isinstance(network, BaselineNetwork) and network.config.num_channels != 1:
        raise StemMismatchError(
            "the network is not mono", expected="1 channel", found=network.config.num_channels
        )
