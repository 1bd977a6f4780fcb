"""Find a separator by name: a folder, one that a study has trained, or one that ships with the package."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sep_pipeline.errors import ConfigurationError, MissingCheckpointError
from sep_pipeline.separation.card import CARD_NAME, SeparatorCard, read_card

SHIPPED = Path(__file__).parents[1] / "weights"
"""Folder of shipped weights; a shipped separator is `<name>/separator.json` with its weights beside it."""

DEFAULT_MODEL = "open_unmix"
"""Name of the shipped separator that is taken where none is named."""

DEFAULT_LIVE_MODEL = "open_unmix_live"
"""Name of the shipped separator that `stream` takes where none is named."""

MODELS_FOLDER = "06_models"
"""Where runs keep what they train, in their data folder."""

_TRAINED = f"*/*/seed_*/separator/{CARD_NAME}"
_SEED = "seed_"


@dataclass(frozen=True, kw_only=True)
class KnownSeparator:
    """A separator that can be named.

    Attributes:
        name: What names it: `<study>/<arm>/<seed>`, or the name of a shipped one.
        origin: Where it comes from.
        folder: Its folder.
    """

    name: str
    origin: Literal["trained", "shipped"]
    folder: Path

    @property
    def card(self) -> SeparatorCard:
        """What its folder says about it."""
        return read_card(self.folder)


def known_separators(trained: Path) -> list[KnownSeparator]:
    """Trained separators of all studies by name, then shipped ones.

    Args:
        trained: Folder of trained models, `MODELS_FOLDER` of a data folder.
    """
    own = sorted(_trained(trained), key=lambda separator: separator.name)
    shipped = [
        KnownSeparator(name=card.parent.name, origin="shipped", folder=card.parent)
        for card in sorted(SHIPPED.glob(f"*/{CARD_NAME}"))
    ]
    return [*own, *shipped]


def _trained(trained: Path) -> Iterator[KnownSeparator]:
    for card in trained.glob(_TRAINED):
        study, arm, seed = card.parts[-5:-2]
        name = f"{study}/{arm}/{seed.removeprefix(_SEED)}"
        yield KnownSeparator(name=name, origin="trained", folder=card.parent)


def find_separator(name: str | None, trained: Path, *, default: str = DEFAULT_MODEL) -> Path:
    """The folder of a separator.

    Args:
        name: A folder with `separator.json`, `<study>/<arm>/<seed>`, or the name of a shipped separator; they are
            looked for in this order. None stands for `default`.
        trained: Folder of trained models, `MODELS_FOLDER` of a data folder.
        default: Name of a shipped separator.

    Raises:
        ConfigurationError: Nothing has this name; the nearest names are shown.
        MissingCheckpointError: None is named and the default is not there, or a folder has no card.
    """
    if name is not None and (Path(name) / CARD_NAME).is_file():
        return Path(name)
    known = {separator.name: separator.folder for separator in known_separators(trained)}
    wanted = name or default
    if wanted in known:
        return known[wanted]
    if name is None:
        raise MissingCheckpointError(
            "no separator is named and the default one is not there",
            file=SHIPPED / default,
            expected="a separator of your own, such as open_unmix/open_unmix4/0 after "
            "`kedro run --pipeline=open_unmix`",
            found=", ".join(sorted(known)) or f"no trained separator in {trained}",
        )
    if Path(wanted).is_dir():
        raise MissingCheckpointError("the folder holds no separator", file=Path(wanted) / CARD_NAME)
    nearest = difflib.get_close_matches(wanted, known, n=3, cutoff=0.3)
    raise ConfigurationError(
        "there is no such separator",
        parameter="model",
        expected=f"a folder with {CARD_NAME}, or one of {', '.join(nearest or sorted(known)) or 'none that is there'}",
        found=name,
    )
