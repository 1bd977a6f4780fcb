"""Divide file names such as `song_lead_vocals` into track and stem by what comes again in other files."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from sep_pipeline.data.layouts.names import Named, is_stem_word, label_of
from sep_pipeline.data.layouts.source import normalised

_SEPARATOR = re.compile(r"\s*[-_.–—]+\s*")
# Words that begin the name of a stem, so that no track ends in one of them.
_QUALIFIERS = frozenset(
    {"lead", "backing", "background", "electric", "acoustic", "main", "male", "female", "synth"}
)


@dataclass(frozen=True, kw_only=True)
class _Cut:
    """One way to divide a name."""

    track: str
    stem: str
    place: Hashable

    @property
    def track_key(self) -> tuple[Hashable, str]:
        return (self.place, normalised(self.track))

    @property
    def label(self) -> str:
        return label_of(self.stem)


def divide(names: Sequence[str], places: Sequence[Hashable]) -> list[Named | None]:
    """Divide the names of files that lie in one folder, or in one for each split.

    Each name is cut at its last separator (` - `, `-`, `_` or `.`) for which the part before it, the track,
    stands in other files too, and the part after it, the stem, with other tracks too. Names for which there
    is none are cut so that track or stem is one of those found. With a single track the stems come once
    only: then all names must begin with it, or end in words that usually name stems. A name that is all
    track is its mixture.

    Args:
        names: File names without suffix.
        places: Folder or split of each name; tracks in different places are different.

    Returns:
        Track and stem as spelt for each name; None where no cut fits.
    """
    cuts = [_cuts(name, place) for name, place in zip(names, places, strict=True)]
    files_of: dict[Hashable, set[int]] = defaultdict(set)
    tracks_of: dict[str, set[Hashable]] = defaultdict(set)
    for number, options in enumerate(cuts):
        for cut in options:
            files_of[cut.track_key].add(number)
            tracks_of[cut.label].add(cut.track_key)

    def is_repeated(cut: _Cut) -> bool:
        return len(files_of[cut.track_key]) > 1 and len(tracks_of[cut.label]) > 1

    def is_of_one_track(cut: _Cut) -> bool:
        return len(files_of[cut.track_key]) == len(names) > 1 or is_stem_word(cut.label)

    chosen = [_first(options, is_repeated) for options in cuts]
    if not any(chosen):
        chosen = [_first(options, is_of_one_track) for options in cuts]
    return _completed(names, places, cuts, chosen)


def _completed(
    names: Sequence[str],
    places: Sequence[Hashable],
    cuts: Sequence[Sequence[_Cut]],
    chosen: Sequence[_Cut | None],
) -> list[Named | None]:
    """Fill the gaps with cuts whose track or stem is known, and with mixtures."""
    track_of = {cut.track_key: cut.track for cut in reversed(chosen) if cut is not None}
    labels = {cut.label for cut in chosen if cut is not None}

    def is_known(cut: _Cut) -> bool:
        return cut.track_key in track_of or cut.label in labels

    results: list[Named | None] = []
    for name, place, options, choice in zip(names, places, cuts, chosen, strict=True):
        cut = choice or _first(options, is_known)
        if (place, normalised(name)) in track_of:
            results.append(Named(track=track_of[place, normalised(name)], name="mixture"))
        elif cut is None:
            results.append(None)
        else:
            results.append(Named(track=track_of.get(cut.track_key, cut.track), name=cut.stem))
    return results


def _first(options: Sequence[_Cut], fits: Callable[[_Cut], bool]) -> _Cut | None:
    return next((cut for cut in options if fits(cut)), None)


def _cuts(name: str, place: Hashable) -> list[_Cut]:
    """All ways to divide a name, the shortest stem first."""
    matches = reversed(list(_SEPARATOR.finditer(name)))
    cuts = [_Cut(track=name[: match.start()], stem=name[match.end() :], place=place) for match in matches]
    return [cut for cut in cuts if _is_sound(cut)]


def _is_sound(cut: _Cut) -> bool:
    last_word = label_of(cut.track).split("_")[-1]
    return bool(cut.track.strip() and cut.label) and last_word not in _QUALIFIERS
