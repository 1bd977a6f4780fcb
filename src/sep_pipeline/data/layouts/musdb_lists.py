"""What is known about the tracks of MUSDB18 by name, the same for its compressed and its full-band edition."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Collection, Iterable
from pathlib import Path

from sep_pipeline.errors import UnreadableFileError

logger = logging.getLogger(__name__)

SPLIT_FOLDERS = ("train", "test")
STEMS = ("drums", "bass", "other", "vocals")
MIXTURE = "mixture"

# Published by the authors of MUSDB18.
ERRATA = {
    "PR - Oh No": "the left channel of the mixture is not the sum of the stems",
    "Leaf - Wicked": "guitar in the drums at 2:20 and 3:02",
    "Detsky Sad - Walkie Talkie": "other instruments in the drums",
    "Hop Along - Sister Cities": "bleed in the vocals",
    "Chris Durban - Celebrate": "bleed in the vocals",
    "Enda Reilly - Cur An Long Ag Seol": "speech at the start of the stem other",
}


def split_of(track_id: str, folder_name: str, validation_tracks: Collection[str]) -> str:
    """Split of a track: that of its folder, but "validation" for training tracks that are held out."""
    is_held_out = folder_name == "train" and track_id in validation_tracks
    return "validation" if is_held_out else folder_name


def errata(track_id: str) -> tuple[str, ...]:
    """Known defects of a track, matched by its exact name."""
    return (ERRATA[track_id],) if track_id in ERRATA else ()


def log_counts(root: Path, splits: Iterable[str | None]) -> None:
    """Say how many tracks were found and how many of the published validation tracks are among them."""
    found = list(splits)
    logger.info(
        "%s: %d training, %d validation (of %d published) and %d test tracks",
        root,
        found.count("train"),
        found.count("validation"),
        len(published_validation_tracks()),
        found.count("test"),
    )


def published_validation_tracks() -> tuple[str, ...]:
    """The 14 validation tracks of MUSDB18 as the installed musdb package lists them.

    The package's list is read as a file: importing musdb demands ffmpeg, which nothing here needs, and its
    `DB` probes every audio file and gives up at the first damaged one.

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
