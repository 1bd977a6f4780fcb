"""Files written block by block are those written at once."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from sep_pipeline.audio.io import as_stored, audio_info, audio_written_in_blocks, read_audio, write_audio
from sep_pipeline.errors import StorageError

RATE = 8000
SONG = np.random.default_rng(0).uniform(-1.2, 1.2, (2, 1000)).astype(np.float32)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("size", [1, 300, 1000])
def test_blocks_make_the_file_of_the_whole(
    subtype: Literal["PCM_16", "PCM_24", "FLOAT"], size: int, tmp_path: Path
) -> None:
    whole, path = tmp_path / "whole.wav", tmp_path / "new" / "blocks.wav"
    write_audio(whole, SONG, RATE, subtype=subtype)
    with audio_written_in_blocks(path, RATE, num_channels=2, num_frames=1000, subtype=subtype) as write:
        for start in range(0, 1000, size):
            write(SONG[:, start : start + size])
    np.testing.assert_array_equal(read_audio(path)[0], read_audio(whole)[0])
    assert audio_info(path).subtype == subtype


def test_a_file_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"

    def stop_midway() -> None:
        with audio_written_in_blocks(path, RATE, num_channels=2, num_frames=1000) as write:
            write(SONG)
            assert not path.exists()
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        stop_midway()
    assert not list(tmp_path.iterdir())


def test_files_too_large_for_a_wav_header_can_name_their_size(tmp_path: Path) -> None:
    import soundfile

    path = tmp_path / "song.wav"
    with audio_written_in_blocks(path, RATE, num_channels=2, num_frames=2**31) as write:
        write(SONG)
    assert soundfile.info(path).format == "RF64"
    assert audio_info(path).num_frames == 1000
    np.testing.assert_allclose(read_audio(path)[0], SONG.clip(-1, 1), rtol=0, atol=1 / 16384)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import soundfile

    def refuse(*_: object, **__: object) -> None:
        raise soundfile.LibsndfileError(2)

    monkeypatch.setattr(soundfile, "SoundFile", refuse)
    with (
        pytest.raises(StorageError, match="cannot be written"),
        audio_written_in_blocks(tmp_path / "song.wav", RATE, num_channels=2, num_frames=1000),
    ):
        pass


@pytest.mark.parametrize("name", ["song.wav", "song.flac"])
def test_24_bits_round_to_nearest_and_clip(name: str, tmp_path: Path) -> None:
    steps = np.array([[0.0, 1.0, -1.0, 0.6, -0.6, 2.0**23 - 1, -(2.0**23)]])
    audio = np.concatenate([steps / 2**23, [[2.0, -2.0]]], axis=1)
    write_audio(tmp_path / name, audio, RATE, subtype="PCM_24")
    assert audio_info(tmp_path / name).subtype == "PCM_24"
    expected = np.array([0, 1, -1, 1, -1, 2**23 - 1, -(2**23), 2**23 - 1, -(2**23)]) / 2**23
    np.testing.assert_array_equal(read_audio(tmp_path / name)[0][0], expected.astype(np.float32))


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_what_is_stored_is_known_before(
    subtype: Literal["PCM_16", "PCM_24", "FLOAT"], tmp_path: Path
) -> None:
    write_audio(tmp_path / "song.wav", SONG, RATE, subtype=subtype)
    np.testing.assert_array_equal(as_stored(SONG, subtype), read_audio(tmp_path / "song.wav")[0])


@pytest.mark.parametrize("num_samples", [1, 1009, 8000])
def test_mp3_files_keep_the_length(num_samples: int, tmp_path: Path) -> None:
    path, song = tmp_path / "song.mp3", np.resize(SONG, (2, num_samples))
    with audio_written_in_blocks(
        path, RATE, num_channels=2, num_frames=num_samples, subtype="MPEG_LAYER_III"
    ) as write:
        write(song)
    assert read_audio(path)[0].shape == (2, num_samples)
