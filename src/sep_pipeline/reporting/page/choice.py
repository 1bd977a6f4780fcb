"""Which test songs a page lets hear: the best, the median and the worst of every arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sep_pipeline.errors import NoInputError
from sep_pipeline.metrics.track_scores import SDR_WHOLE_SONG, SI_SDR
from sep_pipeline.reporting.scores import check_scores

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Choice:
    """Why a song is on the page.

    Attributes:
        place: `best`, `median` or `worst`.
        arm: Of which arm.
    """

    place: str
    arm: str


def main_metric(scores: pd.DataFrame) -> str:
    """The metric by which songs are ranked: SDR of the whole song, or where a study lacks it SI-SDR."""
    return SDR_WHOLE_SONG if SDR_WHOLE_SONG in set(scores["metric"]) else SI_SDR


def choose_songs(scores: pd.DataFrame, arms: Sequence[str], *, seed: int) -> dict[str, tuple[Choice, ...]]:
    """Rank the test songs of each arm by the mean over its stems.

    Args:
        scores: A scores frame.
        arms: Arms that are to be heard.
        seed: The seed whose models are heard.

    Returns:
        Song to what it is; songs in the order best, median and worst of the first arm, then of the next. Of an
        even number of songs, the median is the lower of the two in the middle.

    Raises:
        DataError: The scores frame lacks columns or scores a track twice.
        NoInputError: An arm has no scored song.
    """
    check_scores(scores)
    metric = main_metric(scores)
    chosen: dict[str, list[Choice]] = {}
    for arm in arms:
        own = scores[(scores["arm"] == arm) & (scores["metric"] == metric) & (scores["seed"] == seed)]
        means = own.groupby("track")["value"].mean().dropna()
        if means.empty:
            raise NoInputError(f"no test song of {arm} has a score", expected=f"{metric} of seed {seed}")
        ranked = [str(track) for track in means.sort_index().sort_values(kind="stable").index]
        places = {"best": -1, "median": (len(ranked) - 1) // 2, "worst": 0}
        for place, index in places.items():
            chosen.setdefault(ranked[index], []).append(Choice(place, arm))
    return {track: tuple(choices) for track, choices in chosen.items()}
