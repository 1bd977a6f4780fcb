"""Read trees in the layout of the Dagstuhl ChoirSet, whose file names tell takes, singers and microphones."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal, get_args

from sep_pipeline.data.layouts.source import Part, Reading, Refusal, SourceTrack
from sep_pipeline.errors import ConfigurationError, NoInputError

Microphone = Literal["DYN", "LRX", "HSM"]

AUDIO_FOLDER = "audio_wav_22050_mono"
VOICES = {"S": "soprano", "A": "alto", "T": "tenor", "B": "bass"}
SONGS = {"LI": "Locus Iste", "TP": "Tebe Poem", "SE": "exercises"}
EXERCISES = "SE"
BASSES = "Basses"
DEFAULT_STEMS = ("female", "male")

_FILE = re.compile(
    r"(?P<track>DCS_(?P<song>LI|TP|SE)_(?P<setting>FullChoir|QuartetA|QuartetB|Basses)_(?P<take>[A-Za-z]+\d*))"
    r"_((?P<singer>[SAT][12]|B[1-5])_(?P<microphone>DYN|LRX|HSM)"
    r"|(Stereo|StereoReverb)_ST[MLR]|Piano_SP[LR])"
)


@dataclass(frozen=True, kw_only=True)
class ChoirSet:
    """Dagstuhl ChoirSet.

    A take is used when soprano, alto, tenor and bass each have a singer recorded by `microphone`. A voice sung
    by several such singers has as many parts. Room and piano microphones are no parts, and the room's are no
    mixture either, since they hear singers who have no track. The set names no splits.

    Beware of copies in which every file was divided by its own maximum: levels between singers are lost there,
    and sums exceed 1. The tracks of dynamic microphones carry bleed from neighbours.

    Attributes:
        microphone: Dynamic ("DYN"), larynx ("LRX") or headset ("HSM") microphones of the singers.
        exercises: Whether takes of the exercises are used besides those of the two songs.
    """

    name: ClassVar[str] = "choirset"
    pattern: ClassVar[str] = f"{AUDIO_FOLDER}/DCS_<song>_<setting>_<take>_<section>_<microphone>.wav"

    microphone: Microphone = "DYN"
    exercises: bool = False

    def __post_init__(self) -> None:
        """Refuse microphones that no singer has."""
        if self.microphone not in get_args(Microphone):
            raise ConfigurationError(
                "singers have no such microphone",
                parameter="microphone",
                expected=", ".join(get_args(Microphone)),
                found=self.microphone,
            )

    def recognise(self, root: Path) -> str | None:
        """Say how many singers' tracks of how many takes were seen; None if there is none."""
        takes, _ = _takes(_wav_files(root))
        count = sum(len(take.singers) for take in takes)
        return f"{count} singers' tracks DCS_*.wav of {len(takes)} takes" if count else None

    def read(self, root: Path) -> Reading:
        """Sort the files into takes and use those that have all four voices.

        Raises:
            NoInputError: There is no usable take.
        """
        takes, refusals = _takes(_wav_files(root))
        reasons = [self._reason_against(take) for take in takes]
        tracks = tuple(
            self._track(take) for take, reason in zip(takes, reasons, strict=True) if reason is None
        )
        refusals += [
            Refusal(kind="left_out", reason=reason, file=take.files[0], track=take.track_id)
            for take, reason in zip(takes, reasons, strict=True)
            if reason is not None
        ]
        if not tracks:
            raise NoInputError(
                f"no take with {self.microphone} recordings of all four voices was found",
                file=root,
                expected=self.pattern,
                found=f"{len(takes)} takes",
            )
        return Reading(
            layout=self.name,
            tracks=tracks,
            labels=tuple(VOICES.values()),
            default_stems=DEFAULT_STEMS,
            default_grouping={"female": ("soprano", "alto"), "male": ("tenor", "bass")},
            refusals=tuple(refusals),
        )

    def _reason_against(self, take: _Take) -> str | None:
        if take.song == EXERCISES and not self.exercises:
            return "an exercise, and exercises are not asked for"
        if take.setting == BASSES:
            return "basses only"
        present = {singer[0] for singer, microphone in take.singers if microphone == self.microphone}
        missing = [voice for letter, voice in VOICES.items() if letter not in present]
        return f"no {self.microphone} recording of {', '.join(missing)}" if missing else None

    def _track(self, take: _Take) -> SourceTrack:
        return SourceTrack(
            track_id=take.track_id,
            folder=take.files[0].parent,
            split=None,
            parts=tuple(
                Part(
                    key=f"{singer}_{microphone}",
                    label=VOICES[singer[0]],
                    path=take.singers[singer, microphone],
                    aliases=(singer,),
                )
                for letter in VOICES
                for singer, microphone in sorted(take.singers)
                if singer[0] == letter and microphone == self.microphone
            ),
            provenance={
                "song": SONGS[take.song],
                "setting": take.setting,
                "microphone": self.microphone,
            },
        )


@dataclass(kw_only=True)
class _Take:
    """Files of one take; `singers` are those of one singer and microphone ("S1", "DYN")."""

    track_id: str
    song: str
    setting: str
    singers: dict[tuple[str, str], Path] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)


def _wav_files(root: Path) -> list[Path]:
    """WAV files of the set's audio folder, or of all folders where that name was changed."""
    folders = [root] if root.name == AUDIO_FOLDER else sorted(root.rglob(AUDIO_FOLDER))
    return sorted(
        path
        for folder in folders or [root]
        for path in folder.rglob("*")
        if path.suffix.lower() == ".wav"
        and not any(name.startswith(".") for name in path.relative_to(root).parts)
    )


def _takes(files: Iterable[Path]) -> tuple[list[_Take], list[Refusal]]:
    takes: dict[str, _Take] = {}
    seen: dict[str, Path] = {}
    refusals = []
    for path in files:
        match = _FILE.fullmatch(path.stem)
        if match is None:
            reason = f"the name does not follow {ChoirSet.pattern.rpartition('/')[2]}"
            refusals.append(Refusal(kind="unknown_name", reason=reason, file=path))
        elif path.stem in seen:
            reason = f"{seen[path.stem]} has the same name"
            refusals.append(Refusal(kind="left_out", reason=reason, file=path, track=match["track"]))
        else:
            seen[path.stem] = path
            _add(takes, match, path)
    return [take for _, take in sorted(takes.items())], refusals


def _add(takes: dict[str, _Take], match: re.Match[str], path: Path) -> None:
    take = takes.setdefault(
        match["track"], _Take(track_id=match["track"], song=match["song"], setting=match["setting"])
    )
    take.files.append(path)
    if match["singer"]:
        take.singers[match["singer"], match["microphone"]] = path
