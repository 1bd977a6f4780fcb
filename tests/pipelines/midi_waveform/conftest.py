"""Six made songs, played by simple tones, and what is known about them."""

from __future__ import annotations

from pathlib import Path

import pretty_midi
import pytest
import torch

from sep_pipeline.configuration.execution import ProcessParameters
from sep_pipeline.configuration.midi_waveform import CorpusParameters, WaveformEvaluationParameters
from sep_pipeline.configuration.pool import PoolParameters
from sep_pipeline.pipelines.midi_waveform import nodes

RATE = 8000
PROGRAMS = {"piano": 0, "bass": 33}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def midi_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Songs with drums and piano, every second one with a bass, and one file that is no MIDI."""
    folder = tmp_path_factory.mktemp("midi")
    for number in range(6):
        song = pretty_midi.PrettyMIDI()
        drums = pretty_midi.Instrument(0, is_drum=True)
        drums.notes = [pretty_midi.Note(110, 36, 0.25 * at, 0.25 * at + 0.1) for at in range(12)]
        song.instruments.append(drums)
        for name, program in PROGRAMS.items():
            if name == "bass" and number % 2:
                continue
            part = pretty_midi.Instrument(program)
            part.notes = [
                pretty_midi.Note(100, 40 + 3 * number + at % (3 + number), 0.25 * at, 0.25 * at + 0.2)
                for at in range(12)
            ]
            song.instruments.append(part)
        song.write(str(folder / f"{number}.mid"))
    (folder / "broken.mid").write_bytes(b"no MIDI")
    return folder


@pytest.fixture
def corpus(midi_folder: Path) -> CorpusParameters:
    return CorpusParameters(
        name="made",
        midi_folder=midi_folder,
        index={"fractions": (0.5, 0.0, 0.5)},
        instruments=("drums", "piano", "bass"),
    )


@pytest.fixture
def pool() -> PoolParameters:
    return PoolParameters(engine="sine", pool_size=4, min_activity=0.1)


@pytest.fixture
def evaluation() -> WaveformEvaluationParameters:
    return WaveformEvaluationParameters(num_chunks=4, max_seconds=2)


@pytest.fixture
def midi_corpus(tmp_path: Path, corpus: CorpusParameters) -> Path:
    """Folder of the index."""
    nodes.index_midi(corpus, ProcessParameters(num_processes=1))(tmp_path / "corpus")
    return tmp_path / "corpus"


@pytest.fixture
def checked(midi_corpus: Path, corpus: CorpusParameters, pool: PoolParameters) -> dict[str, object]:
    return nodes.check_inputs(midi_corpus, corpus, pool, RATE, {"samples_512": 512})


@pytest.fixture
def stem_store(
    tmp_path: Path,
    midi_corpus: Path,
    corpus: CorpusParameters,
    pool: PoolParameters,
    evaluation: WaveformEvaluationParameters,
    checked: dict[str, object],
) -> Path:
    """The test songs, rendered."""
    write = nodes.render_test_songs(
        midi_corpus, corpus, pool, evaluation, checked, ProcessParameters(num_processes=1)
    )
    write(tmp_path / "store")
    return tmp_path / "store"
