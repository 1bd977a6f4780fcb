"""Separator folders of arms: made of what trainings left, and loaded to separate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from sep_pipeline.configuration.execution import ExecutionParameters
from sep_pipeline.configuration.study import ArmRun
from sep_pipeline.datasets import FolderWriter, Weights
from sep_pipeline.models.weights import load_into
from sep_pipeline.separation import Separator, load_separator, save_separator


def one_network_separator(network: nn.Module, weights: Weights, arm_run: ArmRun, **card: Any) -> FolderWriter:
    """Make the mono network that gives all stems of one arm and seed a separator folder.

    Args:
        network: A network of the weights' sizes.
        weights: What the training left, with `steps` and `source`.
        arm_run: Arm, seed and stems.
        card: As for `network_per_stem_separator`; its channels and steps are known.

    Raises:
        CheckpointMismatchError: The weights do not fit.
    """
    load_into(network, weights.state, file=f"weights of {arm_run.arm}")
    networks = dict.fromkeys(arm_run.stems, network)
    return _writer(networks, weights, arm_run, channels=1, steps=int(weights.metadata["steps"]), **card)


def network_per_stem_separator(
    networks: Mapping[str, nn.Module], weights: Sequence[Weights], arm_run: ArmRun, **card: Any
) -> FolderWriter:
    """Join the networks of all stems of one arm and seed to a separator folder.

    Args:
        networks: Stem to a network of its weights' sizes.
        weights: What the trainings left, in the order of the stems, with `source`.
        arm_run: Arm, seed and stems.
        card: `model`, `config`, `sample_rate`, `channels`, `steps` and `data_hash` of `save_separator`, and further
            entries of the card's metadata.

    Raises:
        CheckpointMismatchError: The weights do not fit.
    """
    for (stem, network), own in zip(networks.items(), weights, strict=True):
        load_into(network, own.state, file=f"weights of {stem}")
    return _writer(networks, weights[0], arm_run, **card)


def _writer(
    networks: Mapping[str, nn.Module],
    weights: Weights,
    arm_run: ArmRun,
    *,
    model: str,
    config: Any,
    sample_rate: int,
    channels: int,
    steps: int,
    data_hash: str,
    **metadata: Any,
) -> FolderWriter:
    return partial(
        save_separator,
        models=networks,
        name=f"{arm_run.study} {arm_run.arm}",
        model=model,
        config=config,
        sample_rate=sample_rate,
        channels=channels,
        seed=arm_run.seed,
        steps=steps,
        data_hash=data_hash,
        licence="that of the training data",
        metadata={
            "study": arm_run.study,
            "arm": arm_run.arm,
            "weights": weights.metadata["source"],
            **metadata,
        },
    )


def loaded_separator(folder: Path, execution: ExecutionParameters) -> Separator:
    """The separator in a folder, on the device and in the precision of the run."""
    return load_separator(
        folder, device=execution.resolved_device(), precision=execution.resolved_precision()
    )
