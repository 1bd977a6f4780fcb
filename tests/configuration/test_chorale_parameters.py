"""The block `chorales` of rendering: its defaults, what it makes unneeded, and its errors."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from sep_pipeline.configuration.data import RenderingParameters
from sep_pipeline.configuration.strict import parse
from sep_pipeline.data.chorales import ChoraleConfig
from sep_pipeline.errors import ConfigurationError


def rendering(**values: Any) -> RenderingParameters:
    return parse(RenderingParameters, values, name="rendering")


def test_an_empty_block_takes_all_defaults() -> None:
    assert rendering(chorales={}).chorales == ChoraleConfig()


def test_songs_of_a_folder_need_drums_and_bass_and_chorales_do_not() -> None:
    assert rendering(midi_folder="midi").synthesis.required_classes == ("Drums", "Bass")
    assert rendering(midi_folder="midi", chorales={}).synthesis.required_classes == ()


def test_classes_that_are_asked_for_stay_required() -> None:
    given = rendering(chorales={}, synthesis={"required_classes": ["Reed"], "engine": "sine"})
    assert given.synthesis.required_classes == ("Reed",)


def test_other_settings_of_the_synthesis_stay() -> None:
    assert rendering(chorales={}, synthesis={"max_seconds": 8}).synthesis.max_seconds == 8


def test_the_block_parses_back() -> None:
    given = rendering(midi_folder="midi", chorales={"ensemble": "choir", "shares": [0.5, 0.25, 0.25]})
    assert RenderingParameters.model_validate(given.model_dump(mode="json")) == given


def test_without_folder_and_chorales_there_is_nothing_to_render() -> None:
    with pytest.raises(ConfigurationError, match="nothing to render") as caught:
        rendering(song_list="songs.csv")
    assert caught.value.parameter == "rendering.midi_folder"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ensemble", "brass", "'winds' or 'choir'"),
        ("quarters_per_minute", 0, "out of range"),
        ("num_songs", 0, "out of range"),
        ("shares", [0.5, 0.5, 0.5], "out of range"),
        ("tempo", 80, "unknown parameter"),
    ],
)
def test_a_wrong_value_is_named_from_the_top(name: str, value: object, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        rendering(chorales={name: value})
    assert caught.value.parameter == f"rendering.chorales.{name}"


def test_the_documentation_states_the_defaults(project_path: Path) -> None:
    text = (project_path / "docs" / "pipelines" / "render.md").read_text(encoding="utf-8")
    table = text.partition("| In `rendering.chorales` |")[2]
    stated = {
        name: yaml.safe_load(value) for name, value in re.findall(r"^\| `(\w+)` \| `(.+?)` \|", table, re.M)
    }
    assert stated == {**asdict(ChoraleConfig()), "shares": list(ChoraleConfig().shares)}
