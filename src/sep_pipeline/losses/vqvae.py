"""Loss of phase 1: reconstruction, multi-resolution spectrum and commitment."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from sep_pipeline.errors import ConfigurationError
from sep_pipeline.losses.bandwidths import Bandwidths
from sep_pipeline.losses.spectral import (
    SPECTRAL_RESOLUTION,
    multispectral_distance,
    spectral_convergence,
    spectral_distance,
)
from sep_pipeline.losses.waveform import mean_absolute, mean_of_largest


@dataclass(frozen=True, kw_only=True)
class VQVAELossConfig:
    """Weights of the terms; the defaults are those of the published runs.

    Args:
        l1: Weight of the mean absolute error over `Bandwidths.l1`.
        l2: Weight of the mean squared error over `Bandwidths.l2`.
        linf: Weight of the largest squared errors over `Bandwidths.l2`.
        multispectral: Weight of the three-resolution spectral distance over `Bandwidths.spec`.
        spectral: Weight of the single-resolution spectral distance over `Bandwidths.spec`.
        commitment: Weight of the commitment loss.
        num_largest: Values per item that `linf` averages.

    Raises:
        ConfigurationError: A weight is negative, or `num_largest` is below one.
    """

    l1: float = 0.0
    l2: float = 1.0
    linf: float = 0.02
    multispectral: float = 1.0
    spectral: float = 0.0
    commitment: float = 0.02
    num_largest: int = 2048

    def __post_init__(self) -> None:
        for field in fields(self):
            lowest = 1 if field.name == "num_largest" else 0
            if getattr(self, field.name) < lowest:
                raise ConfigurationError(
                    "a loss parameter is out of range",
                    parameter=field.name,
                    expected=f"at least {lowest}",
                    found=getattr(self, field.name),
                )


def vqvae_loss(
    prediction: Tensor,
    target: Tensor,
    commitment: Tensor,
    *,
    bandwidths: Bandwidths,
    config: VQVAELossConfig | None = None,
    has_diagnostics: bool = True,
) -> dict[str, Tensor]:
    """Total loss of phase 1 and every term of it.

    Args:
        prediction: float32, (batch, 1, time), the reconstruction.
        target: Same shape, the stem; treated as a constant.
        commitment: Scalar, from `Quantised.commitment`.
        bandwidths: Divisors of the terms.
        config: Weights; the published ones by default.
        has_diagnostics: Whether terms of weight zero (`l1`, `spectral`) and `spectral_convergence` are worked
            out too, without gradient.

    Returns:
        Scalars: `loss` with gradient, and `recons`, `l2`, `linf`, `multispectral`, `commitment` and the
        diagnostics, each before its weight (`recons` is the weighted sum of the waveform terms).

    Raises:
        TooShortError: There are too few samples for the longest transform.
    """
    config = config or VQVAELossConfig()
    squares = (prediction - target).square()
    terms = {
        "l2": squares.mean() / bandwidths.l2,
        "linf": mean_of_largest(squares, config.num_largest) / bandwidths.l2,
        "multispectral": multispectral_distance(prediction, target).mean() / bandwidths.spec,
        "commitment": commitment,
    }
    if config.l1 or has_diagnostics:
        with torch.set_grad_enabled(torch.is_grad_enabled() and config.l1 > 0):
            terms["l1"] = mean_absolute(prediction, target) / bandwidths.l1
    if config.spectral or has_diagnostics:
        with torch.set_grad_enabled(torch.is_grad_enabled() and config.spectral > 0):
            terms["spectral"] = (
                spectral_distance(prediction, target, SPECTRAL_RESOLUTION).mean() / bandwidths.spec
            )
    terms["recons"] = _weighted(terms, config, ("l1", "l2", "linf"))
    terms["loss"] = terms["recons"] + _weighted(terms, config, ("multispectral", "spectral", "commitment"))
    if has_diagnostics:
        with torch.no_grad():
            terms["spectral_convergence"] = spectral_convergence(prediction, target).mean()
    return {name: term if name == "loss" else term.detach() for name, term in terms.items()}


def _weighted(terms: dict[str, Tensor], config: VQVAELossConfig, names: tuple[str, ...]) -> Tensor:
    weighted = [getattr(config, name) * terms[name] for name in names if getattr(config, name)]
    return torch.stack(weighted).sum() if weighted else torch.zeros_like(terms["commitment"])
