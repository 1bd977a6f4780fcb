"""The trainings of the contrastive study: golden steps through the shared loop, terms, evaluation, resumption."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from sep_pipeline.errors import ConfigurationError, StemMismatchError
from sep_pipeline.losses.triplet import supervised_contrastive_loss
from sep_pipeline.models.deep_demix import (
    BaselineConfig,
    BaselineNetwork,
    DeepDemix,
    DeepDemixConfig,
    EmbeddingMaskNetwork,
    Encoder,
    EncoderConfig,
    MaskNetworkConfig,
)
from sep_pipeline.models.mask_spectrogram import stem_magnitudes
from sep_pipeline.training import deep_demix_tasks
from sep_pipeline.training.config import TrainingConfig
from sep_pipeline.training.deep_demix_tasks import MaskTask, TripletTask
from sep_pipeline.training.loop import train
from sep_pipeline.training.result import TrainingResult

GOLDEN = Path(__file__).parents[1] / "golden" / "contrastive_demix_small"
ENCODER = EncoderConfig(
    segment_samples=624,
    window_length=64,
    hop_length=16,
    channels=(3, 4, 5, 6),
    pools=((4, 2), (3, 2)),
    hidden_sizes=(20, 12),
    embedding_size=10,
    dropout=0.0,
)
AUTOENCODER = DeepDemixConfig(
    num_sources=4,
    encoder=ENCODER,
    decoder_grid=(4, 4),
    decoder_channels=(6, 5),
    decoder_kernels=((3, 3), (4, 8), (3, 3)),
)
BASELINE = BaselineConfig(num_sources=4, window_length=64, hop_length=16, hidden_size=6)
# What the study trained with.
RECIPE: dict[str, Any] = {
    "learning_rate": 1e-3,
    "optimizer": "adam",
    "warmup_steps": 0,
    "clip": "none",
    "ema_decay": None,
    "log_every_steps": 1,
}


class FixedBatches:
    """The given batches, over and over; the labels of a triplet are 0, 0 and 1."""

    def __init__(self, *batches: Tensor) -> None:
        self._batches = batches

    @property
    def batches_per_epoch(self) -> int:
        return len(self._batches)

    def batch(self, step: int) -> Tensor:
        return self._batches[step % len(self._batches)]

    def labels(self, step: int) -> Tensor:
        return torch.tensor([[0, 0, 1]]).repeat(len(self.batch(step)), 1)


def _noise(*shape: int, seed: int = 0) -> Tensor:
    return 0.1 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def golden() -> dict[str, Tensor]:
    return load_file(GOLDEN.with_suffix(".safetensors"))


@pytest.fixture(scope="module")
def numbers() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(GOLDEN.with_suffix(".json").read_text())
    return content


def _state(golden: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    prefix = f"{name}.state."
    return {key.removeprefix(prefix): golden[key] for key in golden if key.startswith(prefix)}


@pytest.fixture
def encoder(golden: dict[str, Tensor]) -> Encoder:
    network = Encoder(ENCODER)
    network.load_state_dict(_state(golden, "encoder"))
    return network


@pytest.fixture
def autoencoder(golden: dict[str, Tensor]) -> DeepDemix:
    network = DeepDemix(AUTOENCODER)
    network.encoder.load_state_dict(_state(golden, "encoder"))
    network.decoder.load_state_dict(_state(golden, "decoder"))
    return network


@pytest.fixture
def golden_triplets(golden: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch) -> FixedBatches:
    """Batches of golden magnitudes, anchor, positive and negative, which the task takes as they are."""
    monkeypatch.setattr(deep_demix_tasks, "stem_magnitudes", lambda batch, sizes: batch)
    return FixedBatches(golden["encoder.in"].permute(0, 4, 3, 1, 2)[:, [0, 2, 1]])


@pytest.fixture
def golden_mixtures(golden: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch) -> FixedBatches:
    """A batch that stands for golden magnitudes, whose mixture is not the sum of the sources."""
    mixture = golden["autoencoder.in"].permute(0, 3, 1, 2)
    sources = golden["autoencoder.target"].permute(0, 4, 3, 1, 2)
    monkeypatch.setattr(deep_demix_tasks, "magnitudes", lambda batch, sizes: (mixture, sources))
    return FixedBatches(torch.zeros(2, 4, 1, 624))


def _trained(task: Any, folder: Path, num_steps: int, **changes: Any) -> TrainingResult:
    config = TrainingConfig(num_steps=num_steps, batch_size=2, **RECIPE | changes)
    return train(task, config, workspace=folder, identity="deep_demix", seed=0)


def _curve(result: TrainingResult, wanted: str) -> list[float]:
    rows = zip(result.curves["name"], result.curves["value"], strict=True)
    return [value for name, value in rows if name == wanted]


def _losses(task: Any) -> dict[str, float]:
    found = task.losses(task.batch(0), torch.Generator())
    return {name: value.item() for name, value in found.items()}


def _evaluated(task: Any) -> dict[str, float]:
    task.module.eval()
    with torch.no_grad():
        return dict(task.evaluate())


def test_a_pre_training_step_goes_the_golden_way(
    golden: dict[str, Tensor],
    numbers: dict[str, Any],
    encoder: Encoder,
    golden_triplets: FixedBatches,
    tmp_path: Path,
) -> None:
    result = _trained(TripletTask(encoder, golden_triplets), tmp_path, 1)
    expected = numbers["encoder"]
    assert _curve(result, "loss")[0] == pytest.approx(expected["train_triplet_loss_dropout_off"], abs=1e-6)
    norm = math.hypot(*expected["gradient_norms"].values())
    assert _curve(result, "gradient_norm")[0] == pytest.approx(norm, rel=1e-5)
    prefix = "encoder.train.after_step."
    names = [name.removeprefix(prefix) for name in golden if name.startswith(prefix)]
    assert len(names) == 2
    for name in names:
        torch.testing.assert_close(result.weights[name], golden[prefix + name], rtol=0, atol=1e-6)


def test_gradients_of_pre_training_equal_the_golden_ones(
    golden: dict[str, Tensor], numbers: dict[str, Any], encoder: Encoder, golden_triplets: FixedBatches
) -> None:
    task = TripletTask(encoder, golden_triplets)
    task.losses(task.batch(0), torch.Generator())["loss"].backward()
    parameters = dict(encoder.named_parameters())
    found = {name: float(torch.linalg.vector_norm(parameter.grad)) for name, parameter in parameters.items()}
    # Shared by all roles, the last biases have no gradient but rounding.
    assert found == pytest.approx(numbers["encoder"]["gradient_norms"], rel=1e-5, abs=1e-6)
    prefix = "encoder.train.grad."
    for name in (name.removeprefix(prefix) for name in golden if name.startswith(prefix)):
        torch.testing.assert_close(parameters[name].grad, golden[prefix + name], rtol=0, atol=1e-6)


def test_terms_tell_the_roles_apart(
    golden: dict[str, Tensor], encoder: Encoder, golden_triplets: FixedBatches
) -> None:
    encoder.eval()
    found = _losses(TripletTask(encoder, golden_triplets, margin=2.0))
    anchor, negative, positive = golden["encoder.eval.out"].unbind(1)
    near, far = ((anchor - other + 1e-6).norm(dim=1) for other in (positive, negative))
    assert found["triplet_loss"] == pytest.approx((near - far + 2).clamp_min(0).mean().item(), abs=1e-6)
    assert found["loss"] == found["triplet_loss"]
    assert found["accuracy"] == (near < far).float().mean().item()
    norm = golden["encoder.eval.out"].norm(dim=2).mean().item()
    assert found["embedding_norm"] == pytest.approx(norm, rel=1e-5)


def test_the_supervised_objective_takes_all_excerpts_of_the_batch(encoder: Encoder) -> None:
    audio = _noise(3, 3, 1, 624)
    encoder.eval()
    found = _losses(
        TripletTask(encoder, FixedBatches(audio), objective="supervised_contrastive", temperature=0.3)
    )
    embeddings = encoder(stem_magnitudes(audio, ENCODER)).flatten(0, 1)
    expected = supervised_contrastive_loss(embeddings, torch.tensor([0, 0, 1] * 3), temperature=0.3)
    assert found["loss"] == pytest.approx(expected.item(), rel=1e-6)
    assert found["triplet_loss"] == _losses(TripletTask(encoder, FixedBatches(audio)))["triplet_loss"]


def test_only_the_loss_has_a_gradient(encoder: Encoder) -> None:
    task = TripletTask(encoder, FixedBatches(_noise(2, 3, 1, 624)))
    found = task.losses(task.batch(0), torch.Generator())
    assert [name for name, value in found.items() if value.requires_grad] == ["loss"]


def test_evaluation_is_the_mean_over_all_validation_triplets(encoder: Encoder) -> None:
    items = _noise(4, 3, 1, 624).split(2)
    apart = [
        _evaluated(TripletTask(encoder, FixedBatches(item), validation=FixedBatches(item))) for item in items
    ]
    found = _evaluated(TripletTask(encoder, FixedBatches(items[0]), validation=FixedBatches(*items)))
    assert found.keys() == {"loss", "triplet_loss", "accuracy", "embedding_norm"}
    assert found == pytest.approx({name: (apart[0][name] + apart[1][name]) / 2 for name in found}, rel=1e-6)


def test_dropout_is_off_in_evaluation() -> None:
    network = Encoder(dataclasses.replace(ENCODER, dropout=0.5))
    audio = FixedBatches(_noise(2, 3, 1, 624))
    task = TripletTask(network, audio, validation=audio)
    assert _evaluated(task) == _evaluated(task)
    network.train()
    assert _losses(task)["embedding_norm"] != _losses(task)["embedding_norm"]


@pytest.mark.parametrize(
    # Eight and four equal embeddings of the two labels have a supervised loss of 1.664.
    ("objective", "first", "last"),
    [("triplet", 1.0, 0.5), ("supervised_contrastive", 2.398, 1.68)],
)
def test_tones_of_two_pitches_are_told_apart_after_some_updates(
    objective: Any, first: float, last: float, tmp_path: Path
) -> None:
    tones = torch.sin(torch.tensor([0.3, 0.35, 1.5])[:, None] * torch.arange(624)).view(1, 3, 1, -1)
    batches = FixedBatches(0.3 * tones + _noise(4, 3, 1, 624))
    task = TripletTask(Encoder(ENCODER, seed=2), batches, objective=objective, validation=batches)
    result = _trained(task, tmp_path, 25, evaluate_every_steps=25, learning_rate=3e-3)
    losses = _curve(result, "loss")
    assert losses[0] == pytest.approx(first, abs=0.01)
    assert losses[-1] < last
    assert _curve(result, "evaluation/accuracy") == [1.0]


def test_a_pre_training_goes_on_exactly_where_it_stopped(tmp_path: Path) -> None:
    batches = FixedBatches(*(_noise(2, 3, 1, 624, seed=seed) for seed in range(3)))

    class Stops(FixedBatches):
        def batch(self, step: int) -> Tensor:
            if step == 3:
                raise KeyboardInterrupt
            return super().batch(step)

    def task(examples: FixedBatches) -> TripletTask:
        return TripletTask(Encoder(dataclasses.replace(ENCODER, dropout=0.5), seed=1), examples)

    whole = _trained(task(batches), tmp_path / "whole", 4)
    with pytest.raises(KeyboardInterrupt):
        _trained(task(Stops(*batches._batches)), tmp_path / "cut", 4, checkpoint_every_steps=1)
    resumed = _trained(task(batches), tmp_path / "cut", 4)
    assert all(torch.equal(tensor, resumed.weights[name]) for name, tensor in whole.weights.items())
    assert _curve(resumed, "loss") == _curve(whole, "loss")


def test_a_separation_step_goes_the_golden_way(
    golden: dict[str, Tensor],
    numbers: dict[str, Any],
    autoencoder: DeepDemix,
    golden_mixtures: FixedBatches,
    tmp_path: Path,
) -> None:
    result = _trained(MaskTask(autoencoder, golden_mixtures), tmp_path, 1)
    expected = numbers["autoencoder"]
    assert _curve(result, "loss")[0] == pytest.approx(expected["train_l1_dropout_off"], abs=1e-8)
    norm = math.hypot(*expected["gradient_norms"].values())
    assert _curve(result, "gradient_norm")[0] == pytest.approx(norm, rel=1e-4)
    prefix = "autoencoder.train.after_step."
    for name in (name.removeprefix(prefix) for name in golden if name.startswith(prefix)):
        torch.testing.assert_close(result.weights[name], golden[prefix + name], rtol=0, atol=1e-6)


def test_one_stem_for_all_masks_has_the_golden_loss(
    numbers: dict[str, Any], autoencoder: DeepDemix, golden_mixtures: FixedBatches
) -> None:
    found = _losses(MaskTask(autoencoder, golden_mixtures, only_stem=3))
    expected = numbers["autoencoder"]["eval_l1_if_only_last_source_is_the_target_and_broadcast"]
    assert found["loss"] == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(
    "make",
    [
        lambda: BaselineNetwork(BASELINE),
        lambda: DeepDemix(AUTOENCODER),
        lambda: EmbeddingMaskNetwork(MaskNetworkConfig(num_sources=4, encoder=ENCODER)),
    ],
)
def test_the_loss_of_audio_is_that_of_masked_magnitudes(make: Callable[[], Any]) -> None:
    network, audio = make().eval(), _noise(2, 4, 1, 624)
    separate = stem_magnitudes(audio, network.config)
    joined = stem_magnitudes(audio.sum(dim=1, keepdim=True), network.config)[:, 0]
    with torch.no_grad():
        expected = (network(joined) * joined[:, None] - separate).abs().mean().item()
    assert _losses(MaskTask(network, FixedBatches(audio)))["loss"] == pytest.approx(expected, rel=1e-5)


def test_a_network_of_one_mask_learns_one_of_many_stems() -> None:
    network = BaselineNetwork(dataclasses.replace(BASELINE, num_sources=1)).eval()
    audio = _noise(2, 4, 1, 700)
    found = _losses(MaskTask(network, FixedBatches(audio), only_stem=2))["loss"]
    joined = stem_magnitudes(audio.sum(dim=1, keepdim=True), BASELINE)[:, 0]
    with torch.no_grad():
        estimate = network(joined) * joined[:, None]
    wanted = stem_magnitudes(audio[:, 2:3], BASELINE)
    assert found == pytest.approx((estimate - wanted).abs().mean().item(), rel=1e-5)


def test_evaluation_is_the_mean_over_all_validation_mixtures() -> None:
    network, items = BaselineNetwork(BASELINE), _noise(4, 4, 1, 300).split(2)
    apart = [
        _evaluated(MaskTask(network, FixedBatches(item), validation=FixedBatches(item))) for item in items
    ]
    found = _evaluated(MaskTask(network, FixedBatches(items[0]), validation=FixedBatches(*items)))
    assert found == pytest.approx({"loss": (apart[0]["loss"] + apart[1]["loss"]) / 2}, rel=1e-6)


def test_followed_figures_stand_beside_the_loss() -> None:
    audio = FixedBatches(_noise(2, 4, 1, 300))
    network = BaselineNetwork(BASELINE)
    task = MaskTask(network, audio, validation=audio, follow=lambda found: {"same": float(found is network)})
    assert _evaluated(task)["same"] == 1.0


def test_evaluation_leaves_the_statistics_of_the_baseline(tmp_path: Path) -> None:
    audio = FixedBatches(_noise(2, 4, 1, 300))
    plain = _trained(MaskTask(BaselineNetwork(BASELINE), audio), tmp_path / "plain", 3)
    task = MaskTask(BaselineNetwork(BASELINE), audio, validation=FixedBatches(_noise(2, 4, 1, 300, seed=1)))
    evaluated = _trained(task, tmp_path / "evaluated", 3, evaluate_every_steps=1)
    assert all(torch.equal(tensor, evaluated.weights[name]) for name, tensor in plain.weights.items())


def test_encoder_and_decoder_learn_together(tmp_path: Path) -> None:
    network = DeepDemix(AUTOENCODER, seed=3)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    result = _trained(MaskTask(network, FixedBatches(_noise(2, 4, 1, 624))), tmp_path, 2)
    assert not any(torch.equal(tensor, result.weights[name]) for name, tensor in before.items())


@pytest.mark.parametrize(
    ("shape", "only_stem", "named"),
    [
        ((2, 3, 1, 624), None, "4 stems, 1 channel"),
        ((2, 4, 2, 624), None, "4 stems, 1 channel"),
        ((2, 3, 1, 624), 3, "more than 3 stems"),
        ((2, 4, 1, 640), None, "40 frames"),
    ],
)
def test_sources_that_do_not_fit_are_refused(
    autoencoder: DeepDemix, shape: tuple[int, ...], only_stem: int | None, named: str
) -> None:
    task = MaskTask(autoencoder, FixedBatches(torch.zeros(shape)), only_stem=only_stem)
    with pytest.raises(StemMismatchError, match=named):
        _losses(task)


@pytest.mark.parametrize("shape", [(2, 3, 1, 640), (2, 3, 2, 624)])
def test_triplets_that_do_not_fit_are_refused(encoder: Encoder, shape: tuple[int, ...]) -> None:
    with pytest.raises(StemMismatchError, match="40 frames"):
        _losses(TripletTask(encoder, FixedBatches(torch.zeros(shape))))


def test_wrong_options_are_named(encoder: Encoder, autoencoder: DeepDemix) -> None:
    batches: Any = FixedBatches(torch.zeros(1, 3, 1, 624))
    objective: Any = "cosine"
    with pytest.raises(ConfigurationError, match="objective"):
        TripletTask(encoder, batches, objective=objective)
    with pytest.raises(ConfigurationError, match="only_stem"):
        MaskTask(autoencoder, batches, only_stem=-1)
    with pytest.raises(ConfigurationError, match="margin"):
        _losses(TripletTask(encoder, batches, margin=0.0))


def test_without_validation_there_is_nothing_to_evaluate(encoder: Encoder, autoencoder: DeepDemix) -> None:
    batches = FixedBatches(torch.zeros(1, 3, 1, 624))
    with pytest.raises(ConfigurationError, match="no validation triplets"):
        TripletTask(encoder, batches).evaluate()
    with pytest.raises(ConfigurationError, match="no validation mixtures"):
        MaskTask(autoencoder, batches).evaluate()
