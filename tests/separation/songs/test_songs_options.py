"""What becomes of a song: choices that fit each other, and names of files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sep_pipeline.errors import ConfigurationError
from sep_pipeline.separation.songs import SongOptions

STEMS = ("drums", "bass")


@pytest.mark.parametrize(
    ("values", "parameter"),
    [
        ({"refine": "much"}, "refine"),
        ({"format": "ogg"}, "format"),
        ({"bits": 8}, "bits"),
        ({"format": "flac", "bits": 32}, "bits"),
        ({"format": "mp3", "bits": 24}, "bits"),
        ({"template": "{track}"}, "template"),
        ({"template": "{track}/{stem}/{colour}"}, "template"),
        ({"template": "{stem"}, "template"),
        ({"template": "/{stem}"}, "template"),
        ({"template": "../{stem}"}, "template"),
    ],
)
def test_wrong_values_are_refused(values: dict[str, Any], parameter: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        SongOptions(**values)
    assert caught.value.parameter == parameter


def test_all_stems_are_the_rule_and_some_keep_their_order() -> None:
    assert SongOptions().chosen(STEMS) == STEMS
    assert SongOptions(stems=("bass", "drums")).chosen(STEMS) == ("bass", "drums")


@pytest.mark.parametrize(
    ("options", "stems", "parameter"),
    [
        (SongOptions(stems=("vocals",)), STEMS, "stems"),
        (SongOptions(stems=("bass", "bass")), STEMS, "stems"),
        (SongOptions(stems=()), STEMS, "stems"),
        (SongOptions(refine="wiener"), ("vocals",), "refine"),
        (SongOptions(has_residual=True, stems=("vocals",)), ("vocals", "residual"), "has_residual"),
    ],
)
def test_what_does_not_fit_the_separator_is_refused(
    options: SongOptions, stems: tuple[str, ...], parameter: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        options.chosen(stems)
    assert caught.value.parameter == parameter


def test_files_are_called_as_the_template_says() -> None:
    options = SongOptions(has_residual=True, format="flac", template="{model}/{track} - {stem}")
    assert options.paths(Path("out"), track="album/song", model="study arm/0", stems=("bass",)) == {
        "bass": Path("out/study arm_0/album/song - bass.flac"),
        "residual": Path("out/study arm_0/album/song - residual.flac"),
    }
