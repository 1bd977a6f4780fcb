"""The scores that both engines give back, and the step from energies to decibels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameMetrics:
    """BSS Eval scores of every stem in every frame, float64, (stem, frame), in dB.

    A frame in which any reference or any estimate is silent is NaN for all stems and all metrics. +inf stands
    where nothing of the error in question is left.

    Attributes:
        sdr: Source over all errors.
        isr: Source over its spatial or filtering distortion.
        sir: Filtered source over interference of the other sources.
        sar: All that filtered sources explain over what they do not (artefacts).
    """

    sdr: Values
    isr: Values
    sir: Values
    sar: Values


@dataclass(frozen=True, kw_only=True)
class Energies:
    """Energies per frame and stem, float64, (frame, stem), summed over time and channels.

    Attributes:
        source: Of the reference s.
        error: Of estimate minus reference.
        own: Of the projection of the estimate on its own reference, s + e_spat.
        spatial: Of e_spat.
        interference: Of e_interf.
        explained: Of the projection on all references, s + e_spat + e_interf.
        artefacts: Of e_artif.
    """

    source: Values
    error: Values
    own: Values
    spatial: Values
    interference: Values
    explained: Values
    artefacts: Values


def metrics_of(energies: Energies, is_silent: npt.NDArray[np.bool_]) -> FrameMetrics:
    """Turn energies into scores.

    Args:
        energies: (frame, stem).
        is_silent: (frame,); these frames become NaN.

    Returns:
        Scores, (stem, frame).
    """
    pairs = {
        "sdr": (energies.source, energies.error),
        "isr": (energies.source, energies.spatial),
        "sir": (energies.own, energies.interference),
        "sar": (energies.explained, energies.artefacts),
    }
    return FrameMetrics(**{name: _decibels(*pair, is_silent) for name, pair in pairs.items()})


def _decibels(signal: Values, error: Values, is_silent: npt.NDArray[np.bool_]) -> Values:
    """(frame, stem) energies to (stem, frame) dB; +inf without error, as in museval, even for 0 over 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(error == 0.0, np.inf, 10.0 * np.log10(signal / error))
    ratio[is_silent] = np.nan
    return np.ascontiguousarray(ratio.T)
