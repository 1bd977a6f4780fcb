"""Excerpts of songs on disk: one compressed file and one picture per clip, and what they are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sep_pipeline.files import folder_written_aside, write_text
from sep_pipeline.reporting.page.choice import Choice

MIXTURE, REFERENCE = "mixture", "reference"
"""Rows of clips beside the arms."""

LIST_NAME = "songs.json"


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One sound that can be switched to.

    Attributes:
        row: `mixture`, `reference` or an arm.
        stem: Stem; empty for the mixture.
        audio: MP3.
        picture: Its spectrogram as PNG.
        score: Of the whole song in dB; None where there is none.
    """

    row: str
    stem: str
    audio: bytes
    picture: bytes
    score: float | None = None


@dataclass(frozen=True, kw_only=True)
class HeardSong:
    """The excerpts of one song, all of one length.

    Attributes:
        name: Track id.
        choices: Why it was chosen.
        start_seconds: Where the excerpt begins in the song.
        seconds: How long it is.
        clips: The mixture first, then references, then the arms.
    """

    name: str
    choices: tuple[Choice, ...]
    start_seconds: float
    seconds: float
    clips: tuple[Clip, ...]


@dataclass(frozen=True, kw_only=True)
class Listening:
    """Everything to listen to of one study.

    Attributes:
        seed: Seed of the models that are heard.
        metric: What the songs were ranked by.
        data_hashes: Data set to the hash of its audio.
        songs: The songs.
    """

    seed: int
    metric: str
    data_hashes: Mapping[str, str]
    songs: tuple[HeardSong, ...]

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms that are heard, in order."""
        rows = (clip.row for song in self.songs for clip in song.clips)
        return tuple(row for row in dict.fromkeys(rows) if row not in (MIXTURE, REFERENCE))


def save_listening(
    folder: Path, songs: Iterable[HeardSong], *, seed: int, metric: str, data_hashes: Mapping[str, str]
) -> None:
    """Write a folder that appears only when complete.

    Args:
        folder: Where `songs.json`, `<song>-<clip>.mp3` and `.png` go.
        songs: Taken one after the other, so that only one is held at a time.
        seed: As in `Listening`, like the arguments below.
        metric: What the songs were ranked by.
        data_hashes: Data set to the hash of its audio.

    Raises:
        StorageError: The folder is not writable or the disk is full.
    """
    with folder_written_aside(folder) as aside:
        listed = [_save_song(aside, number, song) for number, song in enumerate(songs)]
        content = {"seed": seed, "metric": metric, "data_hashes": dict(data_hashes), "songs": listed}
        write_text(aside / LIST_NAME, json.dumps(content, indent=1) + "\n")


def _save_song(folder: Path, number: int, song: HeardSong) -> dict[str, Any]:
    clips = []
    for index, clip in enumerate(song.clips):
        name = f"{number}-{index}"
        (folder / f"{name}.mp3").write_bytes(clip.audio)
        (folder / f"{name}.png").write_bytes(clip.picture)
        clips.append({"file": name, "row": clip.row, "stem": clip.stem, "score": clip.score})
    return {
        "name": song.name,
        "choices": [[choice.place, choice.arm] for choice in song.choices],
        "start_seconds": song.start_seconds,
        "seconds": song.seconds,
        "clips": clips,
    }


def load_listening(folder: Path) -> Listening:
    """Read what `save_listening` wrote."""
    content = json.loads((folder / LIST_NAME).read_text(encoding="utf-8"))
    songs = tuple(_load_song(folder, song) for song in content.pop("songs"))
    return Listening(songs=songs, **content)


def _load_song(folder: Path, song: dict[str, Any]) -> HeardSong:
    clips = tuple(
        Clip(
            row=clip["row"],
            stem=clip["stem"],
            audio=(folder / f"{clip['file']}.mp3").read_bytes(),
            picture=(folder / f"{clip['file']}.png").read_bytes(),
            score=clip["score"],
        )
        for clip in song["clips"]
    )
    choices = tuple(Choice(*choice) for choice in song["choices"])
    return HeardSong(**{**song, "choices": choices, "clips": clips})
