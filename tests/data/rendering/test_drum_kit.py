"""Which sources a drum kit has, and which hits they play."""

from __future__ import annotations

from typing import Any

import pytest

from sep_pipeline.data.rendering import DrumKitConfig
from sep_pipeline.data.rendering.drum_kit import source_parts
from sep_pipeline.data.rendering.schedule import Note, Part
from sep_pipeline.errors import ConfigurationError


def drums(*pitches: int) -> Part:
    notes = tuple(Note(start=at, end=at + 1, pitch=pitch, velocity=100) for at, pitch in enumerate(pitches))
    return Part(key="S00", name="Drums", program=128, role="Drums", notes=notes, controls=())


def test_the_usual_sources_are_those_of_the_study() -> None:
    assert DrumKitConfig().sources == {
        "cymbals": (42, 44, 46, 49, 51, 52, 53, 55, 57, 59),
        "kick": (35, 36),
        "snare": (38, 40),
    }


def test_every_hit_goes_to_the_source_of_its_key() -> None:
    parts = source_parts([drums(36, 38, 42, 35, 49, 40)], DrumKitConfig(min_hits=1))
    assert {part.key: [note.pitch for note in part.notes] for part in parts} == {
        "cymbals": [42, 49],
        "kick": [36, 35],
        "snare": [38, 40],
    }


def test_toms_side_stick_and_hand_clap_are_in_no_source() -> None:
    assert source_parts([drums(37, 39, 41, 43, 45, 47, 48, 50)], DrumKitConfig(min_hits=1)) == ()


def test_a_source_that_is_hit_too_seldom_is_left_out() -> None:
    parts = source_parts([drums(36, 36, 38, 38, 38)], DrumKitConfig(min_hits=3))
    assert [part.key for part in parts] == ["snare"]


def test_without_drums_there_is_no_source() -> None:
    assert source_parts([], DrumKitConfig()) == ()


def test_lists_become_tuples() -> None:
    assert DrumKitConfig(sources={"toms": [45, 47]}).sources == {"toms": (45, 47)}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("sources", {}, "at least one"),
        ("min_hits", 0, "one or more"),
        ("splits", "parts", "songs or files"),
    ],
)
def test_values_out_of_range_are_named(name: str, value: Any, expected: str) -> None:
    with pytest.raises(ConfigurationError, match=expected) as caught:
        DrumKitConfig(**{name: value})
    assert caught.value.parameter == name


@pytest.mark.parametrize(
    ("sources", "parameter", "expected"),
    [
        ({"kick": []}, "sources.kick", "at least one"),
        ({"kick": [36], "snare": [128]}, "sources.snare", "0 to 127"),
        ({"kick": [36], "snare": [36]}, "sources.snare", "in one source"),
        ({"kick": [36, 36]}, "sources.kick", "every key once"),
        ({"kick/drum": [36]}, "sources.kick/drum", "letters"),
    ],
)
def test_a_wrong_source_is_named(sources: dict[str, list[int]], parameter: str, expected: str) -> None:
    with pytest.raises(ConfigurationError, match=expected) as caught:
        DrumKitConfig(sources=sources)
    assert caught.value.parameter == parameter
