"""Read trees in the layout of Slakh2100, as published or as written by our own renderer."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sep_pipeline.data.midi import normalised_class
from sep_pipeline.errors import NoInputError, UnreadableFileError

METADATA_NAME = "metadata.yaml"
AUDIO_SUFFIXES = (".flac", ".wav")
# Tracks of Slakh2100's "omitted" folder duplicate others and are never read.
SPLIT_FOLDERS = ("train", "validation", "test")
PROVENANCE_KEYS = (
    "UUID",
    "lmd_midi_dir",
    "licence",
    "engine",
    "engine_version",
    "sound_font",
    "sound_font_hash",
    "reorchestrated",
)


@dataclass(frozen=True, kw_only=True)
class SlakhStem:
    """One instrument of a track.

    Attributes:
        key: Name in the tree ("S03"); numbers may have gaps.
        inst_class: Instrument class in one spelling ("Strings" for both of Slakh's).
        program: Zero-based General MIDI program, 128 for drums.
        path: Audio file; None when the metadata list audio that is not there.
    """

    key: str
    inst_class: str
    program: int
    path: Path | None


@dataclass(frozen=True, kw_only=True)
class SlakhTrack:
    """One track folder.

    Attributes:
        track_id: Folder name.
        split: Name of the split folder.
        folder: The track folder.
        mixture: Mixture file; None when it is missing.
        stems: Instruments with audio according to the metadata, by key.
        provenance: Where the audio comes from, as far as the metadata say.
    """

    track_id: str
    split: str
    folder: Path
    mixture: Path | None
    stems: tuple[SlakhStem, ...]
    provenance: dict[str, Any] = field(default_factory=dict)


def read_slakh_tree(root: Path) -> tuple[SlakhTrack, ...]:
    """Read every track of a tree `<root>/{train,validation,test}/<track>/metadata.yaml`.

    Raises:
        NoInputError: There is no such track.
        UnreadableFileError: A metadata file does not parse.
    """
    files = [
        file for split in SPLIT_FOLDERS for file in sorted((root / split).glob(f"[!.]*/{METADATA_NAME}"))
    ]
    if not files:
        raise NoInputError(
            "no track in Slakh's layout was found",
            file=root,
            expected=f"{{train,validation,test}}/*/{METADATA_NAME}",
        )
    return tuple(read_slakh_track(file.parent) for file in files)


def read_slakh_track(folder: Path) -> SlakhTrack:
    """Read one track folder.

    Raises:
        UnreadableFileError: The metadata do not parse or lack the stems.
    """
    path = folder / METADATA_NAME
    content = _metadata(path)
    audio_folder = _audio_folder(folder, content)
    try:
        stems = tuple(
            _stem(key, entry, audio_folder)
            for key, entry in sorted(content["stems"].items())
            if entry.get("audio_rendered", True)
        )
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        raise UnreadableFileError(
            "the metadata lack what every stem needs",
            file=path,
            expected="stems with inst_class and program_num",
            found=repr(error),
        ) from error
    return SlakhTrack(
        track_id=folder.name,
        split=folder.parent.name,
        folder=folder,
        mixture=_audio_file(folder, "mix"),
        stems=stems,
        provenance={key: content[key] for key in PROVENANCE_KEYS if key in content},
    )


def _metadata(path: Path) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UnreadableFileError("the metadata do not parse", file=path, found=str(error)) from error
    if not isinstance(content, dict):
        raise UnreadableFileError("the metadata do not parse", file=path, expected="a mapping", found=content)
    return content


def _audio_folder(folder: Path, content: dict[str, Any]) -> Path:
    """Releases name it relative to the track ("stems") or to the split ("Track00001/stems")."""
    named = str(content.get("audio_dir", "stems"))
    return folder / named if (folder / named).is_dir() else folder.parent / named


def _stem(key: str, entry: dict[str, Any], audio_folder: Path) -> SlakhStem:
    return SlakhStem(
        key=key,
        inst_class=normalised_class(str(entry["inst_class"])),
        program=int(entry["program_num"]),
        path=_audio_file(audio_folder, key),
    )


def _audio_file(folder: Path, name: str) -> Path | None:
    candidates = (folder / f"{name}{suffix}" for suffix in AUDIO_SUFFIXES)
    return next((path for path in candidates if path.is_file()), None)
