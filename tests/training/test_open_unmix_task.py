"""The Open-Unmix training: its loss and updates against the package's, epochs, evaluation and resumption."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from sep_pipeline.errors import ConfigurationError, StemMismatchError, TooShortError
from sep_pipeline.models.open_unmix import OpenUnmix, OpenUnmixConfig, SpectrogramConfig
from sep_pipeline.training.config import TrainingConfig
from sep_pipeline.training.loop import train
from sep_pipeline.training.open_unmix_task import OpenUnmixTask, steps_per_epoch
from sep_pipeline.training.state import TrainingState

GOLDEN = Path(__file__).parents[1] / "golden" / "open_unmix_model.safetensors"
SIZES = SpectrogramConfig(n_fft=64, hop_length=16)
NETWORK = OpenUnmixConfig(spectrogram=SIZES, hidden_size=8, num_layers=2, num_input_bins=20)


class ToneExamples:
    """Two stems per chunk: a low and a high tone of random loudness, in stereo."""

    def batch(self, step: int) -> Tensor:
        generator = torch.Generator().manual_seed(step)
        loudness = torch.rand(4, 2, 2, 1, generator=generator)
        time = torch.arange(640)
        return loudness * torch.stack([torch.sin(0.3 * time), torch.sin(1.7 * time)])[None, :, None]


def make_task(model: OpenUnmix | None = None, target_index: int = 0, **options: Any) -> OpenUnmixTask:
    return OpenUnmixTask(model or OpenUnmix(NETWORK, seed=1), ToneExamples(), target_index, **options)


def config(num_steps: int, **changes: Any) -> TrainingConfig:
    settings: dict[str, Any] = {
        "batch_size": 4,
        "learning_rate": 1e-3,
        "optimizer": "adam",
        "weight_decay": 1e-5,
        "warmup_steps": 0,
        "clip": "none",
        "ema_decay": None,
        "log_every_steps": 1,
    }
    return TrainingConfig(num_steps=num_steps, **settings | changes)


def curve(curves: Mapping[str, list[Any]], wanted: str) -> list[float]:
    rows = zip(curves["name"], curves["value"], strict=True)
    return [value for name, value in rows if name == wanted]


def package_magnitude(audio: Tensor) -> Tensor:
    """(batch, channel, frame, bin) as torch's own transform gives it."""
    transformed = torch.stft(
        audio.flatten(0, 1), 64, 16, window=torch.hann_window(64), center=False, return_complex=True
    )
    return transformed.abs().transpose(-1, -2).unflatten(0, audio.shape[:2])


def track(num_samples: int, seed: int, num_channels: int = 2) -> Callable[[], tuple[Tensor, Tensor]]:
    def load() -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(seed)
        mixture = torch.randn(num_channels, num_samples, generator=generator)
        return mixture, 0.3 * mixture + 0.1 * torch.randn(mixture.shape, generator=generator)

    return load


@pytest.mark.parametrize("name", ["bi", "uni", "mono_bi"])
def test_one_update_is_that_of_the_package(name: str) -> None:
    golden = {key.removeprefix(f"{name}."): value.clone() for key, value in load_file(GOLDEN).items()}
    state = {key.removeprefix("state."): value for key, value in golden.items() if key.startswith("state.")}
    num_bins = len(state["output_mean"])
    model = OpenUnmix(
        OpenUnmixConfig(
            spectrogram=SpectrogramConfig(n_fft=2 * (num_bins - 1), hop_length=num_bins - 1),
            num_channels=golden["in"].shape[1],
            hidden_size=len(state["fc1.weight"]),
            is_unidirectional=name == "uni",
            num_input_bins=len(state["input_mean"]),
            dropout=0.0,
        )
    )
    model.load_state_dict(state)
    training = TrainingState(model, config(1))
    error = functional.mse_loss(model(golden["in"].transpose(-1, -2)), golden["target"].transpose(-1, -2))
    error.backward()
    training.update(float(training.gradient_norm()))
    for key in [key for key in golden if key.startswith("train.after_step.")]:
        found = model.state_dict()[key.removeprefix("train.after_step.")]
        torch.testing.assert_close(found, golden[key], rtol=1e-6, atol=1e-6)


