"""The block `drum_kit` of rendering: its defaults, what it makes unneeded, and its errors."""

from __future__ import annotations

from typing import Any

import pytest

from sep_pipeline.configuration.data import RenderingParameters, StoreParameters
from sep_pipeline.configuration.strict import parse
from sep_pipeline.data.rendering import DrumKitConfig
from sep_pipeline.errors import ConfigurationError


def rendering(**values: Any) -> RenderingParameters:
    return parse(RenderingParameters, {"midi_folder": "midi", **values}, name="rendering")


def store(**values: Any) -> StoreParameters:
    given = {
        "name": "loops",
        "layout": "remixpacks",
        "stems": "cymbals+kick+snare",
        "rendering": {"midi_folder": "midi", "drum_kit": {}},
    }
    return parse(StoreParameters, {**given, **values}, name="data")


def test_an_empty_block_takes_all_defaults() -> None:
    assert rendering(drum_kit={}).drum_kit == DrumKitConfig()


def test_loops_need_no_bass_unless_it_is_asked_for() -> None:
    assert rendering(drum_kit={}).synthesis.required_classes == ()
    given = rendering(drum_kit={}, synthesis={"required_classes": ["Bass"]})
    assert given.synthesis.required_classes == ("Bass",)


def test_the_block_parses_back() -> None:
    given = rendering(drum_kit={"sources": {"toms": [45, 47]}, "splits": "files"}, skip_songs=3)
    assert RenderingParameters.model_validate(given.model_dump(mode="json")) == given


def test_chorales_have_no_drums() -> None:
    with pytest.raises(ConfigurationError, match="chorales have no drums"):
        rendering(chorales={}, drum_kit={})


def test_loops_are_read_by_the_layout_of_loose_recordings() -> None:
    assert store().layout == "remixpacks"
    with pytest.raises(ConfigurationError, match="another layout") as caught:
        store(layout="slakh")
    assert (caught.value.expected, caught.value.found) == ("remixpacks", "slakh")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("min_hits", 0, "out of range"),
        ("splits", "parts", "'songs' or 'files'"),
        ("sources", {"toms": [45, 128]}, "0 to 127"),
        ("keys", {}, "unknown parameter"),
    ],
)
def test_a_wrong_value_is_named_from_the_top(name: str, value: object, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        rendering(drum_kit={name: value})
    assert str(caught.value.parameter).startswith(f"rendering.drum_kit.{name}")
