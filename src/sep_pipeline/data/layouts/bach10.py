"""Read trees in the layout of Bach10: one folder per chorale with one WAV file per instrument."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from sep_pipeline.data.layouts.source import Part, Reading, Refusal, SourceTrack
from sep_pipeline.errors import NoInputError

INSTRUMENTS = ("violin", "clarinet", "saxophone", "bassoon")
ENSEMBLE = "mixture"
MAX_DEPTH = 3

# The data set's own file names say "saxphone".
_SPELLINGS = {"saxphone": "saxophone"}
_PIECE = re.compile(r"(?P<number>\d\d)-.+")
_FILE = re.compile(r"(?P<number>\d\d)-[^-]+(?:-(?P<voice>[^-]+))?")


@dataclass(frozen=True, kw_only=True)
class Bach10:
    """Bach10 v1.1, and copies that keep the pieces one or two folders deeper.

    The data set names no splits. The studies of this project train on all pieces but one and test on the last
    in name order, so these are the splits that the reader gives.
    """

    name: ClassVar[str] = "bach10"
    pattern: ClassVar[str] = "NN-<piece>/NN-<piece>[-{violin,clarinet,saxphone,bassoon}].wav"

    def recognise(self, root: Path) -> str | None:
        """Say how many pieces with an instrument of the quartet were seen; None if there is none."""
        count = sum(_is_piece(_voices(folder)[0]) for folder in _piece_folders(root))
        return f"{count} folders NN-<piece> with {', '.join(INSTRUMENTS)}" if count else None

    def read(self, root: Path) -> Reading:
        """Read every piece; an instrument that a piece lacks becomes a part without a file.

        Raises:
            NoInputError: No piece has a recording of one of the four instruments.
        """
        pieces: dict[str, SourceTrack] = {}
        refusals: list[Refusal] = []
        for folder in sorted(_piece_folders(root), key=lambda path: (path.name, path)):
            voices, unknown = _voices(folder)
            refusals += unknown
            if not _is_piece(voices):
                refusals.append(_refused(folder, "empty_folder", "the folder has no instrument's WAV file"))
            elif folder.name in pieces:
                refusals.append(
                    _refused(folder, "left_out", f"{pieces[folder.name].folder} is the same piece")
                )
            else:
                pieces[folder.name] = _track(folder, voices)
        if not pieces:
            raise NoInputError("no piece in Bach10's layout was found", file=root, expected=self.pattern)
        *training, last = pieces.values()
        return Reading(
            layout=self.name,
            tracks=(*training, replace(last, split="test")),
            labels=INSTRUMENTS,
            default_stems=INSTRUMENTS,
            refusals=tuple(refusals),
        )


def _piece_folders(root: Path, depth: int = 1) -> Iterator[Path]:
    """Folders of pieces up to `MAX_DEPTH` below the root; nothing is looked for inside a piece."""
    if depth > MAX_DEPTH or not root.is_dir():
        return
    for path in sorted(root.iterdir()):
        if path.name.startswith(".") or not path.is_dir():
            continue
        if _PIECE.fullmatch(path.name):
            yield path
        else:
            yield from _piece_folders(path, depth + 1)


def _voices(folder: Path) -> tuple[dict[str, Path], list[Refusal]]:
    """WAV files of a piece by instrument, with the ensemble's, and what bears no such name."""
    found: dict[str, Path] = {}
    refusals = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() != ".wav":
            continue
        voice = _voice(path)
        if voice is None:
            reason = f"the name does not tell an instrument of {', '.join(INSTRUMENTS)}"
            refusals.append(_refused(path, "unknown_name", reason))
        elif voice in found:
            refusals.append(_refused(path, "left_out", f"{found[voice].name} is the {voice} already"))
        else:
            found[voice] = path
    return found, refusals


def _voice(path: Path) -> str | None:
    piece, file = _PIECE.fullmatch(path.parent.name), _FILE.fullmatch(path.stem)
    if piece is None or file is None or piece["number"] != file["number"]:
        return None
    voice = (file["voice"] or ENSEMBLE).lower()
    voice = _SPELLINGS.get(voice, voice)
    return voice if voice in (*INSTRUMENTS, ENSEMBLE) else None


def _is_piece(voices: dict[str, Path]) -> bool:
    return any(name in voices for name in INSTRUMENTS)


def _track(folder: Path, voices: dict[str, Path]) -> SourceTrack:
    ensemble = voices.get(ENSEMBLE)
    return SourceTrack(
        track_id=folder.name,
        folder=folder,
        split="train",
        parts=tuple(Part(key=name, label=name, path=voices.get(name)) for name in INSTRUMENTS),
        mixture=Part(key=ENSEMBLE, label=ENSEMBLE, path=ensemble) if ensemble else None,
    )


def _refused(file: Path, kind: str, reason: str) -> Refusal:
    folder = file if file.is_dir() else file.parent
    return Refusal(kind=kind, reason=reason, file=file, track=folder.name)
