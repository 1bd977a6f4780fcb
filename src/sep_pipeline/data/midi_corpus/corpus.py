"""What is known about a folder of MIDI files: usable songs with their programs and split, and rejected files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sep_pipeline.errors import ConfigurationError, NoInputError


@dataclass(frozen=True, kw_only=True)
class CorpusConfig:
    """How a folder of MIDI files is indexed.

    Attributes:
        max_seconds: Longer files are rejected.
        fractions: Shares of the songs in train, validation and test.
        seed: Another seed gives another split.
    """

    max_seconds: float = 1800.0
    fractions: tuple[float, float, float] = (0.8, 0.0, 0.2)
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a length out of range; a list of fractions becomes a tuple, whose sum is checked by its user."""
        object.__setattr__(self, "fractions", tuple(self.fractions))
        if self.max_seconds <= 0:
            raise ConfigurationError(
                "a song needs a length",
                parameter="max_seconds",
                expected="more than zero",
                found=self.max_seconds,
            )


@dataclass(frozen=True, kw_only=True)
class IndexedSong:
    """A MIDI file that can be used.

    Attributes:
        file: Path relative to the folder, with forward slashes.
        split: "train", "validation" or "test"; files with the same notes share it.
        notes_hash: Hash of what is played, from `sep_pipeline.data.midi.notes_hash`.
        content_hash: SHA-256 of the file.
        seconds: Length.
        programs: Zero-based programs that sound, ascending; 128 for drums.
    """

    file: str
    split: str
    notes_hash: str
    content_hash: str
    seconds: float
    programs: tuple[int, ...]

    def instruments(self, programs_of: Mapping[str, frozenset[int]]) -> tuple[str, ...]:
        """Those of the wanted instruments that sound, in their order."""
        return tuple(name for name, wanted in programs_of.items() if wanted.intersection(self.programs))


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """A file that cannot be used, and why."""

    file: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class MidiCorpus:
    """The index of a folder of MIDI files.

    Attributes:
        folder: The folder.
        songs: Usable songs by file name.
        rejections: The other files by name.
    """

    folder: Path
    songs: tuple[IndexedSong, ...]
    rejections: tuple[Rejection, ...] = ()

    def rejected_by_reason(self) -> dict[str, int]:
        """Number of rejected files by reason, the most frequent first."""
        return dict(Counter(rejection.reason for rejection in self.rejections).most_common())

    def eligible(
        self, programs_of: Mapping[str, frozenset[int]], *, split: str, min_present: int = 2
    ) -> tuple[IndexedSong, ...]:
        """Songs of a split in which enough of the wanted instruments sound.

        Args:
            programs_of: Wanted instruments and their programs, from `instruments.programs_of`.
            split: "train", "validation" or "test".
            min_present: How many of them are enough.

        Raises:
            ConfigurationError: More instruments must be present than are wanted, or none.
            NoInputError: There is no such song; says what was rejected.
        """
        if not 1 <= min_present <= len(programs_of):
            raise ConfigurationError(
                "no song can have so many of the instruments",
                parameter="min_present",
                expected=f"1 to {len(programs_of)}",
                found=min_present,
            )
        in_split = [song for song in self.songs if song.split == split]
        chosen = tuple(song for song in in_split if len(song.instruments(programs_of)) >= min_present)
        if not chosen:
            rejected = ", ".join(f"{count} {reason}" for reason, count in self.rejected_by_reason().items())
            raise NoInputError(
                f"no MIDI file of the split {split} has enough of the instruments",
                file=self.folder,
                parameter="min_present",
                expected=f"{min_present} of {', '.join(programs_of)}",
                found=f"{len(in_split)} songs in the split; rejected: {rejected or 'none'}",
            )
        return chosen
