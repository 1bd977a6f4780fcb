from pathlib import Path

import pytest

from sep_pipeline.data.layouts.choirset import AUDIO_FOLDER, ChoirSet
from sep_pipeline.data.layouts.source import Reading
from sep_pipeline.errors import ConfigurationError, NoInputError


def reasons(reading: Reading) -> dict[str, str]:
    return {found.track: found.reason for found in reading.refusals if found.kind == "left_out"}


def labels(reading: Reading, track_id: str) -> list[tuple[str, str]]:
    track = next(found for found in reading.tracks if found.track_id == track_id)
    return [(part.key, part.label) for part in track.parts]


def test_twenty_three_takes_of_songs_are_used(choirset: Path) -> None:
    tracks = ChoirSet().read(choirset).tracks
    settings = [track.track_id.rpartition("_")[0] for track in tracks]
    assert {name: settings.count(name) for name in settings} == {
        "DCS_LI_FullChoir": 3,
        "DCS_LI_QuartetA": 7,
        "DCS_LI_QuartetB": 6,
        "DCS_TP_FullChoir": 5,
        "DCS_TP_QuartetA": 2,
    }


def test_exercises_are_added_on_request(choirset: Path) -> None:
    assert len(ChoirSet(exercises=True).read(choirset).tracks) == 26


def test_the_full_choir_has_four_dynamic_microphones(choirset: Path) -> None:
    assert labels(ChoirSet().read(choirset), "DCS_LI_FullChoir_Take01") == [
        ("S1_DYN", "soprano"),
        ("A2_DYN", "alto"),
        ("T2_DYN", "tenor"),
        ("B2_DYN", "bass"),
    ]


def test_a_voice_may_have_two_singers(choirset: Path) -> None:
    parts = labels(ChoirSet(microphone="LRX").read(choirset), "DCS_LI_FullChoir_Take01")
    assert parts[:3] == [("S1_LRX", "soprano"), ("S2_LRX", "soprano"), ("A1_LRX", "alto")]
    assert len(parts) == 8


def test_no_take_is_complete_with_headsets(choirset: Path) -> None:
    with pytest.raises(NoInputError, match="no take with HSM recordings of all four voices"):
        ChoirSet(microphone="HSM").read(choirset)


def test_takes_that_are_not_used_have_a_reason(choirset: Path) -> None:
    assert reasons(ChoirSet().read(choirset)) == {
        "DCS_LI_FullChoir_Solo01": "no DYN recording of soprano, tenor, bass",
        "DCS_LI_Basses_Take01": "basses only",
        "DCS_SE_FullChoir_Tuning01": "an exercise, and exercises are not asked for",
        "DCS_SE_QuartetA_ScaleUpDownPiano01": "an exercise, and exercises are not asked for",
        "DCS_SE_QuartetB_CadenceMajor01": "an exercise, and exercises are not asked for",
    }


def test_a_take_without_one_voice_says_which(choirset: Path) -> None:
    (choirset / AUDIO_FOLDER / "DCS_LI_QuartetA_Take02_T1_DYN.wav").unlink()
    found = reasons(ChoirSet().read(choirset))
    assert found["DCS_LI_QuartetA_Take02"] == "no DYN recording of tenor"


def test_stems_are_female_and_male_voices(choirset: Path) -> None:
    reading = ChoirSet().read(choirset)
    assert reading.labels == ("soprano", "alto", "tenor", "bass")
    assert reading.default_stems == ("female", "male")
    assert reading.default_grouping == {"female": ("soprano", "alto"), "male": ("tenor", "bass")}


def test_takes_have_neither_split_nor_mixture(choirset: Path) -> None:
    tracks = ChoirSet().read(choirset).tracks
    assert {(track.split, track.mixture) for track in tracks} == {(None, None)}


def test_the_song_is_told(choirset: Path) -> None:
    assert ChoirSet().read(choirset).tracks[-1].provenance["song"] == "Tebe Poem"


@pytest.mark.parametrize(
    "name", ["DCS_XX_QuartetA_Take01_S1_DYN.wav", "DCS_LI_QuartetA_Take01_S3_DYN.wav", "noise.wav"]
)
def test_unknown_names_are_refused(choirset: Path, name: str) -> None:
    (choirset / AUDIO_FOLDER / name).touch()
    refusals = [found for found in ChoirSet().read(choirset).refusals if found.kind == "unknown_name"]
    assert [found.file.name for found in refusals] == [name]


def test_hidden_files_are_ignored(choirset: Path) -> None:
    (choirset / AUDIO_FOLDER / "._DCS_LI_QuartetA_Take01_S2_DYN.wav").touch()
    assert "unknown_name" not in {found.kind for found in ChoirSet().read(choirset).refusals}


@pytest.mark.parametrize("name", ["audio", "."])
def test_the_audio_folder_may_have_another_name(choirset: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "copy").mkdir()
    for path in sorted((choirset / AUDIO_FOLDER).iterdir()):
        target = tmp_path / "copy" / name / path.name
        target.parent.mkdir(exist_ok=True)
        path.rename(target)
    assert len(ChoirSet().read(tmp_path / "copy").tracks) == 23


def test_the_audio_folder_itself_can_be_the_root(choirset: Path) -> None:
    assert len(ChoirSet().read(choirset / AUDIO_FOLDER).tracks) == 23


def test_other_folders_do_not_count_beside_the_audio_folder(choirset: Path) -> None:
    (choirset / "audio_44100").mkdir()
    (choirset / "audio_44100" / "DCS_LI_QuartetA_Take01_S2_DYN.wav").touch()
    assert "audio_44100" not in str([found.file for found in ChoirSet().read(choirset).refusals])


def test_a_name_that_is_there_twice_counts_once(choirset: Path) -> None:
    twin = choirset / AUDIO_FOLDER / "more" / "DCS_LI_QuartetA_Take01_S2_DYN.wav"
    twin.parent.mkdir()
    twin.touch()
    refusals = [found for found in ChoirSet().read(choirset).refusals if "same name" in found.reason]
    assert [found.file for found in refusals] == [twin]


def test_other_microphones_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="expected: DYN, LRX, HSM; found: STM"):
        ChoirSet(microphone="STM")  # type: ignore[arg-type]


def test_recognition_says_what_was_seen(choirset: Path, tmp_path: Path) -> None:
    # Nine full choirs of 8 LRX, 4 DYN and 6 HSM, 17 quartets of 4, 4 and 3, and 7 files of solos and basses.
    singers = 9 * 18 + 17 * 11 + 7
    assert ChoirSet().recognise(choirset) == f"{singers} singers' tracks DCS_*.wav of 28 takes"
    assert ChoirSet().recognise(tmp_path / "nowhere") is None
