"""What nodes ask of MIDI folders: programs of stems, digests of songs."""

from __future__ import annotations

from typing import Any

import pytest

from sep_pipeline.configuration.data import StoreParameters
from sep_pipeline.data.midi_corpus import IndexedSong
from sep_pipeline.errors import ConfigurationError
from sep_pipeline.pipelines.data.corpus import programs_of_stems, songs_hash


def _store(stems: list[str], **grouping: list[str]) -> StoreParameters:
    values: dict[str, Any] = {"name": "made", "layout": "slakh", "stems": stems, "grouping": grouping or None}
    return StoreParameters.model_validate({**values, "rendering": {"midi_folder": "midi"}})


def test_a_stem_sums_the_programs_of_its_classes_and_the_rest_takes_all_others() -> None:
    stems = ["drums", "bass", "other"]
    programs = programs_of_stems(_store(stems, drums=["Drums"], bass=["Bass"]), stems)
    assert list(programs) == stems
    assert programs["drums"] == {128}
    assert programs["bass"] == set(range(32, 40))
    assert programs["other"] == set(range(128)) - programs["bass"]


def test_both_spellings_of_a_class_and_single_programs_are_known() -> None:
    stems = ["strings", "lead", "other"]
    programs = programs_of_stems(_store(stems, strings=["Strings"], lead=["25", "80-81"]), stems)
    assert programs["strings"] == set(range(40, 56))
    assert programs["lead"] == {25, 80, 81}


def test_two_stems_without_programs_are_refused() -> None:
    stems = ["drums", "this", "that"]
    with pytest.raises(ConfigurationError, match="only one stem can be the rest"):
        programs_of_stems(_store(stems), stems)


def test_the_digest_is_that_of_the_notes_in_any_order() -> None:
    songs = [
        IndexedSong(file=file, split="train", notes_hash=notes, content_hash="", seconds=1.0, programs=(0,))
        for file, notes in (("a.mid", "1"), ("b.mid", "2"), ("c.mid", "1"))
    ]
    assert songs_hash(songs[:2]) == songs_hash([songs[1], songs[2]])
    assert songs_hash(songs[:1]) != songs_hash(songs[:2])