def test_loss_compares_magnitudes_of_the_sum_and_of_the_target() -> None:
    batch = ToneExamples().batch(0)
    task = make_task(target_index=1)
    estimate = OpenUnmix(NETWORK, seed=1)
    torch.manual_seed(5)
    found = task.losses(batch, torch.Generator())
    torch.manual_seed(5)
    expected = functional.mse_loss(estimate(package_magnitude(batch.sum(1))), package_magnitude(batch[:, 1]))
    assert set(found) == {"loss"}
    assert found["loss"].item() == pytest.approx(expected.item(), rel=1e-6)


def test_loss_counts_bins_that_the_model_does_not_read() -> None:
    task = make_task()
    torch.manual_seed(5)
    before = task.losses(ToneExamples().batch(0), torch.Generator())["loss"]
    batch = ToneExamples().batch(0)
    batch[:, 0] += 0.5 * torch.cos(torch.pi * torch.arange(640))
    torch.manual_seed(5)
    assert task.losses(batch, torch.Generator())["loss"] > before + 0.1


def test_a_mono_model_hears_and_gives_the_mean_of_the_magnitudes() -> None:
    mono = OpenUnmixConfig(spectrogram=SIZES, num_channels=1, hidden_size=8, num_layers=1, num_input_bins=20)
    batch = ToneExamples().batch(0)
    found = make_task(OpenUnmix(mono, seed=1)).losses(batch, torch.Generator())["loss"]
    heard = package_magnitude(batch.sum(1)).mean(1, keepdim=True)
    wanted = package_magnitude(batch[:, 0]).mean(1, keepdim=True)
    expected = functional.mse_loss(OpenUnmix(mono, seed=1)(heard), wanted)
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)


def test_the_last_batch_of_an_epoch_has_what_is_left() -> None:
    task = make_task(chunks_per_epoch=10, batch_size=4)
    assert [len(task.batch(step)) for step in range(7)] == [4, 4, 2, 4, 4, 2, 4]
    assert torch.equal(task.batch(2), ToneExamples().batch(2)[:2])


@pytest.mark.parametrize(
    ("chunks", "batch", "expected"), [(1376, 4, 344), (1376, 16, 86), (2752, 32, 86), (10, 4, 3)]
)
def test_updates_of_an_epoch(chunks: int, batch: int, expected: int) -> None:
    assert steps_per_epoch(chunks, batch) == expected


def test_epochs_that_fill_their_batches_are_not_cut() -> None:
    task = make_task(chunks_per_epoch=8, batch_size=4)
    assert [len(task.batch(step)) for step in range(4)] == [4, 4, 4, 4]
    assert len(make_task().batch(3)) == 4


@pytest.mark.parametrize("is_unidirectional", [False, True])
def test_it_learns(is_unidirectional: bool, tmp_path: Path) -> None:
    network = OpenUnmixConfig(
        spectrogram=SIZES, hidden_size=8, num_layers=2, is_unidirectional=is_unidirectional, num_input_bins=20
    )
    task = make_task(OpenUnmix(network, seed=1))
    settings = config(80, learning_rate=1e-2)
    losses = curve(train(task, settings, workspace=tmp_path, identity="toy", seed=0).curves, "loss")
    assert np.mean(losses[-5:]) < 0.3 * np.mean(losses[:5])


