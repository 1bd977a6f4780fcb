"""Scores of excerpts as a checked frame, and the arrays that statistics are made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sep_pipeline.errors import DataError

Values = npt.NDArray[np.float64]

EXCERPT_COLUMNS = ("arm", "seed", "downstream", "excerpt", "song", "stem", "si_sdr", "si_sdr_mixture")
"""Columns of an excerpts frame: a row per arm, seed, excerpt and stem; the last two in dB."""


@dataclass(frozen=True, kw_only=True)
class ArmScores:
    """All scores of one arm.

    Attributes:
        arm: Name.
        downstream: Set that is scored.
        seeds: Seeds, ascending.
        excerpts: Numbers of the excerpts, ascending.
        songs: Song of every excerpt.
        stems: Stems, in alphabetical order.
        values: SI-SDR in dB, (seed, excerpt, stem); NaN where there is none.
        mixture_values: The same of the unprocessed mixture.
    """

    arm: str
    downstream: str
    seeds: tuple[int, ...]
    excerpts: tuple[int, ...]
    songs: tuple[str, ...]
    stems: tuple[str, ...]
    values: Values
    mixture_values: Values


def scores_by_arm(excerpts: pd.DataFrame) -> dict[str, ArmScores]:
    """The scores of every arm as arrays, arms in order of first appearance.

    Raises:
        DataError: Columns are missing, something is scored twice, an arm has several downstream sets, or an
            excerpt is not of the same song for every arm.
    """
    _check(excerpts)
    return {str(arm): _arm_scores(str(arm), rows) for arm, rows in excerpts.groupby("arm", sort=False)}


def _arm_scores(arm: str, rows: pd.DataFrame) -> ArmScores:
    seeds, excerpts, stems = (np.unique(rows[name].to_numpy()) for name in ("seed", "excerpt", "stem"))
    place = tuple(
        np.searchsorted(names, rows[column].to_numpy())
        for column, names in (("seed", seeds), ("excerpt", excerpts), ("stem", stems))
    )
    shape = (len(seeds), len(excerpts), len(stems))
    values, mixture_values = np.full(shape, np.nan), np.full(shape, np.nan)
    values[place] = rows["si_sdr"]
    mixture_values[place] = rows["si_sdr_mixture"]
    songs = rows.drop_duplicates("excerpt").sort_values("excerpt")["song"]
    return ArmScores(
        arm=arm,
        downstream=str(rows["downstream"].iloc[0]),
        seeds=tuple(int(seed) for seed in seeds),
        excerpts=tuple(int(excerpt) for excerpt in excerpts),
        songs=tuple(str(song) for song in songs),
        stems=tuple(str(stem) for stem in stems),
        values=values,
        mixture_values=mixture_values,
    )


def _check(excerpts: pd.DataFrame) -> None:
    if any(name not in excerpts.columns for name in EXCERPT_COLUMNS):
        raise DataError(
            "the excerpts frame lacks columns", expected=list(EXCERPT_COLUMNS), found=list(excerpts.columns)
        )
    keys = ["arm", "seed", "excerpt", "stem"]
    repeated = excerpts.loc[excerpts.duplicated(keys), keys]
    if len(repeated):
        raise DataError(
            "an excerpt is scored twice", expected="one row each", found=repeated.iloc[0].to_dict()
        )
    _require_one(excerpts, ["arm"], "downstream", "an arm is scored on several sets")
    _require_one(
        excerpts, ["downstream", "excerpt"], "song", "an excerpt is not the same for every arm and seed"
    )


def _require_one(excerpts: pd.DataFrame, keys: list[str], column: str, message: str) -> None:
    distinct = excerpts[[*keys, column]].drop_duplicates()
    repeated = distinct[distinct.duplicated(keys)]
    if len(repeated):
        raise DataError(message, expected=f"one {column} each", found=repeated.iloc[0].to_dict())
