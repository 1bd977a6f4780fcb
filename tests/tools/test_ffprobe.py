import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "ffprobe.py"

WAV = """\
Input #0, wav, from 'mixture.wav':
  Metadata:
    encoder         : Lavf60.16.100
  Duration: 00:01:02.50, bitrate: 1411 kb/s
  Stream #0:0: Audio: pcm_s16le ([1][0][0][0] / 0x0001), 44100 Hz, stereo, s16, 1411 kb/s
At least one output file must be specified
"""

STEM_MP4 = """\
Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'song.stem.mp4':
  Metadata:
    major_brand     : isom
    encoder         : Lavf58.29.100
  Duration: 01:00:05.02, start: 0.000000, bitrate: 1287 kb/s
  Stream #0:0[0x1](und): Audio: aac (LC) (mp4a / 0x6134706D), 44100 Hz, stereo, fltp, 256 kb/s (default)
    Metadata:
      handler_name    : mix
      vendor_id       : [0][0][0][0]
  Stream #0:1[0x2](und): Audio: aac (LC) (mp4a / 0x6134706D), 44100 Hz, mono, fltp, 255 kb/s
    Metadata:
      handler_name    : drums
  Stream #0:2(eng): Audio: aac (LC) (mp4a / 0x6134706D), 48000 Hz, 5.1, fltp, 256 kb/s
  Stream #0:3[0x0]: Video: png, rgb24(pc, gbr/unknown/unknown), 300x300, 90k tbr, 90k tbn (attached pic)
"""

NOT_MEDIA = "notes.txt: Invalid data found when processing input\n"

Probe = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def ffprobe(script: Callable[[str], ModuleType]) -> ModuleType:
    """The script as a module."""
    return script("ffprobe")


@pytest.fixture
def streams_of(ffprobe: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Probe:
    """The streams found in what ffmpeg says."""

    def streams(said: str) -> list[dict[str, Any]]:
        answer = subprocess.CompletedProcess([], 1, stdout="", stderr=said)
        monkeypatch.setattr(ffprobe.subprocess, "run", lambda *_, **__: answer)
        found: list[dict[str, Any]] = ffprobe.probe("file")["streams"]
        return found

    return streams


def test_a_wav_file_has_one_stream(streams_of: Probe) -> None:
    assert streams_of(WAV) == [
        {
            "index": 0,
            "codec_type": "audio",
            "tags": {},
            "sample_rate": "44100",
            "channels": 2,
            "duration": "62.500000",
            "duration_ts": 2756250,
        }
    ]


def test_every_stream_of_a_stem_file_is_found(streams_of: Probe) -> None:
    found = streams_of(STEM_MP4)
    assert [(item["index"], item["codec_type"]) for item in found] == [
        (0, "audio"),
        (1, "audio"),
        (2, "audio"),
        (3, "video"),
    ]


def test_streams_keep_the_names_of_their_handlers(streams_of: Probe) -> None:
    names = [item["tags"].get("handler_name") for item in streams_of(STEM_MP4)]
    assert names == ["mix", "drums", None, None]


def test_channels_are_counted(streams_of: Probe) -> None:
    assert [item.get("channels") for item in streams_of(STEM_MP4)] == [2, 1, 6, None]


def test_the_length_counts_hours_and_the_rate_of_the_stream(streams_of: Probe) -> None:
    found = streams_of(STEM_MP4)
    assert found[0]["duration"] == "3605.020000"
    assert (found[0]["duration_ts"], found[2]["duration_ts"]) == (158981382, 173040960)


def test_many_channels_are_read_as_a_number(streams_of: Probe) -> None:
    assert streams_of(WAV.replace("stereo", "12 channels"))[0]["channels"] == 12


def test_an_unknown_length_is_zero(streams_of: Probe) -> None:
    assert streams_of(WAV.replace("00:01:02.50", "N/A"))[0]["duration_ts"] == 0


def test_a_file_that_is_no_media_has_no_stream(streams_of: Probe) -> None:
    assert streams_of(NOT_MEDIA) == []


@pytest.fixture
def command(tmp_path: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Runs the script with an ffmpeg that says the given words."""

    def run(said: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "said.txt").write_text(said)
        ffmpeg = tmp_path / "ffmpeg"
        ffmpeg.write_text(f"#!/bin/sh\ncat '{tmp_path}/said.txt' >&2\nexit 1\n")
        ffmpeg.chmod(0o755)
        return subprocess.run(
            [sys.executable, str(SCRIPT), "-show_streams", "-print_format", "json", "file.wav"],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        )

    return run


def test_the_command_prints_json(command: Any) -> None:
    said = command(WAV)
    assert said.returncode == 0
    assert json.loads(said.stdout)["streams"][0]["sample_rate"] == "44100"


def test_the_command_refuses_a_file_without_streams(command: Any) -> None:
    said = command(NOT_MEDIA)
    assert (said.returncode, said.stderr.strip()) == (1, "file.wav: no streams found")
