"""Put the tracks of a tree of stems together from their files: labels, mixture, missing stems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sep_pipeline.data.layouts.names import MIXTURE_NAMES, is_mixture, ordered_labels
from sep_pipeline.data.layouts.source import Layout, Part, Reading, Refusal, SourceTrack, normalised
from sep_pipeline.data.layouts.trees import unknown
from sep_pipeline.errors import NoInputError

# A label that fewer tracks have is a guest, not a stem of the set.
LEAST_SHARE_OF_TRACKS = 0.5


@dataclass(frozen=True, kw_only=True)
class StemFile:
    """One audio file of a track.

    Attributes:
        key: The stem's name as spelt in the tree.
        label: What it is called; empty if the spelling gives none.
        path: The file.
    """

    key: str
    label: str
    path: Path


@dataclass(frozen=True, kw_only=True)
class TrackFiles:
    """The files of one track, in the order of the tree.

    Attributes:
        track_id: Name of the track.
        folder: Its folder, or its first file.
        split: Split of the tree.
        files: Its audio files.
    """

    track_id: str
    folder: Path
    split: str | None
    files: tuple[StemFile, ...]


def assemble(
    layout: Layout, root: Path, tracks: Sequence[TrackFiles], refusals: Sequence[Refusal]
) -> Reading:
    """Make tracks of files.

    The mixture is the file called so, by the first of `MIXTURE_NAMES` that a track has. Default stems are the
    labels that at least half of the tracks have; a track that lacks one gets it as a part without a file.

    Args:
        layout: The reader.
        root: Folder of the data set.
        tracks: Files of every track; tracks without a stem are refused.
        refusals: What the reader did not take.

    Raises:
        NoInputError: No track has a stem.
    """
    refused = [*refusals]
    found = [(track, *_divided(track, refused)) for track in tracks]
    found = [(track, stems, mixture) for track, stems, mixture in found if stems]
    if not found:
        problem = f"no track of the layout {layout.name} was found"
        raise NoInputError(problem, file=root, expected=layout.pattern, found=_first_reason(refused))
    counts = Counter(label for _, stems, _ in found for label in {part.label for part in stems})
    labels = ordered_labels(counts)
    wanted = tuple(label for label in labels if counts[label] >= LEAST_SHARE_OF_TRACKS * len(found))
    made = [
        SourceTrack(
            track_id=track.track_id,
            folder=track.folder,
            split=track.split,
            parts=(*stems, *_missing(stems, wanted)),
            mixture=mixture,
        )
        for track, stems, mixture in found
    ]
    return Reading(
        layout=layout.name,
        tracks=tuple(sorted(made, key=lambda track: (track.split or "", track.track_id))),
        labels=labels,
        default_stems=wanted,
        refusals=tuple(refused),
    )


def _divided(track: TrackFiles, refused: list[Refusal]) -> tuple[list[Part], Part | None]:
    """Stems and mixture; files without a label, further mixtures and a mixture alone are refused."""
    nameless = [file for file in track.files if not file.label]
    reason = "the name of the stem has neither a letter nor a digit"
    refused += [unknown(file.path, reason, track=track.track_id) for file in nameless]
    stems = [part_of(file) for file in track.files if file.label and not is_mixture(file.label)]
    mixtures = sorted(
        (file for file in track.files if is_mixture(file.label)),
        key=lambda file: MIXTURE_NAMES.index(file.label),
    )
    if not stems:
        refused += [_left_out(track, file, "a mixture without stems") for file in mixtures]
        return [], None
    refused += [_left_out(track, file, "a second mixture of the track") for file in mixtures[1:]]
    return stems, part_of(mixtures[0]) if mixtures else None


def part_of(file: StemFile) -> Part:
    """A part, with its own spelling as a further name for groupings."""
    spelling = normalised(file.key)
    aliases = (spelling,) if spelling != file.label else ()
    return Part(key=file.key, label=file.label, path=file.path, aliases=aliases)


def _left_out(track: TrackFiles, file: StemFile, reason: str) -> Refusal:
    return Refusal(kind="left_out", reason=reason, file=file.path, track=track.track_id, stem=file.key)


def _first_reason(refusals: Sequence[Refusal]) -> str:
    if not refusals:
        return "no audio file at the layout's level"
    return f"{len(refusals)} not taken, first {refusals[0].file.name}: {refusals[0].reason}"


def _missing(stems: Sequence[Part], wanted: Sequence[str]) -> list[Part]:
    present = {part.label for part in stems}
    return [Part(key=label, label=label, path=None) for label in wanted if label not in present]
