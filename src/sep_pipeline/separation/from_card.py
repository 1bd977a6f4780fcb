"""What builders of separators take from cards: the model's configuration, and weights that all stems share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from sep_pipeline.errors import CheckpointMismatchError, ConfigurationError
from sep_pipeline.models.weights import load_into
from sep_pipeline.separation.card import SeparatorCard

State = Mapping[str, Tensor]


@contextmanager
def config_of_card() -> Iterator[None]:
    """Call the configuration of a model wrong where that of a card is made.

    Raises:
        CheckpointMismatchError: In place of a `ConfigurationError`.
    """
    try:
        yield
    except ConfigurationError as error:
        raise CheckpointMismatchError(
            "the model configuration is not valid", parameter="config", found=error
        ) from error


def load_shared(network: nn.Module, card: SeparatorCard, states: Mapping[str, State]) -> None:
    """Load the weights that all stems share.

    Args:
        network: The network to fill.
        card: The card.
        states: Stem name to the state dict of the network.

    Raises:
        CheckpointMismatchError: The weights do not fit, or stems differ in theirs.
    """
    first = card.stems[0]
    for stem in card.stems[1:]:
        if not _is_same(states[first], states[stem]):
            raise CheckpointMismatchError(
                "one network gives all stems, but their weights differ",
                file=card.weights[stem],
                expected=f"the weights of {first}",
                found=f"others for {stem}",
            )
    load_into(network, states[first], file=card.weights[first])


def check_outputs(card: SeparatorCard, *, num_channels: int) -> None:
    """Refuse a card whose channels or number of stems are not those of its network.

    Args:
        card: The card; its config names `num_sources`.
        num_channels: Channels of the network.

    Raises:
        CheckpointMismatchError: They differ.
    """
    expected = {"channels": num_channels, "num_sources": len(card.stems)}
    found = {"channels": card.channels, "num_sources": card.config.get("num_sources")}
    if found != expected:
        raise CheckpointMismatchError(
            "channels or stems are not those of the model", parameter="config", expected=expected, found=found
        )


def _is_same(first: State, second: State) -> bool:
    if first is second:
        return True
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
