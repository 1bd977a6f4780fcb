"""A separator folder as a streaming separator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sep_pipeline.errors import CheckpointMismatchError, ConfigurationError, naming_file
from sep_pipeline.models.open_unmix import OpenUnmix, require_unidirectional
from sep_pipeline.models.weights import load_into, load_weights
from sep_pipeline.separation.card import CARD_NAME, read_card
from sep_pipeline.separation.open_unmix.loading import open_unmix_config
from sep_pipeline.separation.streaming.separator import StreamingSeparator

MODEL_CLASS = "open_unmix"


def load_streaming_separator(
    folder: Path, *, stems: Sequence[str] | None = None, precision: str = "fp32", ratio_mask: bool = False
) -> StreamingSeparator:
    """Load a trained separator for streaming.

    Args:
        folder: A separator folder of the model class "open_unmix" with unidirectional models.
        stems: Which of its stems are wanted; None stands for all. The separator gives these alone, in this
            order, unless `ratio_mask` needs the others, too.
        precision: See `StreamingSeparator`.
        ratio_mask: See `StreamingSeparator`.

    Raises:
        MissingCheckpointError: The card or a weights file is missing.
        TruncatedCheckpointError: The card or a weights file does not parse.
        CheckpointMismatchError: Another model class, a configuration that is not valid, or weights that do
            not fit.
        ConfigurationError: Unknown stems, or what `StreamingSeparator` refuses.
    """
    card = read_card(folder)
    path = folder / CARD_NAME
    if card.model != MODEL_CLASS:
        raise CheckpointMismatchError(
            "this model class cannot stream",
            file=path,
            parameter="model",
            expected=MODEL_CLASS,
            found=card.model,
        )
    with naming_file(path, CheckpointMismatchError):
        config = open_unmix_config(card)
    require_unidirectional(config)
    chosen = _chosen(card.stems, stems)
    models = {}
    for stem in card.stems if ratio_mask else chosen:
        models[stem] = OpenUnmix(config)
        weights = folder / card.weights[stem]
        load_into(models[stem], load_weights(weights)[0], file=weights)
    return StreamingSeparator(models, card.sample_rate, precision=precision, ratio_mask=ratio_mask)


def _chosen(known: Sequence[str], wanted: Sequence[str] | None) -> Sequence[str]:
    if wanted is None:
        return known
    if not wanted or set(wanted) - set(known) or len(set(wanted)) < len(wanted):
        raise ConfigurationError(
            "stems must be stems of the separator, once each",
            parameter="stems",
            expected=", ".join(known),
            found=", ".join(wanted),
        )
    return wanted
