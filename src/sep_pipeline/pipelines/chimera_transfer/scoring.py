"""SI-SDR of excerpts: of a network's estimates, and of the unprocessed mixture."""

from __future__ import annotations

from collections.abc import Iterable

from sep_pipeline.metrics.whole_track import si_sdr
from sep_pipeline.models.chimera import SAMPLE_RATE_HZ, ChimeraNet
from sep_pipeline.pipelines.chimera_transfer.mixtures import ScoredExcerpt
from sep_pipeline.separation import Separator
from sep_pipeline.separation.chimera_separator import ChimeraSeparator

Row = dict[str, str | int | float]


def score_network(
    network: ChimeraNet, excerpts: Iterable[ScoredExcerpt], sources: tuple[str, ...]
) -> list[Row]:
    """Score a network, which is put into evaluation mode and no longer learns; see `score_excerpt`."""
    device = next(network.parameters()).device
    separator = ChimeraSeparator(
        name="network", network=network, stems=sources, sample_rate=SAMPLE_RATE_HZ, device=device
    )
    return [row for excerpt in excerpts for row in score_excerpt(separator, excerpt)]


def score_excerpt(separator: Separator, excerpt: ScoredExcerpt) -> list[Row]:
    """Score the estimates of one excerpt, computed in one pass as by the study.

    Returns:
        A row per source: excerpt, song, stem, si_sdr and si_sdr_mixture in dB, NaN where the source or its
        estimate is silent.
    """
    mixture = excerpt.sources.sum(axis=0)
    estimates = separator.separate(mixture, mode="published")
    return [
        {
            "excerpt": excerpt.number,
            "song": excerpt.song,
            "stem": stem,
            "si_sdr": si_sdr(source, estimate),
            "si_sdr_mixture": si_sdr(source, mixture),
        }
        for stem, source, estimate in zip(separator.stems, excerpt.sources, estimates, strict=True)
    ]
