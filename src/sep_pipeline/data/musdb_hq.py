"""Read trees in the layout of MUSDB18-HQ: `{train,test}/<track>/{mixture,<stem>...}.wav`."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from sep_pipeline.data.manifest import MIXTURE
from sep_pipeline.errors import ConfigurationError, NoInputError, UnreadableFileError

logger = logging.getLogger(__name__)

SPLIT_FOLDERS = ("train", "test")
STEMS = ("drums", "bass", "other", "vocals")


@dataclass(frozen=True, kw_only=True)
class MusdbTrack:
    """One track folder.

    Attributes:
        track_id: Folder name.
        split: "train", "validation" or "test"; validation tracks lie in the folder `train`.
        folder: The track folder.
        paths: "mixture" and each wanted stem to its file, whether or not it exists.
    """

    track_id: str
    split: str
    folder: Path
    paths: dict[str, Path]


def read_musdb_tree(
    root: Path, *, stems: Sequence[str] = STEMS, validation_tracks: Collection[str] | None = None
) -> tuple[MusdbTrack, ...]:
    """Read every track of a tree.

    Args:
        root: Folder with `train` and `test`.
        stems: Stems to read.
        validation_tracks: Names of the training tracks used for validation; None takes musdb's own list, as
            far as the tree has them.

    Raises:
        NoInputError: There is no track.
        ConfigurationError: A track of `validation_tracks` is not in the folder `train`.
    """
    folders = [
        folder
        for split in SPLIT_FOLDERS
        if (root / split).is_dir()
        for folder in sorted((root / split).iterdir())
        if folder.is_dir() and not folder.name.startswith(".")
    ]
    if not folders:
        raise NoInputError(
            "no track in MUSDB18-HQ's layout was found", file=root, expected="{train,test}/*/*.wav"
        )
    held_out = _held_out(folders, validation_tracks, root)
    return tuple(
        MusdbTrack(
            track_id=folder.name,
            split="validation"
            if folder.parent.name == "train" and folder.name in held_out
            else folder.parent.name,
            folder=folder,
            paths={name: folder / f"{name}.wav" for name in (MIXTURE, *stems)},
        )
        for folder in folders
    )


def _held_out(folders: Sequence[Path], wanted: Collection[str] | None, root: Path) -> frozenset[str]:
    if wanted is None:
        return frozenset(published_validation_tracks())
    present = {folder.name for folder in folders if folder.parent.name == "train"}
    missing = sorted(set(wanted) - present)
    if missing:
        raise ConfigurationError(
            "a validation track is not among the training tracks",
            file=root / "train",
            parameter="validation_tracks",
            found=missing[0],
        )
    return frozenset(wanted)


def published_validation_tracks() -> tuple[str, ...]:
    """The 14 validation tracks of MUSDB18 as the installed musdb package lists them.

    The package's list is read as a file: importing musdb demands ffmpeg, which nothing here needs.

    Returns:
        Track names; none, with a warning, where the package is not installed.

    Raises:
        UnreadableFileError: The package's list has another form.
    """
    import yaml

    spec = importlib.util.find_spec("musdb")
    if spec is None or spec.origin is None:
        logger.warning("The package musdb is not installed: no validation track is known; name them.")
        return ()
    path = Path(spec.origin).parent / "configs" / "mus.yaml"
    try:
        return tuple(yaml.safe_load(path.read_text(encoding="utf-8"))["validation_tracks"])
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise UnreadableFileError(
            "musdb's list of validation tracks does not parse", file=path, found=repr(error)
        ) from error
