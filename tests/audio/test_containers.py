import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sep_pipeline.audio.containers import read_any, read_container
from sep_pipeline.audio.io import write_audio
from sep_pipeline.errors import ConfigurationError, TruncatedFileError, UnreadableFileError

SAMPLE_RATE = 16000
NUM_SAMPLES = 8000
FREQUENCIES_HZ = (200, 400, 600, 800, 1000)
PADDING_SAMPLES = 3000

Encode = Callable[..., Path]


def sine(frequency_hz: float, num_channels: int = 2) -> np.ndarray:
    wave = 0.3 * np.sin(2 * np.pi * frequency_hz * np.arange(NUM_SAMPLES) / SAMPLE_RATE)
    return np.tile(wave.astype(np.float32), (num_channels, 1))


def strongest_hz(audio: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(audio[0, :NUM_SAMPLES]))
    return float(spectrum.argmax()) * SAMPLE_RATE / NUM_SAMPLES


@pytest.fixture
def ffmpeg() -> str:
    program = shutil.which("ffmpeg") or str(Path(sys.executable).parent / "ffmpeg")
    assert Path(program).is_file(), "the tests need ffmpeg; `make setup` provides one"
    return program


@pytest.fixture
def encode(tmp_path: Path, ffmpeg: str) -> Encode:
    """Encode one AAC stream per frequency; `options` go to the encoder."""

    def make(
        name: str, *options: str, frequencies_hz: tuple[int, ...] = (400,), num_channels: int = 2
    ) -> Path:
        command = [ffmpeg, "-nostdin", "-v", "error", "-y"]
        for frequency in frequencies_hz:
            source = tmp_path / f"{frequency}.wav"
            write_audio(source, sine(frequency, num_channels), SAMPLE_RATE)
            command += ["-i", str(source)]
        for number in range(len(frequencies_hz)):
            command += ["-map", f"{number}:a"]
        path = tmp_path / name
        subprocess.run([*command, "-c:a", "aac", "-b:a", "96k", *options, f"file:{path}"], check=True)
        return path

    return make


def cut(path: Path, share: float = 0.5) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


@pytest.mark.parametrize("stream", range(5))
def test_a_stream_is_read_by_its_number(encode: Encode, stream: int) -> None:
    path = encode("song.stem.mp4", frequencies_hz=FREQUENCIES_HZ)
    audio, _ = read_container(path, stream)
    assert strongest_hz(audio) == pytest.approx(FREQUENCIES_HZ[stream], abs=2)


def test_all_streams_of_a_file_have_the_same_length(encode: Encode) -> None:
    path = encode("song.stem.mp4", frequencies_hz=FREQUENCIES_HZ)
    assert len({read_container(path, stream)[0].shape for stream in range(5)}) == 1


@pytest.mark.parametrize("name", ["song.mp4", "song.m4a", "song.aac", "song.M4A"])
def test_every_container_gives_float32_with_channels_first(encode: Encode, name: str) -> None:
    audio, sample_rate = read_any(encode(name))
    assert (audio.dtype, audio.shape[0], sample_rate) == (np.float32, 2, SAMPLE_RATE)
    assert audio.flags.c_contiguous


@pytest.mark.parametrize("name", ["song.mp4", "song.aac"])
def test_the_length_is_that_of_the_source_and_some_padding(encode: Encode, name: str) -> None:
    num_samples = read_any(encode(name))[0].shape[1]
    assert NUM_SAMPLES <= num_samples <= NUM_SAMPLES + PADDING_SAMPLES


def test_samples_are_those_of_the_source_but_for_coding(encode: Encode) -> None:
    audio, _ = read_container(encode("song.m4a"))
    middle = slice(2000, 6000)
    assert np.abs(audio[:, middle] - sine(400)[:, middle]).max() < 0.03


def test_mono_keeps_its_channel_axis(encode: Encode) -> None:
    assert read_container(encode("song.m4a", num_channels=1))[0].shape[0] == 1


def test_pictures_are_not_counted_as_streams(encode: Encode, ffmpeg: str, tmp_path: Path) -> None:
    path = tmp_path / "cover.mp4"
    picture = ["-f", "lavfi", "-i", "color=size=16x16:duration=0.1:rate=10"]
    streams = ["-map", "0:v", "-map", "1:a", "-c:v", "mpeg4", "-c:a", "copy"]
    command = [
        ffmpeg,
        "-nostdin",
        "-v",
        "error",
        *picture,
        "-i",
        str(encode("song.m4a")),
        *streams,
        str(path),
    ]
    subprocess.run(command, check=True)
    assert strongest_hz(read_container(path, 0)[0]) == pytest.approx(400, abs=2)


def test_a_colon_in_the_name_is_no_protocol(encode: Encode) -> None:
    assert read_any(encode("who: what.m4a"))[0].shape[0] == 2


def test_a_stream_that_the_file_lacks_is_refused(encode: Encode) -> None:
    with pytest.raises(UnreadableFileError, match=r"audio stream 3 does not decode .*song\.m4a"):
        read_container(encode("song.m4a"), 3)


@pytest.mark.parametrize("name", ["song.mp4", "song.m4a", "song.aac"])
def test_a_file_cut_in_half_is_refused(encode: Encode, name: str) -> None:
    with pytest.raises(UnreadableFileError, match=r"ffmpeg says: [^\[]"):
        read_any(cut(encode(name)))


def test_a_cut_file_with_its_index_in_front_counts_as_truncated(encode: Encode) -> None:
    with pytest.raises(TruncatedFileError, match="partial file"):
        read_any(cut(encode("song.mp4", "-movflags", "+faststart")))


def test_a_file_that_is_no_audio_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("no audio at all")
    with pytest.raises(UnreadableFileError, match=r"text\.mp4; found: ffmpeg says"):
        read_any(path)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="no such file"):
        read_any(tmp_path / "gone.m4a")


def test_without_ffmpeg_the_error_says_what_to_install(
    encode: Encode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = encode("song.m4a")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(ConfigurationError, match="the system's ffmpeg package"):
        read_any(path)


def test_ffmpeg_beside_the_running_python_is_found(
    encode: Encode, ffmpeg: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = encode("song.m4a")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ffmpeg").symlink_to(ffmpeg)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    assert read_any(path)[1] == SAMPLE_RATE


def test_other_files_are_read_sample_by_sample(tmp_path: Path) -> None:
    samples = np.array([[1, -2, 3], [-32768, 32767, 0]], dtype=np.int16)
    write_audio(tmp_path / "exact.wav", samples, SAMPLE_RATE)
    audio, sample_rate = read_any(tmp_path / "exact.wav")
    assert sample_rate == SAMPLE_RATE
    np.testing.assert_array_equal(audio * 32768, samples)


def test_other_files_have_one_stream_only(tmp_path: Path) -> None:
    write_audio(tmp_path / "one.wav", sine(200), SAMPLE_RATE)
    with pytest.raises(UnreadableFileError, match=r"expected: stream 0; found: stream 1"):
        read_any(tmp_path / "one.wav", stream=1)
