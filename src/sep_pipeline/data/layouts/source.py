"""What a reader finds in the tree of a data set, before any audio is opened."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

AUDIO_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".m4a", ".aif", ".aiff")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One recording of one instrument, voice or stem of a track.

    Attributes:
        key: Its name in the tree ("S03", "piano", "S1_DYN"); unique in the track but for faulty trees.
        label: What groupings call it, as the data set spells it ("Guitar", "vocals", "soprano").
        path: Audio file; None when the tree lists audio that is not there.
        stream: Number of the audio stream in a file that holds several.
        program: Zero-based General MIDI program, 128 for drums; None where there is none.
        aliases: Further names that a grouping may use.
    """

    key: str
    label: str
    path: Path | None
    stream: int = 0
    program: int | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SourceTrack:
    """One song, piece, take or loop.

    Attributes:
        track_id: Its name in the tree.
        folder: The folder it lies in, or its file where it has no folder of its own.
        split: "train", "validation" or "test" where the tree or the data set's own list says it, else None.
        parts: Its recordings in the order of the tree.
        mixture: Recording of the mixture; None where the tree has none.
        provenance: What the tree says about the origin of the audio; plain values.
        defects: Known defects of this track, in words, from the data set's own or others' lists.
        extra_files: Further files that the reading depends on, such as metadata.
    """

    track_id: str
    folder: Path
    split: str | None
    parts: tuple[Part, ...]
    mixture: Part | None = None
    provenance: Mapping[str, object] = field(default_factory=dict)
    defects: tuple[str, ...] = ()
    extra_files: tuple[Path, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that the track is made of, each once."""
        parts = (*self.parts, *((self.mixture,) if self.mixture else ()))
        audio = (part.path for part in parts if part.path is not None)
        return tuple(dict.fromkeys((*audio, *self.extra_files)))


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Something in the tree that the reader did not take.

    Attributes:
        kind: Kind of fault: "unknown_name" (not the layout's pattern), "left_out" (the layout's own rules
            leave it out), "empty_folder", "unreadable" (metadata that do not parse).
        reason: Why, with what was expected.
        file: File or folder.
        track: Name of the track, where there is one.
        stem: Name of the part, where there is one.
    """

    kind: str
    reason: str
    file: Path
    track: str = ""
    stem: str = ""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Everything a reader found.

    Attributes:
        layout: Name of the layout.
        tracks: Tracks by split and name.
        labels: Labels that groupings can use, in the usual order of the data set; those of the tree where
            the layout has none of its own.
        default_stems: Stems when none are asked for.
        default_grouping: Stem to the labels it sums; a stem without an entry takes the label of its name.
        refusals: What was not taken.
        are_aligned: Whether the parts of a track belong together in time. Where they do not, every track has
            one part only and mixtures are made by drawing.
    """

    layout: str
    tracks: tuple[SourceTrack, ...]
    labels: tuple[str, ...]
    default_stems: tuple[str, ...]
    default_grouping: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    refusals: tuple[Refusal, ...] = ()
    are_aligned: bool = True


class Layout(Protocol):
    """A reader. Its class may be a frozen dataclass whose fields are options of the layout."""

    @property
    def name(self) -> str:
        """Name that `layout:` takes."""
        ...

    @property
    def pattern(self) -> str:
        """The tree in one line, for messages ("{train,test}/<track>/{mixture,drums,bass,other,vocals}.wav")."""
        ...

    def recognise(self, root: Path) -> str | None:
        """Say in a few words what was seen if `root` has this layout, else None; opens no audio."""
        ...

    def read(self, root: Path) -> Reading:
        """Read the whole tree.

        Raises:
            NoInputError: There is no track of this layout.
        """
        ...


def normalised(name: str) -> str:
    """The form in which names are compared: composed characters, small letters, `_` for spaces and hyphens."""
    composed = unicodedata.normalize("NFC", name).casefold()
    return "_".join(composed.replace("-", " ").replace("_", " ").split())
