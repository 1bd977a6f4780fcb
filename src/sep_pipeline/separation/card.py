"""The card of a trained separator, `separator.json`: what it is, what it takes and where it comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from sep_pipeline.errors import (
    CheckpointMismatchError,
    ConfigurationError,
    MissingCheckpointError,
    TruncatedCheckpointError,
)

CARD_NAME = "separator.json"


@dataclass(frozen=True, kw_only=True)
class SeparatorCard:
    """Everything about a separator except its weights.

    Attributes:
        name: Name shown in tables.
        model: Model class by its registered name, "vqvae".
        config: Configuration of the model class.
        stems: Names of the stems it gives, in order.
        weights: Stem name to the weights file beside the card.
        sample_rate: In Hz.
        channels: Number of channels it works on.
        seed: Seed it was trained with; None for one that was not trained.
        steps: Training steps behind its weights.
        data_hash: Hash of the training data.
        licence: Licence of the weights.
        metadata: Anything else worth keeping, such as the arm or `chunk_samples`.
    """

    name: str
    model: str
    config: dict[str, Any]
    stems: tuple[str, ...]
    weights: dict[str, str]
    sample_rate: int
    channels: int
    seed: int | None
    steps: int
    data_hash: str
    licence: str
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("sample_rate", "channels"):
            if getattr(self, name) < 1:
                raise ConfigurationError("must be positive", parameter=name, found=getattr(self, name))
        if not self.stems or len(set(self.stems)) < len(self.stems):
            raise ConfigurationError("stems must be named once each", parameter="stems", found=self.stems)
        if set(self.weights) != set(self.stems):
            raise ConfigurationError(
                "every stem needs one weights file",
                parameter="weights",
                expected=sorted(self.stems),
                found=sorted(self.weights),
            )
        for file_name in self.weights.values():
            if Path(file_name).name != file_name:
                raise ConfigurationError(
                    "weights lie beside the card",
                    parameter="weights",
                    expected="a file name",
                    found=file_name,
                )


def card_text(card: SeparatorCard) -> str:
    """The card as JSON text."""
    return json.dumps(asdict(card), indent=2, ensure_ascii=False) + "\n"


def read_card(folder: Path) -> SeparatorCard:
    """Read the card of a separator folder.

    Raises:
        MissingCheckpointError: There is no card.
        TruncatedCheckpointError: The card is not JSON.
        CheckpointMismatchError: Keys are unknown or missing, or a value does not fit.
    """
    path = folder / CARD_NAME
    content = _read_object(path)
    known = {entry.name for entry in fields(SeparatorCard)}
    if set(content) != known:
        raise CheckpointMismatchError(
            "the card of the separator has unknown or missing keys",
            file=path,
            expected=sorted(known - set(content)) or "no further keys",
            found=sorted(set(content) - known) or "nothing unknown",
        )
    _check_types(path, content)
    try:
        return SeparatorCard(**{**content, "stems": tuple(content["stems"])})
    except ConfigurationError as error:
        raise CheckpointMismatchError(
            f"the card of the separator is wrong: {error.problem}",
            file=path,
            parameter=error.parameter,
            expected=error.expected,
            found=error.found,
        ) from error


_TYPES: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "model": (str,),
    "config": (dict,),
    "stems": (list,),
    "weights": (dict,),
    "sample_rate": (int,),
    "channels": (int,),
    "seed": (int, type(None)),
    "steps": (int,),
    "data_hash": (str,),
    "licence": (str,),
    "metadata": (dict,),
}


def _check_types(path: Path, content: Mapping[str, Any]) -> None:
    for name, kinds in _TYPES.items():
        if not isinstance(content[name], kinds):
            raise CheckpointMismatchError(
                "a value in the card of the separator has the wrong type",
                file=path,
                parameter=name,
                expected=" or ".join(kind.__name__ for kind in kinds),
                found=repr(content[name]),
            )


def _read_object(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise MissingCheckpointError("there is no trained separator", file=path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise TruncatedCheckpointError(
            "the card of the separator does not parse", file=path, expected="JSON", found=error
        ) from error
    if not isinstance(content, dict):
        raise CheckpointMismatchError(
            "the card of the separator is no JSON object", file=path, found=type(content).__name__
        )
    return content
