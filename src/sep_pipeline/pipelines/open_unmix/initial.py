"""A trained separator as the start of a training of study 4."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from sep_pipeline.configuration.open_unmix import STUDY
from sep_pipeline.errors import CheckpointMismatchError
from sep_pipeline.models.open_unmix import OpenUnmix
from sep_pipeline.models.weights import load_into, load_weights
from sep_pipeline.separation.card import CARD_NAME, read_card
from sep_pipeline.separation.open_unmix.loading import open_unmix_config

PARAMETER = f"{STUDY}.defaults.model.initial_weights"


def start_from(network: OpenUnmix, folder: Path, stem: str, sample_rate: int) -> str:
    """Give a network the weights of a separator's model, and with them the statistics of its input.

    Args:
        network: What is going to be trained.
        folder: The separator.
        stem: Whose model.
        sample_rate: Of the data set, in Hz.

    Returns:
        The separator's name.

    Raises:
        MissingCheckpointError: There is no separator, or a file of it is missing.
        TruncatedCheckpointError: A file of it does not parse.
        CheckpointMismatchError: It has no such stem, or its model another class, rate or size.
    """
    card = read_card(folder)
    _require(card.model == STUDY, folder, "is of another class", STUDY, card.model)
    _require(stem in card.stems, folder, "has no such stem", stem, ", ".join(card.stems))
    _require(
        card.sample_rate == sample_rate, folder, "has another sample rate", sample_rate, card.sample_rate
    )
    # Dropout has no weights, and may differ.
    theirs = asdict(replace(open_unmix_config(card), dropout=network.config.dropout))
    differing = {name: value for name, value in asdict(network.config).items() if theirs[name] != value}
    found = {name: theirs[name] for name in differing}
    _require(not differing, folder, "has another size than the arm", differing, found)
    path = folder / card.weights[stem]
    state, _ = load_weights(path)
    load_into(network, state, file=path)
    return card.name


def _require(is_right: bool, folder: Path, problem: str, expected: object, found: object) -> None:
    if not is_right:
        raise CheckpointMismatchError(
            f"the separator that training starts from {problem}",
            file=folder / CARD_NAME,
            parameter=PARAMETER,
            expected=expected,
            found=found,
        )
