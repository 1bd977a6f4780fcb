"""Parameters of separating songs of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator, model_validator

from sep_pipeline.configuration.strict import ProjectPath, Strict, from_project
from sep_pipeline.data.layouts.detection import AUTO
from sep_pipeline.separation.card import CARD_NAME
from sep_pipeline.separation.songs import SongOptions


class SeparateParameters(Strict):
    """Which songs are taken apart with which separator, and what becomes of them.

    Attributes:
        input: A song or a folder of songs; None until a run names one.
        model: A separator folder, `<study>/<arm>/<seed>`, or the name of a shipped separator; None takes the default.
        separators: Folder of trained separators, in which names are looked up.
        files: What becomes of a song.
    """

    input: ProjectPath | None = None
    # A folder counts with its content when results are compared with earlier ones, a name does not.
    model: Annotated[Path | str | None, Field(union_mode="smart")] = None
    separators: ProjectPath = Field(default=Path("data/06_models"), validate_default=True)
    files: SongOptions = SongOptions()

    @model_validator(mode="before")
    @classmethod
    def _split_stems(cls, values: object) -> object:
        files = values.get("files") if isinstance(values, Mapping) else None
        stems = files.get("stems") if isinstance(files, Mapping) else None
        if not isinstance(values, Mapping) or not isinstance(files, Mapping) or not isinstance(stems, str):
            return values
        return {**values, "files": {**files, "stems": None if stems == AUTO else tuple(stems.split("+"))}}

    @field_validator("model")
    @classmethod
    def _recognise_folder(cls, model: Path | str | None, info: ValidationInfo) -> Path | str | None:
        if model is None:
            return None
        folder = from_project(Path(model), info)
        return folder if (folder / CARD_NAME).is_file() else model
