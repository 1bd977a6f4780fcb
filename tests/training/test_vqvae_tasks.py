"""The tasks of the transfer study, on a small network and made songs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sep_pipeline.audio.io import write_audio
from sep_pipeline.data.examples import StemExamples
from sep_pipeline.data.manifest import Track
from sep_pipeline.errors import ConfigurationError
from sep_pipeline.losses.bandwidths import Bandwidths
from sep_pipeline.losses.embedding import embedding_loss
from sep_pipeline.losses.vqvae import vqvae_loss
from sep_pipeline.models.vqvae import VQVAE, Encoder, VQVAEConfig
from sep_pipeline.training.config import TrainingConfig
from sep_pipeline.training.loop import train
from sep_pipeline.training.vqvae_tasks import PhaseOneTask, PhaseTwoTask

NETWORK = VQVAEConfig(num_stages=2, width=8, num_blocks=2, embedding_width=6, num_codes=16)
BANDWIDTHS = Bandwidths(l1=0.2, l2=0.06, spec=60.0)
CHUNK_SAMPLES = 2048


@pytest.fixture(scope="module")
def track(tmp_path_factory: pytest.TempPathFactory) -> Track:
    folder = tmp_path_factory.mktemp("song")
    time = np.arange(4 * CHUNK_SAMPLES)
    stems = {"bass": np.sin(0.05 * time), "drums": np.sign(np.sin(0.003 * time)) * np.sin(0.7 * time)}
    sources = {name: 0.3 * np.stack([audio, 0.8 * audio]) for name, audio in stems.items()}
    sources["mixture"] = sources["bass"] + sources["drums"]
    for name, audio in sources.items():
        write_audio(folder / f"{name}.wav", audio.astype(np.float32), 8000)
    return Track(
        set_name="toy",
        split="train",
        track_id="song",
        sample_rate=8000,
        num_channels=2,
        num_frames=len(time),
        paths={name: folder / f"{name}.wav" for name in sources},
    )


def chunks(track: Track, *stems: str) -> StemExamples:
    return StemExamples([track], stems, chunk_samples=CHUNK_SAMPLES, batch_size=2, seed=0)


def config(num_steps: int, **changes: Any) -> TrainingConfig:
    settings: dict[str, Any] = {
        "learning_rate": 3e-3,
        "warmup_steps": 5,
        "log_every_steps": 1,
        "ema_decay": None,
    }
    return TrainingConfig(num_steps=num_steps, batch_size=2, **settings | changes)


def phase_one(track: Track, **options: Any) -> PhaseOneTask:
    return PhaseOneTask(VQVAE(NETWORK, seed=1), chunks(track, "bass"), BANDWIDTHS, **options)


def phase_two(track: Track, **options: Any) -> PhaseTwoTask:
    stem_model = VQVAE(NETWORK, seed=1)
    stem_model.codebook.codes.copy_(torch.randn(16, 6, generator=torch.Generator().manual_seed(0)))
    stem_model.codebook.reset_statistics(512)
    options = {"bandwidths": BANDWIDTHS} | options
    return PhaseTwoTask(Encoder(NETWORK, seed=2), stem_model, chunks(track, "mixture", "bass"), **options)


def curve(curves: Mapping[str, list[Any]], wanted: str) -> list[float]:
    rows = zip(curves["name"], curves["value"], strict=True)
    return [value for name, value in rows if name == wanted]


def test_phase_one_loss_is_that_of_the_reconstruction(track: Track) -> None:
    task, reference = phase_one(track), VQVAE(NETWORK, seed=1)
    found = task.losses(task.batch(0), torch.Generator().manual_seed(7))
    audio = task.batch(0)[:, 0]
    output = reference.reconstruct(audio, update=True, generator=torch.Generator().manual_seed(7))
    wanted = vqvae_loss(output.audio, audio, output.quantised.commitment, bandwidths=BANDWIDTHS)
    assert torch.equal(found["loss"], wanted["loss"])
    assert {"recons", "multispectral", "commitment", "usage", "entropy"} <= set(found)
    assert not found["recons"].requires_grad


def test_phase_one_learns_and_moves_its_codebook(track: Track, tmp_path: Path) -> None:
    result = train(phase_one(track), config(60), workspace=tmp_path, identity="toy", seed=0)
    losses = curve(result.curves, "loss")
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:5])
    assert bool(result.weights["codebook.is_initialised"])
    assert float(result.weights["codebook.counts"].sum()) > 0


def test_phase_one_resumes_to_the_bit_with_its_codebook(track: Track, tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    settings = config(6, checkpoint_every_steps=2)
    unbroken = train(phase_one(track), settings, workspace=tmp_path / "a", identity="toy", seed=0)
    task = phase_one(track)

    def stop_after_four(num_updates: int) -> None:
        if num_updates == 4:
            raise StopError

    task.after_step = stop_after_four  # type: ignore[attr-defined]
    with pytest.raises(StopError):
        train(task, settings, workspace=tmp_path / "b", identity="toy", seed=0)
    resumed = train(phase_one(track), settings, workspace=tmp_path / "b", identity="toy", seed=0)
    assert resumed.curves == unbroken.curves
    assert all(torch.equal(resumed.weights[name], unbroken.weights[name]) for name in unbroken.weights)


def test_a_frozen_codebook_stays(track: Track, tmp_path: Path) -> None:
    frozen = VQVAEConfig(
        num_stages=2, width=8, num_blocks=2, embedding_width=6, num_codes=16, codebook_mode="frozen"
    )
    model = VQVAE(frozen, seed=1)
    model.codebook.codes.normal_(generator=torch.Generator().manual_seed(0))
    before = model.codebook.codes.clone()
    task = PhaseOneTask(model, chunks(track, "bass"), BANDWIDTHS)
    result = train(task, config(3), workspace=tmp_path, identity="toy", seed=0)
    assert torch.equal(result.weights["codebook.codes"], before)


def test_several_stems_are_further_examples(track: Track) -> None:
    task = PhaseOneTask(VQVAE(NETWORK, seed=1), chunks(track, "bass", "drums"), BANDWIDTHS)
    batch = task.batch(0)
    flat = batch.reshape(4, 1, 1, CHUNK_SAMPLES)
    first = task.losses(batch, torch.Generator().manual_seed(0))["loss"]
    task.module.load_state_dict(VQVAE(NETWORK, seed=1).state_dict())
    assert torch.equal(task.losses(flat, torch.Generator().manual_seed(0))["loss"], first)


def test_phase_one_is_evaluated_without_touching_the_codebook(track: Track, tmp_path: Path) -> None:
    task = phase_one(track, validation=chunks(track, "bass"))
    train(task, config(2), workspace=tmp_path, identity="toy", seed=0)
    before = {name: value.clone() for name, value in task.module.state_dict().items()}
    task.module.eval()
    with torch.no_grad():
        first, second = task.evaluate(), task.evaluate()
    assert first == second
    assert first["loss"] > 0
    assert all(torch.equal(before[name], value) for name, value in task.module.state_dict().items())


@pytest.mark.parametrize("make", [phase_one, phase_two])
def test_evaluation_without_validation_tracks_is_refused(track: Track, tmp_path: Path, make: Any) -> None:
    with pytest.raises(ConfigurationError, match="no validation tracks"):
        train(make(track), config(2, evaluate_every_steps=1), workspace=tmp_path, identity="toy", seed=0)


def test_phase_two_loss_compares_latents_before_quantisation(track: Track) -> None:
    task = phase_two(track)
    batch = task.batch(0)
    found = task.losses(batch, torch.Generator())
    wanted = embedding_loss(Encoder(NETWORK, seed=2)(batch[:, 0]), VQVAE(NETWORK, seed=1).encode(batch[:, 1]))
    assert torch.equal(found["loss"], wanted["loss"])
    assert set(found) == set(wanted)


@pytest.mark.parametrize("me_loss", ["embedding", "embedding_and_decoded"])
def test_phase_two_learns_and_changes_only_the_mixture_encoder(
    track: Track, tmp_path: Path, me_loss: str
) -> None:
    task = phase_two(track, me_loss=me_loss)
    before = {name: value.clone() for name, value in task._stem_model.state_dict().items()}
    result = train(task, config(60), workspace=tmp_path, identity="toy", seed=0)
    # With a random decoder only the embedding can be learnt.
    losses = curve(result.curves, "loss" if me_loss == "embedding" else "embedding")
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])
    assert all(torch.equal(value, before[name]) for name, value in task._stem_model.state_dict().items())
    assert result.weights.keys() == Encoder(NETWORK).state_dict().keys()


def test_the_decoded_loss_reaches_the_mixture_encoder_through_codebook_and_decoder(track: Track) -> None:
    task = phase_two(track, me_loss="embedding_and_decoded")
    found = task.losses(task.batch(0), torch.Generator())
    plain = phase_two(track)
    plain.losses(plain.batch(0), torch.Generator())["loss"].backward()
    found["loss"].backward()
    for with_decoder, without in zip(task.module.parameters(), plain.module.parameters(), strict=True):
        assert with_decoder.grad is not None
        assert not torch.allclose(with_decoder.grad, without.grad)
    assert float(found["loss"].detach()) == pytest.approx(
        float(found["embedding"]) + float(found["decoded_loss"]), rel=1e-6
    )
    assert all(parameter.grad is None for parameter in task._stem_model.parameters())


def test_phase_two_is_evaluated_on_validation_tracks(track: Track, tmp_path: Path) -> None:
    task = phase_two(track, me_loss="embedding_and_decoded", validation=chunks(track, "mixture", "bass"))
    result = train(task, config(2, evaluate_every_steps=1), workspace=tmp_path, identity="toy", seed=0)
    assert len(curve(result.curves, "evaluation/loss")) == 2
    assert len(curve(result.curves, "evaluation/decoded_multispectral")) == 2


def test_an_unknown_loss_is_refused(track: Track) -> None:
    with pytest.raises(ConfigurationError, match="me_loss"):
        phase_two(track, me_loss="cosine")


def test_the_decoded_loss_needs_bandwidths(track: Track) -> None:
    with pytest.raises(ConfigurationError, match="bandwidths"):
        phase_two(track, me_loss="embedding_and_decoded", bandwidths=None)
