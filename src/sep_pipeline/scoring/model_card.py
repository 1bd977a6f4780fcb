"""The model card of a separator that is given away: what it is, what it was made from, what it scores, its limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sep_pipeline.metrics.cluster_bootstrap import cluster_interval
from sep_pipeline.reporting.rendering import format_decibels, format_interval
from sep_pipeline.scoring.judging import UNPROCESSED
from sep_pipeline.separation.card import SeparatorCard

if TYPE_CHECKING:
    import pandas

RENDERED_LIMITS = (
    "Rendered music of one sound font is not recorded music: there are no voices, rooms, amplifiers or studio effects "
    "in it. Expect much less on recordings than the figures below."
)
"""Limits of what this project's own trainings give."""


@dataclass(frozen=True, kw_only=True)
class Description:
    """What only the author of a separator knows.

    Attributes:
        origin: What made it, such as `open_unmix/long/0`.
        data: What it was trained on, in a sentence.
        limits: What not to expect of it, in sentences.
    """

    origin: str
    data: str = "not described."
    limits: str = RENDERED_LIMITS


def model_card(
    card: SeparatorCard,
    description: Description,
    scores: pandas.DataFrame,
    *,
    row: str,
    megabytes: float,
    half_cost_db: Mapping[str, float] | None,
) -> str:
    """The card as Markdown.

    Args:
        card: The separator's own card.
        description: What it does not say.
        scores: As of `sep_pipeline.scoring.judging.judge`, of songs that the separator has not heard.
        row: Name of the separator in the scores.
        megabytes: Size of the weights.
        half_cost_db: Change of each stem's mean uSDR by half precision; None for full precision.
    """
    channels = "mono" if card.channels == 1 else "stereo"
    initial = card.metadata.get("weights")
    start = "" if initial in (None, "random", "none") else f", from the weights {initial}"
    lines = [
        f"# {card.name}",
        "",
        f"Takes music apart into {', '.join(card.stems)}; {card.sample_rate} Hz, {channels}.",
        "",
        f"- **Model**: `{card.model}`, trained as `{description.origin}`{start}.",
        f"- **Data**: {description.data} Hash of the data {card.data_hash}.",
        f"- **Training**: {card.steps} steps, seed {card.seed}.",
        f"- **Size**: {megabytes:.1f} MB. {_precision(half_cost_db)}",
        f"- **Limits**: {description.limits}",
        f"- **Licence**: {card.licence}.",
        "",
        f"## Scores of {scores['track'].nunique()} test songs",
        "",
        "Whole-song SDR over all channels (uSDR) and scale-invariant SDR (SI-SDR) in dB, mean over songs with the 95 % "
        "bootstrap interval over songs; higher is better. A stem counts in the songs that have it. Silence has 0 dB "
        "uSDR; the columns headed Mixture take the song itself for the stem.",
        "",
        "| Stem | Songs | uSDR | Interval | Mixture | SI-SDR | Mixture |",
        "|---|---|---|---|---|---|---|",
        *(_row(scores, stem, row) for stem in scores["stem"].unique()),
        "",
    ]
    return "\n".join(lines)


def _precision(half_cost_db: Mapping[str, float] | None) -> str:
    if half_cost_db is None:
        return "32 bits per number."
    largest = max(map(abs, half_cost_db.values()), default=0.0)
    return (
        "Matrices are stored in 16 bits and computed with in 32, which changes no stem's mean uSDR by more than "
        f"{largest:.4f} dB."
    )


def _row(scores: pandas.DataFrame, stem: str, name: str) -> str:
    cells = [stem]
    for metric in ("uSDR", "SI-SDR"):
        of_metric = scores[(scores["stem"] == stem) & (scores["metric"] == metric)]
        own = of_metric[of_metric["separator"] == name]
        interval = cluster_interval(own["value"].to_numpy(np.float64)[None], list(own["track"]))
        if metric == "uSDR":
            cells += [str(interval.num_tracks), format_decibels(interval.value)]
            cells.append(format_interval(interval.low, interval.high))
        else:
            cells.append(format_decibels(interval.value))
        cells.append(format_decibels(of_metric[of_metric["separator"] == UNPROCESSED]["value"].mean()))
    return f"| {' | '.join(cells)} |"
