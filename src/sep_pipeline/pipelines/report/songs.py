"""From the scores of some arms to the excerpts of the songs that are worth hearing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd

from sep_pipeline.configuration.report import PageParameters
from sep_pipeline.mapping import map_tracks
from sep_pipeline.reporting.page import (
    Choice,
    HeardSong,
    Recording,
    choose_songs,
    cut_clips,
    excerpt_seconds,
    main_metric,
    save_listening,
)


@dataclass(frozen=True, kw_only=True)
class Programme:
    """What is to be cut, and from where; a call with a folder cuts it.

    Attributes:
        scores: A scores frame.
        arms: Arms that are heard.
        seed: Seed of their models.
        num_clips: Sounds of one song, at most.
        record: Song to the whole of it.
        data_hashes: Data set to the hash of its audio.
        page: How large the page may become.
    """

    scores: pd.DataFrame
    arms: Sequence[str]
    seed: int
    num_clips: int
    record: Callable[[str], Recording]
    data_hashes: Mapping[str, str]
    page: PageParameters

    def songs(self) -> dict[str, tuple[Choice, ...]]:
        """The songs that are worth hearing, each with the reason; the best of the first arm comes first.

        Raises:
            NoInputError: An arm has no scored song.
        """
        return choose_songs(self.scores, self.arms, seed=self.seed)

    def __call__(self, folder: Path) -> None:
        """Cut every chosen song and write the folder.

        Raises:
            NoInputError: An arm has no scored song.
            StorageError: The folder is not writable or the disk is full.
        """
        choices = self.songs()
        seconds = excerpt_seconds(
            len(choices) * self.num_clips,
            longest_seconds=self.page.excerpt_seconds,
            max_megabytes=self.page.max_megabytes,
        )
        cut = map_tracks(
            partial(self._cut, seconds),
            {name: name for name in choices},
            description="excerpts",
            num_processes=1,
        )
        save_listening(
            folder,
            [replace(song, choices=choices[name]) for name, song in cut.items()],
            seed=self.seed,
            metric=main_metric(self.scores),
            data_hashes=self.data_hashes,
        )

    def _cut(self, seconds: float, name: str) -> HeardSong:
        recording = self.record(name)
        start_seconds, clips = cut_clips(recording, seconds, partial(self._score, name))
        length = min(seconds, recording.mixture.shape[-1] / recording.sample_rate)
        return HeardSong(name=name, choices=(), start_seconds=start_seconds, seconds=length, clips=clips)

    def _score(self, name: str, arm: str, stem: str) -> float | None:
        rows = self.scores
        own = rows[
            (rows["arm"] == arm)
            & (rows["stem"] == stem)
            & (rows["track"] == name)
            & (rows["seed"] == self.seed)
            & (rows["metric"] == main_metric(rows))
        ]["value"].dropna()
        return None if own.empty else float(own.iloc[0])
