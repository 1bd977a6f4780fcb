"""What was made of a song, kept beside the files, so that a second call knows what is finished."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sep_pipeline import __version__
from sep_pipeline.errors import ConfigurationError
from sep_pipeline.files import file_digest, write_text
from sep_pipeline.separation.songs.options import SongOptions

RECORDS_FOLDER = ".separated"
"""Hidden folder below the output folder, for records and for what is not finished."""


@dataclass(frozen=True, kw_only=True)
class SongResult:
    """What was made of a song.

    Attributes:
        track: Name of the song.
        source: Its file.
        files: Stem to its file.
        playing_seconds: Length of the song.
        computing_seconds: Time for reading, separating and writing it; of a song that was finished before, the time
            that it took then.
        sum_error: See `WrittenSong`, as for the next one.
        clipped: Stem to samples outside full scale.
        was_finished: Whether an earlier call had made it.
    """

    track: str
    source: Path
    files: dict[str, Path]
    playing_seconds: float
    computing_seconds: float
    sum_error: float
    clipped: dict[str, int] = field(default_factory=dict)
    was_finished: bool = False

    def as_text(self) -> str:
        """One line for people."""
        files = list(self.files.values())
        folders = {path.parent for path in files}
        place = files[0].parent if len(folders) == 1 else f"{files[0]} and others"
        time = "finished before" if self.was_finished else f"{self.computing_seconds:.1f} s"
        parts = [
            f"{self.track}: {len(files)} files in {place}",
            f"{self.playing_seconds:.1f} s of music, {time}",
            f"the files add up to the song within {self.sum_error:.2g}",
        ]
        if self.clipped:
            stems = ", ".join(f"{count} in {stem}" for stem, count in self.clipped.items())
            parts.append(f"samples that clipped: {stems} (wav with 32 bits holds them)")
        return "; ".join(parts)


def song_fingerprint(
    track: str, source: Path, model: str, options: SongOptions, device: str, precision: str
) -> str:
    """Hash of everything that the files of a song depend on.

    Args:
        track: Name of the song.
        source: Its file, of which the content counts.
        model: Digest of the separator.
        options: What becomes of the song.
        device: Where the separator runs.
        precision: Of the separator.
    """
    parts = [__version__, track, file_digest(source), model, asdict(options), device, precision]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def record_path(output: Path, track: str, fingerprint: str) -> Path:
    """Where the record of a song lies."""
    return output / RECORDS_FOLDER / f"{track}.{fingerprint[:16]}.json"


def write_record(record: Path, output: Path, result: SongResult, made: Mapping[str, Path]) -> None:
    """Write down what was made.

    Args:
        record: The file to write.
        output: The output folder, which may be moved as a whole.
        result: What will be there when all files lie in their places.
        made: Stem to its finished file, which may lie elsewhere still.
    """
    content = asdict(result) | {"source": str(result.source)}
    content["files"] = {
        stem: {"path": path.relative_to(output).as_posix(), "state": _state(made[stem])}
        for stem, path in result.files.items()
    }
    write_text(record, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def finished_song(record: Path, output: Path, source: Path) -> SongResult | None:
    """The result of an earlier call, if all its files are still as they were written."""
    content = _read(record)
    files = content.get("files", {})
    if not files or not all(_is_unchanged(output, entry) for entry in files.values()):
        return None
    paths = {stem: output / entry["path"] for stem, entry in files.items()}
    return SongResult(**{**content, "source": source, "files": paths, "was_finished": True})


def refuse_existing(record: Path, output: Path, paths: Mapping[str, Path]) -> None:
    """Keep what is there, but for files of the very song that a call which was killed had put in their places.

    Raises:
        ConfigurationError: One of the files exists.
    """
    files = _read(record).get("files", {})
    for stem, path in paths.items():
        is_ours = (
            stem in files and output / files[stem]["path"] == path and _is_unchanged(output, files[stem])
        )
        if path.exists() and not is_ours:
            raise ConfigurationError(
                "the file exists", file=path, expected="overwriting to be asked for, or another output folder"
            )


def _read(record: Path) -> dict[str, Any]:
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _is_unchanged(output: Path, entry: Mapping[str, Any]) -> bool:
    path = output / entry["path"]
    return path.is_file() and bool(_state(path) == entry["state"])


def _state(path: Path) -> list[int]:
    """Size and time of change, which moving a file leaves alone."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]
