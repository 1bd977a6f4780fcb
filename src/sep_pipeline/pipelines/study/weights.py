"""Weights of a network with what it takes to make the network again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from torch import Tensor

from sep_pipeline.datasets import Weights

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def network_weights(
    state: dict[str, Tensor], config: DataclassInstance, num_steps: int, **facts: str
) -> Weights:
    """Weights with the network's configuration, its updates and further facts, such as `source`, beside them."""
    return Weights(state, {"config": json.dumps(asdict(config)), "steps": str(num_steps), **facts})


def stored_config(weights: Weights) -> Mapping[str, Any]:
    """The configuration that `network_weights` kept, as plain values."""
    values: dict[str, Any] = json.loads(weights.metadata["config"])
    return values
