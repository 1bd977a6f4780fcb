"""Loss of phase 2: how far the mixture encoder's latents are from the stem encoder's."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from sep_pipeline.errors import ConfigurationError
from sep_pipeline.losses.waveform import mean_of_largest


@dataclass(frozen=True, kw_only=True)
class EmbeddingLossConfig:
    """Weight of the largest errors; the defaults are the published runs', the paper prints a plain MSE.

    Args:
        linf: Weight of the mean of the largest squared differences.
        num_largest: Values per item that count as largest.

    Raises:
        ConfigurationError: The weight is negative, or `num_largest` is below one.
    """

    linf: float = 0.02
    num_largest: int = 2048

    def __post_init__(self) -> None:
        if self.linf < 0 or self.num_largest < 1:
            raise ConfigurationError(
                "an embedding loss parameter is out of range",
                expected="linf >= 0, num_largest >= 1",
                found=self,
            )


def embedding_loss(
    prediction: Tensor, target: Tensor, *, config: EmbeddingLossConfig | None = None
) -> dict[str, Tensor]:
    """Mean squared difference of latents before quantisation, plus a share of the largest ones.

    Args:
        prediction: float32, (batch, embedding, frames), mixture encoder.
        target: Same shape, stem encoder.
        config: Weights; the published ones by default.

    Returns:
        Scalars: `loss` with gradient, `l1`, `l2` and `linf` without, none of them divided by a bandwidth.
    """
    config = config or EmbeddingLossConfig()
    differences = prediction - target
    squares = differences.square()
    mean, largest = squares.mean(), mean_of_largest(squares, config.num_largest)
    loss = mean + config.linf * largest
    return {
        "loss": loss,
        "l1": differences.detach().abs().mean(),
        "l2": mean.detach(),
        "linf": largest.detach(),
    }