def test_it_resumes_to_the_bit(tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def stop_after_three(num_updates: int) -> None:
        if num_updates == 3:
            raise StopError

    settings = config(6, checkpoint_every_steps=1)
    options = {"chunks_per_epoch": 7, "batch_size": 4, "validation": [track(900, 1)]}
    unbroken = train(make_task(**options), settings, workspace=tmp_path / "a", identity="toy", seed=0)
    task = make_task(**options)
    task.after_step = stop_after_three  # type: ignore[attr-defined]
    with pytest.raises(StopError):
        train(task, settings, workspace=tmp_path / "b", identity="toy", seed=0)
    resumed = train(make_task(**options), settings, workspace=tmp_path / "b", identity="toy", seed=0)
    assert resumed.curves == unbroken.curves
    assert all(torch.equal(resumed.weights[name], unbroken.weights[name]) for name in unbroken.weights)


@pytest.mark.parametrize("is_unidirectional", [False, True])
def test_evaluation_is_the_mean_of_whole_tracks(is_unidirectional: bool) -> None:
    network = OpenUnmixConfig(
        spectrogram=SIZES, hidden_size=8, is_unidirectional=is_unidirectional, num_input_bins=20
    )
    model = OpenUnmix(network, seed=1).eval()
    tracks = [track(20_001, 1), track(700, 2)]
    with torch.no_grad():
        found = make_task(model, validation=tracks).evaluate()
        errors = [
            functional.mse_loss(model(package_magnitude(mixture[None])), package_magnitude(target[None]))
            for mixture, target in (load() for load in tracks)
        ]
    assert set(found) == {"loss"}
    assert found["loss"] == pytest.approx((errors[0] + errors[1]).item() / 2, rel=1e-6)


def test_a_mono_model_is_evaluated_on_the_mean_of_the_magnitudes() -> None:
    mono = OpenUnmixConfig(spectrogram=SIZES, num_channels=1, hidden_size=8, num_input_bins=20)
    model, load = OpenUnmix(mono, seed=1).eval(), track(3000, 1)
    with torch.no_grad():
        found = make_task(model, validation=[load]).evaluate()["loss"]
        heard, wanted = (package_magnitude(audio[None]).mean(1, keepdim=True) for audio in load())
        assert found == pytest.approx(functional.mse_loss(model(heard), wanted).item(), rel=1e-6)


def test_evaluation_leaves_the_model_as_it_is(tmp_path: Path) -> None:
    task = make_task(validation=[track(900, 1)])
    result = train(task, config(2, evaluate_every_steps=1), workspace=tmp_path, identity="toy", seed=0)
    assert len(curve(result.curves, "evaluation/loss")) == 2
    plain = train(make_task(), config(2), workspace=tmp_path / "plain", identity="toy", seed=0)
    assert all(torch.equal(result.weights[name], plain.weights[name]) for name in plain.weights)


def test_evaluation_without_tracks_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no validation tracks"):
        make_task().evaluate()


@pytest.mark.parametrize(
    ("options", "parameter"),
    [
        ({"target_index": -1}, "target_index"),
        ({"chunks_per_epoch": 0, "batch_size": 4}, "chunks_per_epoch"),
        ({"chunks_per_epoch": 8}, "batch_size"),
        ({"chunks_per_epoch": 8, "batch_size": 0}, "batch_size"),
    ],
)
def test_impossible_numbers_are_refused(options: dict[str, Any], parameter: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make_task(**options)
    assert caught.value.parameter == parameter


def test_a_stem_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="0 to 1; found: 2"):
        make_task(target_index=2).losses(ToneExamples().batch(0), torch.Generator())


def test_other_channels_than_the_model_has_are_refused() -> None:
    with pytest.raises(StemMismatchError, match="2 channels"):
        make_task().losses(ToneExamples().batch(0)[:, :, :1], torch.Generator())
    with pytest.raises(StemMismatchError, match="2 channels"):
        make_task(validation=[track(900, 1, num_channels=1)]).evaluate()


def test_unequal_validation_audio_is_refused() -> None:
    with pytest.raises(StemMismatchError, match="validation track"):
        make_task(validation=[lambda: (torch.zeros(2, 900), torch.zeros(2, 899))]).evaluate()


def test_validation_audio_shorter_than_a_frame_is_refused() -> None:
    with pytest.raises(TooShortError):
        make_task(validation=[track(60, 1)]).evaluate()
