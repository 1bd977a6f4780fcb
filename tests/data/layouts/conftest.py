"""Small replicas of published data sets: their trees and quirks, with made audio."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml

MakeSlakhTrack = Callable[..., Path]

CHOIR_QUARTETS = {"QuartetA": ("S2", "A1", "T1", "B1"), "QuartetB": ("S1", "A2", "T2", "B2")}
CHOIR_SINGERS = ("S1", "S2", "A1", "A2", "T1", "T2", "B1", "B2")
# The takes that the published set leaves when exercises do not count.
CHOIR_SONG_TAKES = (
    *(f"LI_FullChoir_Take{number:02d}" for number in range(1, 4)),
    *(f"LI_QuartetA_Take{number:02d}" for number in range(1, 7)),
    "LI_QuartetA_Overacted",
    *(f"LI_QuartetB_Take{number:02d}" for number in range(1, 6)),
    "LI_QuartetB_Overacted",
    *(f"TP_FullChoir_Take{number:02d}" for number in range(1, 5)),
    "TP_FullChoir_Outtake",
    *(f"TP_QuartetA_Take{number:02d}" for number in range(1, 3)),
)
CHOIR_EXERCISES = ("SE_FullChoir_Tuning01", "SE_QuartetA_ScaleUpDownPiano01", "SE_QuartetB_CadenceMajor01")


@cache
def audio_bytes(suffix: str, sample_rate: int = 8000, num_channels: int = 1, seconds: float = 0.1) -> bytes:
    """A short noise as the content of an audio file."""
    shape = (int(seconds * sample_rate), num_channels)
    samples = np.random.default_rng(0).integers(-3000, 3000, shape, dtype=np.int16)
    content = io.BytesIO()
    soundfile.write(content, samples, sample_rate, format=suffix.strip(".").upper())
    return content.getvalue()


def put(path: Path, content: bytes | None = None) -> Path:
    """Write a file with its folders; audio by its suffix unless there is content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(audio_bytes(path.suffix) if content is None else content)
    return path


def slakh_stem(inst_class: str, program: int, **others: Any) -> dict[str, Any]:
    """One entry of a track's metadata."""
    entry = {
        "audio_rendered": True,
        "inst_class": inst_class,
        "is_drum": program == 128,
        "midi_program_name": "Program",
        "midi_saved": True,
        "plugin_name": "plugin.nkm",
        "program_num": program,
    }
    return entry | others


SLAKH_STEMS = {
    "S00": slakh_stem("Piano", 1),
    "S01": slakh_stem("Drums", 128),
    "S02": slakh_stem("Guitar", 30),
    "S04": slakh_stem("Bass", 33),
    "S10": slakh_stem("Strings (continued)", 49),
}


@pytest.fixture
def make_track() -> MakeSlakhTrack:
    """Write one track folder with metadata, mixture, notes and stems.

    `missing` names stems that the metadata list and that have no file; `content` goes into the metadata.
    """

    def make(
        folder: Path,
        *,
        stems: Mapping[str, Mapping[str, Any]] = SLAKH_STEMS,
        missing: Sequence[str] = (),
        suffix: str = ".flac",
        **content: Any,
    ) -> Path:
        metadata = {"UUID": folder.name, "audio_dir": f"{folder.name}/stems", "normalized": True, **content}
        text = yaml.safe_dump(metadata | {"stems": {key: dict(entry) for key, entry in stems.items()}})
        put(folder / "metadata.yaml", text.encode())
        put(folder / f"mix{suffix}")
        put(folder / "all_src.mid", b"")
        for key, entry in stems.items():
            put(folder / "MIDI" / f"{key}.mid", b"")
            if entry["audio_rendered"] and key not in missing:
                put(folder / "stems" / f"{key}{suffix}")
        return folder

    return make


@pytest.fixture
def slakh_redux(tmp_path: Path, make_track: MakeSlakhTrack) -> Path:
    """Split folders with `omitted`; silent, missing and mistold parts, and metadata that do not parse."""
    root = tmp_path / "slakh2100_redux"
    unrendered = SLAKH_STEMS | {"S05": slakh_stem("Organ", 16, audio_rendered=False)}
    make_track(root / "train" / "Track00001")
    make_track(root / "train" / "Track00002", stems=unrendered, missing=["S02"])
    make_track(root / "train" / "Track00357")
    make_track(root / "train" / "Track00616", audio_dir="/home/author/slakh/Track00616/stems")
    make_track(root / "validation" / "Track01501")
    make_track(root / "test" / "Track01876")
    make_track(root / "omitted" / "Track00004")
    put(root / "train" / "Track00005" / "metadata.yaml", b"stems: [unclosed")
    put(root / "train" / "Track00006" / "mix.flac")
    put(root / "train" / ".Track00007" / "metadata.yaml", b"")
    (root / "utilities").mkdir()
    return root


@pytest.fixture
def baby_slakh(tmp_path: Path, make_track: MakeSlakhTrack) -> Path:
    """Flat, with WAV files."""
    root = tmp_path / "babyslakh_16k"
    for number in (1, 2, 3):
        make_track(root / f"Track{number:05d}", suffix=".wav")
    return root


