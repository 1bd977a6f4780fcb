"""Open-Unmix separators from their folders: the card's configuration and filter settings, weights that fit."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from sep_pipeline.errors import CheckpointMismatchError, ConfigurationError
from sep_pipeline.models.open_unmix import OpenUnmix, OpenUnmixConfig
from sep_pipeline.models.open_unmix.config import config_from
from sep_pipeline.models.weights import load_into
from sep_pipeline.separation.card import SeparatorCard
from sep_pipeline.separation.em_wiener import EMWienerConfig
from sep_pipeline.separation.from_card import config_of_card
from sep_pipeline.separation.open_unmix.separator import RESIDUAL, OpenUnmixSeparator

WIENER = "wiener"
RESIDUAL_NAME = "residual_name"


def build_open_unmix_separator(
    card: SeparatorCard, states: Mapping[str, Mapping[str, Tensor]], *, device: str, precision: str
) -> OpenUnmixSeparator:
    """Make the separator of a card and its weights.

    Args:
        card: The card; its config is that of `OpenUnmixConfig`, the same for all stems. Its metadata may hold
            `wiener`, the settings of `EMWienerConfig`, and `residual_name`, how the stem of the residual is
            called where the filter gives one. Other entries have no effect.
        states: Stem name to the state dict of its model.
        device: Where the models run.
        precision: "fp32" or "bf16".

    Raises:
        CheckpointMismatchError: The configuration, the filter settings or the weights do not fit.
        ConfigurationError: The precision is unknown.
    """
    config = open_unmix_config(card)
    models = {}
    for stem in card.stems:
        _check_shape(config, states[stem], card.weights[stem])
        models[stem] = OpenUnmix(config)
        load_into(models[stem], states[stem], file=card.weights[stem])
    wiener = wiener_config(card)
    try:
        return OpenUnmixSeparator(
            name=card.name,
            models=models,
            sample_rate=card.sample_rate,
            device=device,
            precision=precision,
            wiener=wiener,
            residual_name=str(card.metadata.get(RESIDUAL_NAME, RESIDUAL)),
        )
    except ConfigurationError as error:
        if error.parameter == "precision":
            raise
        raise CheckpointMismatchError(
            f"the filter settings of the separator are wrong: {error.problem}",
            parameter=f"metadata.{RESIDUAL_NAME if error.parameter == RESIDUAL_NAME else WIENER}",
            expected=error.expected,
            found=error.found,
        ) from error


def open_unmix_config(card: SeparatorCard) -> OpenUnmixConfig:
    """The model's configuration on a card.

    Raises:
        CheckpointMismatchError: It has unknown names or values out of range, or other channels than the card.
    """
    with config_of_card():
        config = config_from(card.config)
    if config.num_channels != card.channels:
        raise CheckpointMismatchError(
            "the card of the separator contradicts itself",
            parameter="channels",
            expected=config.num_channels,
            found=card.channels,
        )
    return config


def wiener_config(card: SeparatorCard) -> EMWienerConfig:
    """The filter's settings on a card, the defaults where it has none.

    Raises:
        CheckpointMismatchError: They have unknown names or values out of range.
    """
    values: Any = card.metadata.get(WIENER, {})
    names = [entry.name for entry in dataclasses.fields(EMWienerConfig)]
    if not isinstance(values, Mapping) or not set(values) <= set(names):
        raise CheckpointMismatchError(
            "unknown filter settings in the card of the separator",
            parameter=f"metadata.{WIENER}",
            expected=names,
            found=sorted(set(values) - set(names)) if isinstance(values, Mapping) else values,
        )
    try:
        return EMWienerConfig(**values)
    except (ConfigurationError, TypeError) as error:
        raise CheckpointMismatchError(
            "a filter setting in the card of the separator is not valid",
            parameter=f"metadata.{WIENER}",
            found=error,
        ) from error


def _check_shape(config: OpenUnmixConfig, state: Mapping[str, Tensor], file: str) -> None:
    """Say in words what differs, where names and shapes alone would have to be interpreted."""
    facts: dict[str, tuple[object, object]] = {
        "config.is_unidirectional": (
            config.is_unidirectional,
            not any(name.endswith("_reverse") for name in state),
        ),
        "config.hidden_size": (config.hidden_size, _rows(state.get("fc1.weight"))),
        "config.num_input_bins": (config.num_read_bins, _rows(state.get("input_mean"))),
    }
    for parameter, (expected, found) in facts.items():
        if found is not None and found != expected:
            raise CheckpointMismatchError(
                "the weights were trained with another configuration than the card of the separator says",
                file=file,
                parameter=parameter,
                expected=expected,
                found=found,
            )


def _rows(tensor: Tensor | None) -> int | None:
    return None if tensor is None or not tensor.ndim else len(tensor)
