"""Trained separators: their folder on disk, and separation of any recording.

A separator on disk is one folder: its card `separator.json` beside one safetensors file per stem, or per group of stems
that one model gives.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from torch import Tensor, nn

from sep_pipeline.audio.channels import to_channels
from sep_pipeline.audio.resampling import resample
from sep_pipeline.errors import CheckpointMismatchError, ConfigurationError, TooShortError, naming_file
from sep_pipeline.files import folder_written_aside, write_text
from sep_pipeline.models.waveform import MODELS as WAVEFORM_MODELS
from sep_pipeline.models.weights import load_weights, save_weights
from sep_pipeline.separation.blocks import Audio
from sep_pipeline.separation.card import CARD_NAME, SeparatorCard, card_text, read_card
from sep_pipeline.separation.chimera_separator import build_chimera_separator
from sep_pipeline.separation.deep_demix_separator import REGISTERED_NAMES, build_deep_demix_separator
from sep_pipeline.separation.interface import Separator
from sep_pipeline.separation.open_unmix import build_open_unmix_separator
from sep_pipeline.separation.vqvae_separator import build_vqvae_separator
from sep_pipeline.separation.waveform_separator import build_waveform_separator
from sep_pipeline.separation.wiener import mixture_consistency as share_residual
from sep_pipeline.separation.wiener import wiener_refine

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

CHANNEL_MAPPINGS = ("mean", "per_channel")


class _Builder(Protocol):
    def __call__(
        self, card: SeparatorCard, states: Mapping[str, Mapping[str, Tensor]], *, device: str, precision: str
    ) -> Separator: ...


MODEL_CLASSES: dict[str, _Builder] = {
    "open_unmix": build_open_unmix_separator,
    "chimera": build_chimera_separator,
    **dict.fromkeys(REGISTERED_NAMES.values(), build_deep_demix_separator),
    "vqvae": build_vqvae_separator,
    **dict.fromkeys(WAVEFORM_MODELS, build_waveform_separator),
}
"""Registered name of a model class to the function that makes its separator."""


def save_separator(
    folder: Path,
    models: Mapping[str, nn.Module],
    *,
    name: str,
    model: str,
    config: DataclassInstance | Mapping[str, Any],
    sample_rate: int,
    channels: int,
    seed: int | None,
    steps: int,
    data_hash: str,
    licence: str,
    metadata: Mapping[str, Any] | None = None,
) -> SeparatorCard:
    """Write a separator folder, which appears only when it is complete and replaces an older one.

    Args:
        folder: The folder to write.
        models: Stem name to its model; the order is that of the output. One model may give several stems.
        name: See `SeparatorCard`, as for the arguments below.
        model: A name in `MODEL_CLASSES`.
        config: The model's configuration, a dataclass or a mapping.
        sample_rate: In Hz.
        channels: Number of channels.
        seed: Training seed.
        steps: Training steps.
        data_hash: Hash of the training data.
        licence: Licence of the weights.
        metadata: Further entries that JSON can hold.

    Returns:
        The card as written.

    Raises:
        ConfigurationError: The model class is unknown or a value is out of range.
        StorageError: The folder is not writable or the disk is full.
    """
    if model not in MODEL_CLASSES:
        raise ConfigurationError(
            "unknown model class", parameter="model", expected=sorted(MODEL_CLASSES), found=model
        )
    card = SeparatorCard(
        name=name,
        model=model,
        config=dict(config) if isinstance(config, Mapping) else dataclasses.asdict(config),
        stems=tuple(models),
        weights=_file_names(models),
        sample_rate=sample_rate,
        channels=channels,
        seed=seed,
        steps=steps,
        data_hash=data_hash,
        licence=licence,
        metadata=dict(metadata or {}),
    )
    with folder_written_aside(folder) as aside:
        for file_name, stems in _stems_by_file(card.weights).items():
            text = {"stem": "+".join(stems), "name": name}
            save_weights(aside / file_name, models[stems[0]].state_dict(), metadata=text)
        write_text(aside / CARD_NAME, card_text(card))
    return card


def _file_names(models: Mapping[str, nn.Module]) -> dict[str, str]:
    """Stem to its weights file; stems that share one module share one file."""
    stems = list(models)
    owners = [next(other for other in stems if models[other] is models[stem]) for stem in stems]
    is_shared = len(stems) > 1 and len(set(owners)) == 1
    return {
        stem: "weights.safetensors" if is_shared else f"{owner}.safetensors"
        for stem, owner in zip(stems, owners, strict=True)
    }


def _stems_by_file(weights: Mapping[str, str]) -> dict[str, list[str]]:
    files: dict[str, list[str]] = {}
    for stem, file_name in weights.items():
        files.setdefault(file_name, []).append(stem)
    return files


def load_separator(folder: Path, *, device: str = "cpu", precision: str = "fp32") -> Separator:
    """Load a trained separator.

    Args:
        folder: The folder that `save_separator` wrote.
        device: Name of the device on which it runs.
        precision: "fp32" or "bf16".

    Returns:
        The separator, in evaluation mode.

    Raises:
        MissingCheckpointError: The card or a weights file is missing.
        TruncatedCheckpointError: The card or a weights file does not parse.
        CheckpointMismatchError: Unknown or missing keys, an unknown model class, or weights that do not fit.
    """
    card = read_card(folder)
    if card.model not in MODEL_CLASSES:
        raise CheckpointMismatchError(
            "unknown model class",
            file=folder / CARD_NAME,
            parameter="model",
            expected=sorted(MODEL_CLASSES),
            found=card.model,
        )
    by_file = {file_name: load_weights(folder / file_name)[0] for file_name in set(card.weights.values())}
    states = {stem: by_file[file_name] for stem, file_name in card.weights.items()}
    with naming_file(folder / CARD_NAME, CheckpointMismatchError):
        return MODEL_CLASSES[card.model](card, states, device=device, precision=precision)


def separate(
    separator: Separator,
    mixture: Audio,
    sample_rate: int,
    *,
    mode: str = "context",
    channels: str = "mean",
    mixture_consistency: bool = False,
    wiener: bool = False,
) -> Audio:
    """Separate a recording of any sample rate, number of channels and length.

    Args:
        separator: A trained separator.
        mixture: float32, (channel, time), at least one sample.
        sample_rate: Sample rate of the mixture in Hz; the estimates come back at the same rate.
        mode: "context" or, for the behaviour of the replicated study, "published".
        channels: For a mono separator and several channels: "mean" separates their mean, "per_channel" each
            one.
        mixture_consistency: Whether the residual is shared among the estimates afterwards.
        wiener: Whether the estimates are refined on the mixture's STFT.

    Returns:
        float32, (stem, channel, time), as long as the mixture. The channels are those of the separator, or
        those of the mixture if it has fewer or with "per_channel".

    Raises:
        ConfigurationError: Unknown mode or channel mapping.
        StemMismatchError: The channels cannot be mapped.
        TooShortError: The mixture has no samples.
    """
    if channels not in CHANNEL_MAPPINGS:
        raise ConfigurationError(
            "unknown channel mapping", parameter="channels", expected=CHANNEL_MAPPINGS, found=channels
        )
    if mixture.ndim != 2 or mixture.size == 0:
        raise TooShortError("nothing to separate", expected="(channel, time), 1 sample", found=mixture.shape)
    is_per_channel = channels == "per_channel" and separator.num_channels == 1
    mapped = mixture if is_per_channel else to_channels(mixture, min(separator.num_channels, len(mixture)))
    groups = [mapped[index : index + 1] for index in range(len(mapped))] if is_per_channel else [mapped]
    parts = [_separate_group(separator, group, sample_rate, mode) for group in groups]
    estimates = np.concatenate(parts, axis=1)
    if wiener:
        estimates = wiener_refine(mapped, estimates)
    return share_residual(mapped, estimates) if mixture_consistency else estimates


def _separate_group(separator: Separator, mixture: Audio, sample_rate: int, mode: str) -> Audio:
    """Separate at the separator's own rate and channels, and give back those of `mixture` and its length."""
    num_channels, num_samples = mixture.shape
    native = resample(to_channels(mixture, separator.num_channels), sample_rate, separator.sample_rate)
    estimates = separator.separate(_fitted(native, max(1, native.shape[-1])), mode=mode)
    restore: Callable[[Audio], Audio] = lambda stem: to_channels(  # noqa: E731
        _fitted(resample(stem, separator.sample_rate, sample_rate), num_samples), num_channels
    )
    return np.stack([restore(stem) for stem in estimates])


def _fitted(signal: Audio, num_samples: int) -> Audio:
    """Cut or extend by zeros: resampling there and back may change the length by a sample."""
    missing = max(0, num_samples - signal.shape[-1])
    return cast(Audio, np.pad(signal[:, :num_samples], ((0, 0), (0, missing))))