@pytest.fixture
def musdb_hq(tmp_path: Path) -> Path:
    """Three training tracks, one of them held out by name, and one test track with a known defect."""
    root = tmp_path / "musdb18hq"
    names = ("train/Artist - Song", "train/Meaxic - Take A Step", "train/Other - Tune", "test/PR - Oh No")
    for name in names:
        for stem in ("mixture", "drums", "bass", "other", "vocals"):
            put(root / name / f"{stem}.wav")
    put(root / "train" / "Artist - Song" / "._drums.wav")
    put(root / "README.md", b"")
    return root


@pytest.fixture
def program_path(monkeypatch: pytest.MonkeyPatch) -> str:
    """ffmpeg, with the folder of the running Python on the PATH, which importing musdb needs."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    found = shutil.which("ffmpeg")
    assert found, "the tests need ffmpeg; `make setup` provides one"
    return found


@pytest.fixture
def stem_file(tmp_path: Path, program_path: str) -> bytes:
    """Content of a stems file: five stereo AAC streams, sines of 200, 400, 600, 800 and 1000 Hz."""
    command = [program_path, "-nostdin", "-v", "error"]
    for number in range(5):
        source = tmp_path / f"{number}.wav"
        wave = 0.3 * np.sin(2 * np.pi * 200 * (number + 1) * np.arange(8820) / 44100)
        soundfile.write(source, np.stack([wave, wave], axis=1), 44100)
        command += ["-i", str(source)]
    for number in range(5):
        command += ["-map", f"{number}:a"]
    path = tmp_path / "made.mp4"
    subprocess.run([*command, "-c:a", "aac", "-b:a", "256k", str(path)], check=True)
    return path.read_bytes()


@pytest.fixture
def musdb18(tmp_path: Path, stem_file: bytes) -> Path:
    """Two training tracks, one of them held out by name, and one test track."""
    root = tmp_path / "musdb18"
    for name in ("train/Artist - Song", "train/ANiMAL - Rockshow", "test/PR - Oh No"):
        put(root / f"{name}.stem.mp4", stem_file)
    return root


@pytest.fixture
def bach10(tmp_path: Path) -> Path:
    """The ten pieces with the set's spelling of the saxophone, notes and a description beside."""
    root = tmp_path / "Bach10_v1.1"
    pieces = (
        *(
            "AchGottundHerr",
            "AchLiebenChristen",
            "ChristederdubistTagundLicht",
            "ChristeDuBeistand",
            "DieNacht",
        ),
        *("DieSonne", "HerrGott", "FuerDeinenThron", "Jesus", "NunBitten"),
    )
    for number, piece in enumerate(pieces, start=1):
        name = f"{number:02d}-{piece}"
        for ending in ("", "-violin", "-clarinet", "-saxphone", "-bassoon"):
            put(root / name / f"{name}{ending}.wav")
        for ending in (".mid", ".txt", "-GTF0s.mat", "-GTNotes.mat"):
            put(root / name / f"{name}{ending}", b"")
    put(root / "Bach10 Dataset Description.pdf", b"")
    return root


def put_take(folder: Path, take: str) -> None:
    """Write one take of the choir with the microphones that its setting has."""
    setting = take.split("_")[1]
    singers = CHOIR_QUARTETS.get(setting, CHOIR_SINGERS)
    with_dynamic = CHOIR_QUARTETS["QuartetB"] if setting == "FullChoir" else singers
    names = [f"{singer}_LRX" for singer in singers]
    names += [f"{singer}_DYN" for singer in with_dynamic]
    names += [f"{singer}_HSM" for singer in singers if singer[0] != "S"]
    names += ["Stereo_STM", "Stereo_STL", "Stereo_STR", "StereoReverb_STM"]
    names += ["Piano_SPL", "Piano_SPR"] if "Piano" in take else []
    for name in names:
        put(folder / f"DCS_{take}_{name}.wav", audio_bytes(".wav", 22050))


@pytest.fixture
def choirset(tmp_path: Path) -> Path:
    """All 23 takes of songs that are usable, three exercises, solos and basses."""
    root = tmp_path / "DagstuhlChoirSet_V1.2.3"
    folder = root / "audio_wav_22050_mono"
    for take in (*CHOIR_SONG_TAKES, *CHOIR_EXERCISES):
        put_take(folder, take)
    for name in (
        "LI_FullChoir_Solo01_A2_DYN",
        "LI_FullChoir_Solo01_A2_LRX",
        "LI_FullChoir_Solo01_Stereo_STM",
    ):
        put(folder / f"DCS_{name}.wav")
    for singer in ("B1", "B2", "B3", "B4", "B5"):
        put(folder / f"DCS_LI_Basses_Take01_{singer}_DYN.wav")
    put(root / "annotations_csv_F0_PYIN" / "DCS_LI_QuartetA_Take01_S2_DYN.csv", b"")
    return root


@pytest.fixture
def make_tree(tmp_path: Path) -> Callable[..., Path]:
    """Make empty files in one folder, since no reader opens audio."""

    def make(*names: str) -> Path:
        root = tmp_path / "own_stems"
        root.mkdir(exist_ok=True)
        for name in names:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).touch()
        return root

    return make
