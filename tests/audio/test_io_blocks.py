"""Files written block by block are those written at once."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from sep_pipeline.audio.io import audio_info, audio_written_in_blocks, read_audio, write_audio
from sep_pipeline.errors import StorageError

RATE = 8000
SONG = np.random.default_rng(0).uniform(-1.2, 1.2, (2, 1000)).astype(np.float32)


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
@pytest.mark.parametrize("size", [1, 300, 1000])
def test_blocks_make_the_file_of_the_whole(
    subtype: Literal["PCM_16", "FLOAT"], size: int, tmp_path: Path
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
