"""Read trees in the layout of Slakh2100, as published, copied, converted, or written by our own renderer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, ClassVar

from sep_pipeline.data.layouts.source import Part, Reading, Refusal, SourceTrack
from sep_pipeline.data.midi import CLASS_NAMES, DRUM_PROGRAM, normalised_class
from sep_pipeline.errors import NoInputError, UnreadableFileError

METADATA_NAME = "metadata.yaml"
STEMS_FOLDER = "stems"
AUDIO_SUFFIXES = (".flac", ".wav")
SPLIT_FOLDERS = ("train", "validation", "test")
OMITTED_FOLDER = "omitted"
DEFAULT_STEMS = ("drums", "bass", "guitar", "other")
DEFAULT_GROUPING = {"drums": ("Drums",), "bass": ("Bass",), "guitar": ("Guitar",), "piano": ("Piano",)}
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

# Reported by users of the published set.
_SILENT = "is listed with audio and has no sound"
DEFECTS = {
    "Track00357": f"S03 {_SILENT}",
    "Track00377": f"S07 {_SILENT}",
    "Track00385": f"S00 {_SILENT}",
    "Track00398": f"S00 {_SILENT}",
    "Track00400": f"S00 {_SILENT}",
    "Track00629": f"S01 {_SILENT}",
    "Track00633": f"S01 {_SILENT}",
    "Track00749": f"S01 {_SILENT}",
    "Track01500": "S12 and S13 are one endless tone",
    "Track01629": f"S00 {_SILENT}",
}
# Last track numbers of the splits that the set was published with.
_LAST_NUMBERS = {"train": 1500, "validation": 1875, "test": 2100}
_TRACK = re.compile(r"Track(\d{5})")


@dataclass(frozen=True, kw_only=True)
class Slakh:
    """Slakh2100 in all its splits, BabySlakh, flat copies, and the trees of this project's renderer.

    Track folders lie in folders named for the splits, whatever their assignment (orig, split2, redux). Tracks
    that redux moved to `omitted` share their notes with others and are refused. Without split folders the
    tracks have no split, unless their numbers reach from the published training part into its test part.
    """

    name: ClassVar[str] = "slakh"
    pattern: ClassVar[str] = (
        f"[{{train,validation,test}}/]<track>/{{{METADATA_NAME},mix.flac,stems/SNN.flac}}"
    )

    def recognise(self, root: Path) -> str | None:
        """Say how many track folders were seen and in which split folders; None if there is none."""
        splits = {split: len(_track_folders(root / split)) for split in (*SPLIT_FOLDERS, OMITTED_FOLDER)}
        found = [f"{count} in {split}" for split, count in splits.items() if count]
        if any(splits[split] for split in SPLIT_FOLDERS):
            return f"{METADATA_NAME} in track folders: {', '.join(found)}"
        count = len(_track_folders(root))
        return f"{METADATA_NAME} in {count} track folders, no split folders" if count else None

    def read(self, root: Path) -> Reading:
        """Read the metadata of every track and list its files.

        Raises:
            NoInputError: No track has readable metadata.
        """
        splits = _folders_with_splits(root)
        refusals = [*_omitted(root), *_without_metadata(root, splits)]
        tracks = []
        for folder, split in splits.items():
            try:
                tracks.append(_track(folder, split))
            except UnreadableFileError as error:
                refusals.append(_unreadable(folder, f"{error.problem}: {error.found}"))
        if not tracks:
            raise NoInputError(
                "no track in Slakh's layout was found",
                file=root,
                expected=self.pattern,
                found=f"{len(refusals)} folders that cannot be used" if refusals else None,
            )
        return Reading(
            layout=self.name,
            tracks=tuple(tracks),
            labels=CLASS_NAMES,
            default_stems=DEFAULT_STEMS,
            default_grouping=DEFAULT_GROUPING,
            refusals=tuple(refusals),
        )


def published_split(track_id: str) -> str | None:
    """Split of a track in the original assignment; None if it is none of Track00001 to Track02100."""
    match = _TRACK.fullmatch(track_id)
    number = int(match[1]) if match else 0
    if number == 0:
        return None
    return next((split for split, last in _LAST_NUMBERS.items() if number <= last), None)


def _track_folders(parent: Path) -> list[Path]:
    return sorted(file.parent for file in parent.glob(f"[!.]*/{METADATA_NAME}"))


def _folders_with_splits(root: Path) -> dict[Path, str | None]:
    named = {folder: split for split in SPLIT_FOLDERS for folder in _track_folders(root / split)}
    if named:
        return dict(named)
    by_number = {folder: published_split(folder.name) for folder in _track_folders(root)}
    splits = set(by_number.values())
    if None in splits or not {"train", "test"} <= splits:
        return dict.fromkeys(by_number)
    return by_number


def _omitted(root: Path) -> list[Refusal]:
    reason = "omitted in Slakh2100-redux: its notes are those of another track"
    return [
        Refusal(kind="left_out", reason=reason, file=folder, track=folder.name)
        for folder in _track_folders(root / OMITTED_FOLDER)
    ]


def _without_metadata(root: Path, splits: Mapping[Path, str | None]) -> list[Refusal]:
    """Folders that are named as tracks and lack the metadata; others are none of ours."""
    parents = {folder.parent for folder in splits} or {root, *(root / split for split in SPLIT_FOLDERS)}
    return [
        _unreadable(folder, f"there is no {METADATA_NAME}")
        for parent in sorted(parents)
        for folder in sorted(parent.glob("Track*"))
        if _TRACK.fullmatch(folder.name) and folder.is_dir() and not (folder / METADATA_NAME).is_file()
    ]


def _unreadable(folder: Path, reason: str) -> Refusal:
    return Refusal(kind="unreadable", reason=reason, file=folder / METADATA_NAME, track=folder.name)


def _track(folder: Path, split: str | None) -> SourceTrack:
    metadata = folder / METADATA_NAME
    content = _metadata(metadata)
    audio = _audio_files(_audio_folder(folder, content))
    try:
        parts = tuple(
            _part(str(key), entry, audio)
            for key, entry in sorted(content["stems"].items())
            if entry.get("audio_rendered", True)
        )
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        problem = "the metadata lack stems with inst_class and program_num"
        raise UnreadableFileError(problem, file=metadata, found=repr(error)) from error
    mixture = _audio_files(folder).get("mix")
    is_published = "engine" not in content
    return SourceTrack(
        track_id=folder.name,
        folder=folder,
        split=split,
        parts=parts,
        mixture=Part(key="mix", label="mixture", path=mixture) if mixture else None,
        provenance={key: content[key] for key in PROVENANCE_KEYS if key in content},
        defects=(DEFECTS[folder.name],) if is_published and folder.name in DEFECTS else (),
        extra_files=(metadata,),
    )


def _part(key: str, entry: Mapping[str, Any], audio: Mapping[str, Path]) -> Part:
    name = entry.get("name")
    return Part(
        key=key,
        label=normalised_class(str(entry["inst_class"])),
        path=audio.get(key),
        program=DRUM_PROGRAM if entry.get("is_drum") else int(entry["program_num"]),
        aliases=(str(name),) if name else (),
    )


def _metadata(path: Path) -> dict[str, Any]:
    import yaml

    # The compiled parser is several times faster, which thousands of tracks make worth while.
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise UnreadableFileError("the metadata do not parse", file=path, found=str(error)) from error
    if not isinstance(content, dict):
        raise UnreadableFileError("the metadata are no mapping", file=path, found=type(content).__name__)
    return content


def _audio_folder(folder: Path, content: Mapping[str, Any]) -> Path:
    """The folder `stems`; only where that is missing the one the metadata name.

    Releases name it relative to the track ("stems") or to the split ("Track00001/stems"), and one published
    track names a folder of its author's machine, which must never be followed.
    """
    stems = folder / STEMS_FOLDER
    named = PurePath(str(content.get("audio_dir", STEMS_FOLDER)))
    if stems.is_dir() or named.is_absolute() or ".." in named.parts:
        return stems
    return next((path for path in (folder / named, folder.parent / named) if path.is_dir()), stems)


def _audio_files(folder: Path) -> dict[str, Path]:
    """Audio files by stem of their name; FLAC goes before WAV."""
    if not folder.is_dir():
        return {}
    paths = [path for path in folder.iterdir() if path.suffix in AUDIO_SUFFIXES and path.is_file()]
    return {
        path.stem: path
        for path in sorted(paths, key=lambda path: AUDIO_SUFFIXES.index(path.suffix), reverse=True)
    }
