"""Cards of separators in which one network gives all stems."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from sep_pipeline.errors import CheckpointMismatchError
from sep_pipeline.separation.card import SeparatorCard

State = Mapping[str, Tensor]


def shared_state(card: SeparatorCard, states: Mapping[str, State]) -> State:
    """The weights that all stems share.

    Args:
        card: The card.
        states: Stem name to the state dict of the network.

    Raises:
        CheckpointMismatchError: Stems differ in their weights.
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
    return states[first]


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
