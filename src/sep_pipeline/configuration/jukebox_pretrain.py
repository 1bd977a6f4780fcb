"""Parameters of the training that makes the weights which transfer starts from."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sep_pipeline.configuration.data import StoreParameters
from sep_pipeline.configuration.examples import ExampleParameters
from sep_pipeline.configuration.strict import Strict
from sep_pipeline.training.config import TrainingConfig


class JukeboxPretrainParameters(Strict):
    """Pre-training of the VQ-VAE on stems and mixtures of many instruments.

    Attributes:
        preset: Size of the network.
        seed: Seed of initial weights and examples.
        data: The songs it is trained on; none of them is in a study's test part.
        examples: How chunks are drawn.
        training: Budget and optimiser recipe.
        held_out_seconds: Length of the excerpt per stem of the study's test songs that is reconstructed for
            the model card.
    """

    preset: Literal["jukebox", "compact"]
    seed: int
    data: StoreParameters
    examples: ExampleParameters
    training: TrainingConfig
    held_out_seconds: float = Field(gt=0)
