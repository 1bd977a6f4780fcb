"""The waveform study's task: the mixture is the sum, context is cropped, learning, exact resumption."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from sep_pipeline.data.fixed_chunks import FixedChunks
from sep_pipeline.errors import ConfigurationError, StemMismatchError
from sep_pipeline.losses import Resolution, SourceLossConfig, source_losses, source_measures
from sep_pipeline.models.waveform import WaveNetConfig, WaveUNetConfig, build_network
from sep_pipeline.training.config import TrainingConfig
from sep_pipeline.training.loop import train
from sep_pipeline.training.waveform_task import WaveformTask

SIZES = Resolution(33, 8, 33)
WAVENET = WaveNetConfig(num_sources=2, num_stacks=1, num_blocks=3, num_filters=4, head_filters=(8, 4))
CONTEXT = WaveUNetConfig(num_sources=2, num_levels=2, num_filters=2, has_context=True)
TRAINING = TrainingConfig(
    num_steps=60,
    batch_size=3,
    learning_rate=1e-2,
    optimizer="adam",
    warmup_steps=0,
    clip="none",
    ema_decay=None,
    evaluate_every_steps=30,
    log_every_steps=1,
)


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


class _Tones:
    """Two sources that differ in pitch, of a phase of their own."""

    def __init__(self, num_samples=64):
        self._times = torch.arange(num_samples)

    def batch(self, step):
        generator = torch.Generator().manual_seed(step)
        phases = torch.rand(3, 2, 1, 1, generator=generator) * 6.28
        periods = torch.tensor([20.0, 5.0])[:, None, None]
        return 0.4 * torch.sin(6.2832 * self._times / periods + phases)


def _task(config=WAVENET, loss=None, chunks=None, **options):
    return WaveformTask(
        build_network(config),
        chunks or _Tones(),
        loss=loss or SourceLossConfig(),
        resolution=SIZES,
        validation=FixedChunks(_Tones().batch(1000), 2),
        **options,
    )


def test_the_loss_is_that_of_estimates_of_the_sum():
    task, sources = _task(), _Tones().batch(0)
    losses = task.losses(sources, torch.Generator())
    expected = source_losses(task.module(sources.sum(1)), sources, SourceLossConfig(), SIZES)
    assert torch.equal(losses["loss"], expected["loss"])


def test_with_context_the_middle_of_the_sources_is_the_target():
    wanted = 64
    num_samples = CONTEXT.input_samples(wanted)
    chunks = _Tones(num_samples)
    sources = chunks.batch(0)
    task = _task(CONTEXT, chunks=chunks)
    margin = CONTEXT.margin_samples
    estimates = task.module(sources.sum(1))
    expected = (estimates - sources[..., margin:-margin]).abs().mean()
    torch.testing.assert_close(task.losses(sources, torch.Generator())["loss"], expected)


def test_an_evaluation_is_the_mean_of_all_measures_over_all_batches():
    task = _task(loss=SourceLossConfig(waveform="mse"))
    held_out = _Tones().batch(1000)
    with torch.no_grad():
        found = task.evaluate()
        parts = [
            source_measures(task.module(part.sum(1)), part, SIZES) for part in (held_out[:2], held_out[2:])
        ]
    expected = {name: (float(parts[0][name]) + float(parts[1][name])) / 2 for name in parts[0]}
    assert found == pytest.approx(expected | {"loss": expected["mse"]})


@pytest.mark.parametrize(
    "loss",
    [
        SourceLossConfig(waveform="mse"),
        SourceLossConfig(),
        SourceLossConfig(spectrogram_weight=0.0002),
        SourceLossConfig(difference_weight=0.1),
    ],
)
def test_every_loss_learns_to_tell_tones_apart(tmp_path, loss):
    result = train(_task(loss=loss), TRAINING, workspace=tmp_path, identity="tones", seed=0)
    rows = zip(result.curves["step"], result.curves["name"], result.curves["value"], strict=True)
    held_out = {step: value for step, name, value in rows if name == "evaluation/mae"}
    silence = _Tones().batch(1000).abs().mean().item()
    assert held_out[60] < 0.75 * silence
    assert held_out[60] < held_out[30]


def test_a_killed_training_ends_like_an_unbroken_one(tmp_path):
    unbroken = train(_task(), TRAINING, workspace=tmp_path / "a", identity="tones", seed=0)

    class _Broken(_Tones):
        def batch(self, step):
            if step == 40:
                raise KeyboardInterrupt
            return super().batch(step)

    config = dataclasses.replace(TRAINING, checkpoint_every_steps=20)
    with pytest.raises(KeyboardInterrupt):
        train(_task(chunks=_Broken()), config, workspace=tmp_path / "b", identity="tones", seed=0)
    resumed = train(_task(), config, workspace=tmp_path / "b", identity="tones", seed=0)
    assert all(torch.equal(resumed.weights[name], unbroken.weights[name]) for name in unbroken.weights)
    assert resumed.curves == unbroken.curves


def test_the_progress_line_has_the_note_of_the_examples(tmp_path, caplog: pytest.LogCaptureFixture) -> None:
    config = dataclasses.replace(TRAINING, num_steps=1, evaluate_every_steps=None)
    with caplog.at_level("INFO"):
        train(
            _task(note=lambda: "pool 3/4"),
            config,
            workspace=tmp_path,
            identity="noted",
            seed=0,
            description="toy",
        )
    assert any(line.startswith("toy [") and line.endswith("; pool 3/4") for line in caplog.messages)


def test_other_sources_are_refused():
    with pytest.raises(StemMismatchError, match="2 stems"):
        _task().losses(torch.zeros(1, 3, 1, 64), torch.Generator())


def test_without_validation_there_is_nothing_to_evaluate():
    task = WaveformTask(
        build_network(WAVENET), _Tones(), loss=SourceLossConfig(), resolution=SIZES, validation=None
    )
    with pytest.raises(ConfigurationError, match="no validation chunks"):
        task.evaluate()


def test_fixed_chunks_come_round_again():
    chunks = FixedChunks(torch.arange(5.0).view(5, 1, 1, 1), 2)
    assert [chunks.batch(step).flatten().tolist() for step in range(4)] == [[0, 1], [2, 3], [4], [0, 1]]
