"""Small files in place of what the documentation takes for granted: songs, data sets, a sound font, weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import soundfile
import yaml

RATE = 44_100
SECONDS = 3.0
STUDY_STEMS = ("drums", "bass", "guitar", "other")


def write_tone(
    path: Path, hertz: float, *, seconds: float = SECONDS, num_channels: int = 2, rate: int = RATE
) -> None:
    """A tone that swells and fades twice a second, with a little noise."""
    time_seconds = np.arange(int(seconds * rate)) / rate
    swell = 0.5 + 0.5 * np.sin(4 * np.pi * time_seconds)
    noise = np.random.default_rng(int(hertz)).normal(0, 0.01, (num_channels, len(time_seconds)))
    path.parent.mkdir(parents=True, exist_ok=True)
    signal = 0.2 * swell * np.sin(2 * np.pi * hertz * time_seconds) + noise
    soundfile.write(path, signal.T, rate)


def _songs(folder: Path) -> None:
    for number in range(3):
        write_tone(folder / f"Song {number}" / "piano.wav", 220 + 30 * number)
        write_tone(folder / f"Song {number}" / "rest.wav", 330 + 30 * number)


def _band(folder: Path) -> None:
    for number in range(3):
        for place, stem in enumerate(STUDY_STEMS):
            write_tone(folder / f"Song {number}" / f"{stem}.wav", 110 * (place + 1) + 20 * number)


def _splits(path: Path) -> None:
    rows = ("Song 0,train", "Song 1,validation", "Song 2,test")
    path.write_text("\n".join(["track,split", *rows]) + "\n", encoding="utf-8")


def _slakh(folder: Path) -> None:
    classes = ("Drums", "Bass", "Guitar", "Piano", "Strings (continued)")
    for number in range(3):
        track = folder / f"Track{number:05d}"
        stems = {}
        for position, inst_class in enumerate(classes):
            write_tone(track / "stems" / f"S{position:02d}.flac", 110 * (position + 1) + number)
            is_drum = inst_class == "Drums"
            stems[f"S{position:02d}"] = {
                "audio_rendered": True,
                "inst_class": inst_class,
                "is_drum": is_drum,
                "program_num": 128 if is_drum else position,
            }
        write_tone(track / "mix.flac", 100 + number)
        content = {"UUID": f"made {number}", "audio_dir": "stems", "stems": stems}
        (track / "metadata.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def _choir(folder: Path) -> None:
    for song, take in (("LI", "Take01"), ("LI", "Take02"), ("TP", "Take01")):
        for voice, singer in enumerate(("S2", "A1", "T1", "B1")):
            name = f"DCS_{song}_QuartetA_{take}_{singer}_DYN.wav"
            hertz = 440 / (voice + 1) + len(song) * int(take[-1]) + 7 * (song == "TP")
            write_tone(folder / "audio_wav_22050_mono" / name, hertz, num_channels=1, rate=22_050)


def _sound_font(path: Path) -> None:
    import pretty_midi

    path.symlink_to(Path(pretty_midi.__file__).with_name("TimGM6mb.sf2"))


def _released_models(folder: Path) -> None:
    import torch

    from sep_pipeline.models.open_unmix.config import OpenUnmixConfig
    from sep_pipeline.models.open_unmix.network import OpenUnmix
    from sep_pipeline.models.open_unmix.released import save_released

    torch.manual_seed(0)
    save_released(
        folder, {stem: OpenUnmix(OpenUnmixConfig(hidden_size=8)) for stem in STUDY_STEMS}, sample_rate=RATE
    )


def _song(path: Path) -> None:
    write_tone(path, 250, seconds=1)


def _album(folder: Path) -> None:
    write_tone(folder / "one.wav", 260, seconds=1)
    write_tone(folder / "two.flac", 270, seconds=1)


_MADE: Mapping[str, Callable[[Path], None]] = {
    "/path/to/songs": _songs,
    "/path/to/band": _band,
    "/path/to/splits.csv": _splits,
    "/path/to/slakh2100": _slakh,
    "/path/to/choirset": _choir,
    "/path/to/choir": _choir,
    "/path/to/font.sf2": _sound_font,
    "/path/to/umx": _released_models,
    "/path/to/song.mp3": _song,
    "song.mp3": _song,
    "song.wav": _song,
    "album": _album,
}
"""Name in the documentation to what makes the file or folder."""

_FROM_STUDIES = {
    "/path/to/estimates": "07_model_output/jukebox_transfer/pretrained/seed_0",
    "/path/to/stem_store": "03_primary/rendered",
    "/path/to/separators": "06_models/jukebox_transfer/pretrained",
    "/path/to/separator": "06_models/open_unmix/unidirectional/seed_0/separator",
}
"""Name in the documentation to where it lies in the data folder, once the studies have run."""

_WRITTEN = ("/path/to/results", "/path/to/tuned")
"""What commands write; it lies in the project."""


class StandIns:
    """What stands for the names in the documentation.

    Args:
        project: Folder in which commands are executed; files that are named without a folder lie in it.
        data: Its data folder.
    """

    def __init__(self, project: Path, data: Path) -> None:
        self._places = {name: str(data / place) for name, place in _FROM_STUDIES.items()}
        for name, make in _MADE.items():
            path = project / name.removeprefix("/path/to/")
            if not path.exists():
                make(path)
            if name.startswith("/"):
                self._places[name] = str(path)
        self._places |= {name: str(project / name.removeprefix("/path/to/")) for name in _WRITTEN}

    def in_place(self, text: str) -> str:
        """The text with every name replaced, the longest first."""
        for name in sorted(self._places, key=len, reverse=True):
            text = text.replace(name, self._places[name])
        return text
