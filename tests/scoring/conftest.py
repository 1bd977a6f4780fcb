"""Short songs of noise on disk, their estimates, and ways to spoil them."""

import numpy as np
import pytest

from sep_pipeline.audio.io import read_audio, write_audio
from sep_pipeline.data.manifest import Track
from sep_pipeline.scoring.job import FileScoringJob, ScoringConfig

RATE = 8000
NUM_FRAMES = 5 * RATE // 2
STEMS = ("drums", "bass")
CONFIG = ScoringConfig(stems=STEMS)


def noise(*shape, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def _make_track(folder, name="A - Song", *, stems=STEMS, num_channels=2, silent=(), seed=0):
    signals = {
        stem: noise(num_channels, NUM_FRAMES, seed=100 * seed + index) * (stem not in silent)
        for index, stem in enumerate(stems)
    }
    signals = {"mixture": sum(signals.values()), **signals}
    paths = {stem: folder / name / f"{stem}.wav" for stem in signals}
    for stem, signal in signals.items():
        write_audio(paths[stem], signal, RATE, subtype="FLOAT")
    return Track(
        set_name="made",
        split="test",
        track_id=name,
        sample_rate=RATE,
        num_channels=num_channels,
        num_frames=NUM_FRAMES,
        paths=paths,
    )


def _write_estimates(folder, track, *, stems=STEMS, num_channels=None, layout="test", suffix=".wav", seed=0):
    """Every stem with some of the mixture and some noise; `layout` is the folder between."""
    files = {}
    for index, stem in enumerate(stems):
        reference, mixture = (read_audio(track.paths[name])[0] for name in (stem, "mixture"))
        estimate = 0.8 * reference + 0.1 * mixture + 0.2 * noise(*reference.shape, seed=1000 + seed + index)
        if num_channels == 1:
            estimate = estimate.mean(axis=0, keepdims=True)
        files[stem] = folder / layout / track.track_id / f"{stem}{suffix}"
        subtype = "FLOAT" if suffix == ".wav" else "PCM_16"
        write_audio(files[stem], estimate, RATE, subtype=subtype)
    return files


@pytest.fixture
def make_track(tmp_path):
    """Write the mixture and the stems of one song; gives its `Track`."""
    return lambda *arguments, **options: _make_track(tmp_path / "store", *arguments, **options)


@pytest.fixture
def make_tracks(make_track):
    """Several songs with names in order."""
    return lambda number=2, **options: [
        make_track(f"Song {letter}", seed=index, **options) for index, letter in enumerate("ABCDE"[:number])
    ]


@pytest.fixture
def write_estimates(tmp_path):
    """Write estimates of a song into `estimates`; gives stem to file."""
    return lambda track, **options: _write_estimates(tmp_path / "estimates", track, **options)


@pytest.fixture
def make_job(tmp_path, make_track, write_estimates):
    """A job of one song: options of the config, of the references and of the estimates."""

    def make(config=CONFIG, *, references=None, estimates=None):
        track = make_track(**(references or {}))
        return FileScoringJob(
            track=track,
            estimates=write_estimates(track, **(estimates or {})),
            config=config,
            record=tmp_path / "scores" / "tracks" / f"{track.track_id}.json",
        )

    return make


@pytest.fixture
def rewrite():
    """Change the samples of a float file: a function of (channel, time), and a new rate."""

    def change(path, function=lambda audio: audio, rate=RATE):
        audio, _ = read_audio(path)
        write_audio(path, function(audio), rate, subtype="FLOAT")

    return change


@pytest.fixture
def count_calls(monkeypatch):
    """Replace a function of a module by itself, with a list of its arguments."""

    def watch(module, name):
        calls, function = [], getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given: calls.append(given) or function(*given))
        return calls

    return watch


@pytest.fixture
def save_tiny_separator():
    """Save a tiny separator of drums and bass at 8 kHz; facts of its card may be given."""
    import torch

    from sep_pipeline.models.vqvae import VQVAE, VQVAEConfig
    from sep_pipeline.separation import save_separator

    config = VQVAEConfig(width=4, num_blocks=2, embedding_width=4, num_codes=8)

    def save(folder, *, first_seed=0, **facts):
        models = {stem: VQVAE(config, seed=first_seed + index) for index, stem in enumerate(STEMS)}
        for model in models.values():
            generator = torch.Generator().manual_seed(0)
            with torch.no_grad():
                latents = model.encode(torch.randn(1, 1, 800, generator=generator))
                model.quantise(latents, generator=generator, update=True)
        card = {
            "name": "tiny",
            "model": "vqvae",
            "config": config,
            "sample_rate": RATE,
            "channels": 1,
            "seed": 7,
            "steps": 30,
            "data_hash": "abc",
            "licence": "CC0-1.0",
            "metadata": {"weights": "pretrained"},
        }
        save_separator(folder, models, **{**card, **facts})
        return folder

    return save
