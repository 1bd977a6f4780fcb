"""Copies of trained separators with a model card whose figures were measured on the copy itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sep_pipeline.data.stem_store import store_tracks
from sep_pipeline.errors import ConfigurationError
from sep_pipeline.files import folder_written_aside, require_writable, write_text
from sep_pipeline.scoring.judging import judge
from sep_pipeline.scoring.model_card import Description, model_card
from sep_pipeline.separation import load_separator
from sep_pipeline.separation.copying import copy_separator, weights_megabytes

if TYPE_CHECKING:
    import pandas

MODEL_CARD = "README.md"

MAX_HALF_COST_DB = 0.05
"""What half precision may change of the mean uSDR of a stem."""

_ORIGINAL, _COPY = "original", "copy"


def export_separator(
    source: Path,
    folder: Path,
    test_songs: Path,
    description: Description,
    *,
    is_half: bool,
    licence: str | None = None,
    should_overwrite: bool = False,
    progress: Callable[[int, int, str], None] = lambda done, total, track_id: None,  # noqa: ARG005
) -> str:
    """Copy a separator, measure the copy and write its model card.

    Args:
        source: Folder of the separator.
        folder: Folder of the copy, which bears its name; it appears when everything is complete.
        test_songs: Stem store; its songs of the split `test` are separated and scored.
        description: What the card says beside the figures.
        is_half: Whether to store matrices in 16 bits.
        licence: Licence of the weights; None keeps that of the original.
        should_overwrite: Whether to replace a folder that exists.
        progress: Called before every song with the number of finished and of all songs, and its name.

    Returns:
        The model card.

    Raises:
        ConfigurationError: The folder exists, or half precision changes a stem by more than `MAX_HALF_COST_DB`.
        NoInputError: There are no test songs.
        StemMismatchError: They have none of the separator's stems.
        CheckpointError: The separator cannot be loaded.
        StorageError: The folder cannot be written.
    """
    if folder.exists() and not should_overwrite:
        raise ConfigurationError(
            "the folder exists", file=folder, expected="a new one, or --overwrite", found="a folder"
        )
    require_writable(folder)
    tracks = store_tracks(test_songs, "test")
    with folder_written_aside(folder) as aside:
        card = copy_separator(source, aside, name=folder.name, is_half=is_half, licence=licence)
        separators = {_COPY: load_separator(aside)}
        if is_half:
            separators[_ORIGINAL] = load_separator(source)
        scores = judge(separators, tracks, progress=progress)
        costs = _half_cost(scores) if is_half else None
        text = model_card(
            card,
            description,
            scores,
            row=_COPY,
            megabytes=weights_megabytes(aside),
            half_cost_db=costs,
        )
        write_text(aside / MODEL_CARD, text)
    return text


def _half_cost(scores: pandas.DataFrame) -> Mapping[str, float]:
    """Change of each stem's mean uSDR by half precision, in dB.

    Raises:
        ConfigurationError: It is too large for a stem.
    """
    usdr = scores[scores["metric"] == "uSDR"].dropna(subset=["value"])
    means = usdr.groupby(["separator", "stem"])["value"].mean()
    costs = {stem: float(means[_COPY, stem] - means[_ORIGINAL, stem]) for stem in usdr["stem"].unique()}
    for stem, cost in costs.items():
        if abs(cost) > MAX_HALF_COST_DB:
            raise ConfigurationError(
                f"half precision changes the scores of {stem}",
                parameter="--half",
                expected=f"at most {MAX_HALF_COST_DB} dB",
                found=f"{cost:+.3f} dB",
            )
    return costs
