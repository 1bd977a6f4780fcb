"""Which parts each stem sums: labels, aliases, programs and the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from sep_pipeline.data.ingestion import StoreConfig
from sep_pipeline.data.ingestion.grouping import grouping_of
from sep_pipeline.data.layouts.source import Part, Reading, SourceTrack
from sep_pipeline.errors import ConfigurationError


def part(label: str, program: int | None = None, *aliases: str) -> Part:
    return Part(key=label, label=label, path=Path(f"/{label}.wav"), program=program, aliases=aliases)


def reading(*parts: Part, has_mixture: bool = False, **options: object) -> Reading:
    mixture = part("mixture") if has_mixture else None
    track = SourceTrack(track_id="song", folder=Path("/"), split=None, parts=parts, mixture=mixture)
    labels = tuple(dict.fromkeys(item.label for item in parts))
    return Reading(layout="made", tracks=(track,), labels=labels, default_stems=labels, **options)  # type: ignore[arg-type]


def stems_of(found: Reading, **config: object) -> dict[str, str | None]:
    grouping = grouping_of(StoreConfig(**config), found)  # type: ignore[arg-type]
    return {item.key: grouping.stem_of(item) for item in found.tracks[0].parts}


PIANO_TRIO = reading(part("piano"), part("violin"), part("cello"))


def test_stems_take_the_parts_of_their_names() -> None:
    assert stems_of(PIANO_TRIO, stems=("violin", "cello", "piano")) == {
        "piano": "piano", "violin": "violin", "cello": "cello",
    }  # fmt: skip


def test_a_stem_without_a_part_takes_the_rest() -> None:
    assert stems_of(PIANO_TRIO, stems=("piano", "rest")) == {
        "piano": "piano", "violin": "rest", "cello": "rest",
    }  # fmt: skip


def test_a_file_called_rest_is_an_ordinary_part() -> None:
    found = reading(part("piano"), part("rest"))
    grouping = grouping_of(StoreConfig(stems=("piano", "rest")), found)
    assert (grouping.rest, grouping.written) == (None, ("piano", "rest"))


def test_what_nobody_asked_for_goes_to_one_more_stem() -> None:
    assert grouping_of(StoreConfig(stems=("piano",)), PIANO_TRIO).written == ("piano", "other")
    with_other = reading(part("piano"), part("other"), part("violin"))
    written = grouping_of(StoreConfig(stems=("piano", "other")), with_other).written
    assert written == ("piano", "other", "rest")


def test_unaligned_collections_have_no_rest() -> None:
    loops = reading(part("snare"), part("kick"), are_aligned=False)
    grouping = grouping_of(StoreConfig(stems=("snare",)), loops)
    assert (grouping.written, grouping.stem_of(part("kick"))) == (("snare",), None)


def test_the_rest_can_be_the_mixture_minus_the_other_stems() -> None:
    found = reading(part("vocals"), has_mixture=True)
    grouping = grouping_of(StoreConfig(stems=("vocals", "rest")), found)
    assert (grouping.rest, grouping.rest_source) == ("rest", "mixture")
    trio = reading(part("piano"), part("violin"), has_mixture=True)
    assert grouping_of(StoreConfig(stems=("piano", "rest")), trio).rest_source == "parts"
    chosen = grouping_of(StoreConfig(stems=("piano", "rest"), rest="mixture"), trio)
    assert (chosen.rest_source, chosen.stem_of(part("violin"))) == ("mixture", None)


def test_a_rest_without_anything_left_is_refused() -> None:
    found = reading(part("vocals"))
    with pytest.raises(ConfigurationError, match="nothing is left for the stem rest"):
        grouping_of(StoreConfig(stems=("vocals", "rest")), found)


def test_entries_name_labels_aliases_or_programs() -> None:
    found = reading(part("Guitar", 24), part("Piano", 0, "left hand"), part("Reed", 66), part("Reed", 70))
    groups = {"six": ["24-31"], "keys": ["Left Hand"], "sax": ["66"], "bassoon": [70]}
    grouping = grouping_of(StoreConfig(stems=tuple(groups), grouping=groups), found)  # type: ignore[arg-type]
    assert [grouping.stem_of(item) for item in found.tracks[0].parts] == ["six", "keys", "sax", "bassoon"]
    assert grouping.written == tuple(groups)


def test_the_layouts_own_grouping_serves_where_none_is_given() -> None:
    choir = reading(
        part("soprano"), part("alto"), part("tenor"), part("bass"),
        default_grouping={"female": ("soprano", "alto"), "male": ("tenor", "bass")},
    )  # fmt: skip
    assert stems_of(choir, stems=("female", "male")) == {
        "soprano": "female", "alto": "female", "tenor": "male", "bass": "male",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"stems": ("oboe", "rest")}, "none for oboe, rest"),
        ({"stems": ("piano",), "grouping": {"piano": ["celesta"]}}, "nothing called celesta"),
        (
            {"stems": ("piano", "duo"), "grouping": {"piano": ["piano"], "duo": ["Piano", "violin"]}},
            "in piano and duo",
        ),
    ],
)
def test_what_fits_no_part_is_refused(config: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        grouping_of(StoreConfig(**config), PIANO_TRIO)  # type: ignore[arg-type]
    assert caught.value.parameter is not None
