"""What `auto` stands for in the parameters of a data set: its name, its layout and its stems."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationInfo

from sep_pipeline.configuration.strict import from_project
from sep_pipeline.data.chorales import PLAYERS, ChoraleConfig
from sep_pipeline.data.layouts import bach10, choirset, musdb_lists, slakh
from sep_pipeline.data.layouts.detection import AUTO, layout_of, require_layout
from sep_pipeline.errors import NoInputError, UnnamedInputError

RENDERED_NAME = "rendered"
RENDERED_LAYOUT = "slakh"
STEMS_OF_LAYOUT: Mapping[str, tuple[str, ...]] = {
    "slakh": slakh.DEFAULT_STEMS,
    "musdb_hq": musdb_lists.STEMS,
    "musdb18": musdb_lists.STEMS,
    "bach10": bach10.INSTRUMENTS,
    "choirset": choirset.DEFAULT_STEMS,
}
"""Stems of the published data sets, for which no tree has to be read."""

ROOT_OPTIONS: Mapping[str, str] = {
    "musdb_hq": "--params=musdb_root=/path/to/musdb18hq",
    "musdb18": "--params=musdb_root=/path/to/musdb18",
    "slakh": "--params=slakh_root=/path/to/slakh2100",
    "bach10": "--params=bach10_root=/path/to/Bach10_v1.1",
    "choirset": "--params=choirset_root=/path/to/DagstuhlChoirSet_V1.2.3",
    "remixpacks": "--params=remixpacks_root=/path/to/loops",
}
"""How a published data set is named on the command line."""


def resolved_store(values: Mapping[str, Any], info: ValidationInfo) -> dict[str, Any]:
    """Replace every `auto` by what it stands for; the tree is looked at only where that is needed.

    Args:
        values: The block of a data set as given.
        info: Of the validation; its context may name the project folder.

    Raises:
        UnnamedInputError: There is neither a folder nor a rendering.
        NoInputError: The folder does not exist or has no layout that is known.
    """
    given = dict(values)
    root = from_project(Path(given["root"]), info) if given.get("root") else None
    rendering = None if root is not None else given.get("rendering")
    if root is None and rendering is None:
        raise UnnamedInputError(
            "a data set needs either a folder or a rendering",
            parameter=f"data root of {given.get('name', AUTO)}",
            expected=ROOT_OPTIONS.get(str(given.get("layout")), "root or rendering"),
            found="neither",
        )
    given["rendering"] = rendering
    if given.get("name", AUTO) == AUTO:
        given["name"] = _rendered_name(rendering) if root is None else _name_of(root)
    given["layout"] = _layout(given, root)
    stems = given.get("stems", AUTO)
    if isinstance(stems, str):
        given["stems"] = _stems(given, root) if stems == AUTO else tuple(stems.split("+"))
    return given


def _layout(given: Mapping[str, Any], root: Path | None) -> str:
    layout = str(given.get("layout", AUTO))
    require_layout(layout)
    if layout != AUTO:
        return layout
    return (
        RENDERED_LAYOUT if root is None else layout_of(root, AUTO, given.get("layout_options") or {})[0].name
    )


def _stems(given: Mapping[str, Any], root: Path | None) -> tuple[str, ...]:
    layout = str(given["layout"])
    ensemble = _ensemble(given.get("rendering"))
    if ensemble in PLAYERS:
        return tuple(PLAYERS[ensemble])
    # A tree of MUSDB18-HQ's form may have stems of its own.
    is_known = layout in STEMS_OF_LAYOUT and not (layout == "musdb_hq" and root is not None and root.is_dir())
    if is_known or root is None:
        return STEMS_OF_LAYOUT.get(layout, ())
    reader, _ = layout_of(root, layout, given.get("layout_options") or {})
    stems = reader.read(root).default_stems
    if not stems:
        raise NoInputError("the folder has no stem", file=root, expected=reader.pattern)
    return stems


def _ensemble(rendering: object) -> str:
    """Who plays chorales, if they are rendered; a wrong name is left to the check of the rendering."""
    chorales = rendering.get("chorales") if isinstance(rendering, Mapping) else None
    if not isinstance(chorales, Mapping):
        return ""
    return str(chorales.get("ensemble", ChoraleConfig().ensemble))


def _rendered_name(rendering: object) -> str:
    ensemble = _ensemble(rendering)
    return f"chorales_{ensemble}" if ensemble in PLAYERS else RENDERED_NAME


def _name_of(root: Path) -> str:
    folded = unicodedata.normalize("NFKD", root.name).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "_", folded.lower()).strip("_")
    return f"{words or 'songs'}_{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:4]}"
