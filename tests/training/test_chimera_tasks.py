"""The trainings of the Chimera study: golden runs through the shared loop, freezing, silence and validation."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from sep_pipeline.errors import ConfigurationError, StemMismatchError
from sep_pipeline.losses.deep_clustering import deep_clustering_loss, dominant_source, magnitude_weights
from sep_pipeline.models.chimera import ChimeraConfig, ChimeraNet
from sep_pipeline.models.mask_spectrogram import magnitudes
from sep_pipeline.training.chimera_tasks import ChimeraTask
from sep_pipeline.training.clipping import AutoClip
from sep_pipeline.training.config import TrainingConfig
from sep_pipeline.training.loop import train
from sep_pipeline.training.result import TrainingResult

GOLDEN = Path(__file__).parents[1] / "golden" / "chimera_small"
SMALL = ChimeraConfig(
    num_sources=2,
    window_length=64,
    hop_length=16,
    hidden_size=12,
    num_layers=2,
    dropout=0.0,
    embedding_size=5,
)
# What the study trained with; the schedule needs evaluations.
RECIPE: dict[str, Any] = {
    "learning_rate": 1e-3,
    "optimizer": "adam",
    "warmup_steps": 0,
    "clip": "autoclip",
    "clip_percentile": 10.0,
    "ema_decay": None,
    "log_every_steps": 1,
}


class FixedBatches:
    """The given batches, over and over."""

    def __init__(self, *batches: Tensor) -> None:
        self._batches = batches

    @property
    def batches_per_epoch(self) -> int:
        return len(self._batches)

    def batch(self, step: int) -> Tensor:
        return self._batches[step % len(self._batches)]


@pytest.fixture(scope="module")
def chimera() -> dict[str, Tensor]:
    return load_file(GOLDEN.with_suffix(".safetensors"))


@pytest.fixture(scope="module")
def chimera_numbers() -> dict[str, Any]:
    numbers: dict[str, Any] = json.loads(GOLDEN.with_suffix(".json").read_text())
    return numbers


@pytest.fixture
def golden_network(chimera: dict[str, Tensor]) -> ChimeraNet:
    prefix = "state/"
    network = ChimeraNet(SMALL)
    network.load_state_dict(
        {name.removeprefix(prefix): tensor for name, tensor in chimera.items() if name.startswith(prefix)}
    )
    return network


@pytest.fixture
def golden_task(chimera: dict[str, Tensor], golden_network: ChimeraNet) -> Callable[..., ChimeraTask]:
    sources = FixedBatches(chimera["audio/sources"].unsqueeze(2))

    def make(**options: Any) -> ChimeraTask:
        return ChimeraTask(golden_network, sources, **options)

    return make


def _trained(task: ChimeraTask, folder: Path, num_steps: int, **changes: Any) -> TrainingResult:
    config = TrainingConfig(num_steps=num_steps, batch_size=3, **RECIPE | changes)
    return train(task, config, workspace=folder, identity="chimera", seed=0)


def _curve(result: TrainingResult, wanted: str) -> list[float]:
    rows = zip(result.curves["name"], result.curves["value"], strict=True)
    return [value for name, value in rows if name == wanted]


def _no_generator() -> torch.Generator:
    return torch.Generator()


RUNS = {
    "pretrain": {"objective": "deep_clustering"},
    "whole": {"objective": "whole"},
    "mask_weights_only": {"objective": "mask", "freeze": "weights_only"},
    "mask_frozen_eval": {"objective": "mask", "freeze": "strict"},
}


@pytest.mark.parametrize("name", RUNS)
def test_trainings_go_the_golden_way(
    name: str,
    chimera: dict[str, Tensor],
    chimera_numbers: dict[str, Any],
    golden_task: Callable[..., ChimeraTask],
    tmp_path: Path,
) -> None:
    golden = chimera_numbers[f"run_{name}"]
    task = golden_task(**RUNS[name])
    before = {entry: tensor.clone() for entry, tensor in task.module.state_dict().items()}
    result = _trained(task, tmp_path, len(golden["loss"]))
    norms = _curve(result, "gradient_norm")
    assert _curve(result, "loss") == pytest.approx(golden["loss"], rel=1e-5)
    assert norms == pytest.approx(golden["grad_norm"], rel=1e-4)

    clipping = AutoClip(10)
    factors, thresholds = [], []
    for norm in norms:
        factors.append(clipping.factor(norm))
        thresholds.append(clipping.threshold)
    assert thresholds == pytest.approx(golden["clip_value"], rel=1e-4)
    after = [norm * factor for norm, factor in zip(norms, factors, strict=True)]
    assert after == pytest.approx(golden["grad_norm_after"], rel=1e-4)

    prefix = f"run_{name}/final/"
    for entry in (entry for entry in chimera if entry.startswith(prefix)):
        found = result.weights[entry.removeprefix(prefix)]
        torch.testing.assert_close(found, chimera[entry], rtol=2e-4, atol=2e-5)
    changed = {entry for entry, tensor in before.items() if not torch.equal(tensor, result.weights[entry])}
    assert changed == set(golden["changed_state_entries"])


@pytest.mark.parametrize(
    ("term", "golden_term"), [("deep_clustering", "DeepClusteringLoss"), ("mask", "L1Loss")]
)
def test_terms_of_the_whole_loss_go_the_golden_way(
    term: str,
    golden_term: str,
    chimera_numbers: dict[str, Any],
    golden_task: Callable[..., ChimeraTask],
    tmp_path: Path,
) -> None:
    result = _trained(golden_task(objective="whole"), tmp_path, 8)
    assert _curve(result, term) == pytest.approx(chimera_numbers["run_whole"]["parts"][golden_term], rel=1e-5)


def test_first_gradient_equals_the_golden_one(
    chimera: dict[str, Tensor], chimera_numbers: dict[str, Any], golden_task: Callable[..., ChimeraTask]
) -> None:
    task = golden_task()
    task.module.train()
    losses = task.losses(task.batch(0), _no_generator())
    losses["loss"].backward()
    assert losses["loss"].item() == pytest.approx(
        chimera_numbers["train_forward"]["deep_clustering"], rel=2e-6
    )
    parameters = dict(task.module.named_parameters())
    for name in ("embedding.linear.bias", "normalization.batch_norm.weight"):
        torch.testing.assert_close(
            parameters[name].grad, chimera[f"train/grad_dc/{name}"], rtol=2e-3, atol=1e-7
        )
    assert parameters["mask.linear.weight"].grad is None


def test_loss_item_by_item_equals_that_of_the_whole_batch(
    chimera: dict[str, Tensor], golden_network: ChimeraNet, golden_task: Callable[..., ChimeraTask]
) -> None:
    task = golden_task()
    golden_network.eval()
    mixture, sources = magnitudes(task.batch(0), SMALL)
    embedding = golden_network.embed(golden_network.recurrent(mixture))
    expected = deep_clustering_loss(embedding, dominant_source(sources), magnitude_weights(mixture)).mean()
    wanted = torch.autograd.grad(expected, golden_network.embedding.linear.weight)[0]
    found = task.losses(task.batch(0), _no_generator())["loss"]
    found.backward()
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)
    torch.testing.assert_close(golden_network.embedding.linear.weight.grad, wanted, rtol=1e-4, atol=1e-8)


def test_whole_loss_in_evaluation_equals_the_golden_one(
    chimera: dict[str, Tensor], chimera_numbers: dict[str, Any], golden_task: Callable[..., ChimeraTask]
) -> None:
    task = golden_task(objective="whole", validation=FixedBatches(chimera["audio/sources"].unsqueeze(2)))
    task.module.eval()
    with torch.no_grad():
        found = task.evaluate()
    golden = chimera_numbers["loss_eval"]
    assert found == pytest.approx(
        {
            "loss": golden["whole_combined_alpha_0.01"],
            "deep_clustering": golden["deep_clustering"],
            "mask": golden["l1"],
            "silent_share": 0,
        },
        rel=2e-6,
    )


def test_evaluation_is_the_mean_over_all_validation_batches(
    chimera: dict[str, Tensor], golden_task: Callable[..., ChimeraTask]
) -> None:
    items = chimera["audio/sources"].unsqueeze(2).split(1)
    one_by_one = [golden_task(validation=FixedBatches(item)) for item in items]
    together = golden_task(validation=FixedBatches(*items))
    together.module.eval()
    with torch.no_grad():
        expected = sum(task.evaluate()["loss"] for task in one_by_one) / 3
        assert together.evaluate()["loss"] == pytest.approx(expected, rel=1e-6)


def test_followed_figures_stand_beside_the_loss(
    chimera: dict[str, Tensor], golden_task: Callable[..., ChimeraTask]
) -> None:
    followed: list[ChimeraNet] = []

    def follow(network: ChimeraNet) -> dict[str, float]:
        followed.append(network)
        return {"si_sdr": 3.5}

    validation = FixedBatches(chimera["audio/sources"].unsqueeze(2))
    plain = golden_task(validation=validation)
    task = golden_task(validation=validation, follow=follow)
    task.module.eval()
    with torch.no_grad():
        assert task.evaluate() == {**plain.evaluate(), "si_sdr": 3.5}
    assert followed == [task.module]


def test_followed_figures_stand_in_the_curves(
    chimera: dict[str, Tensor], golden_task: Callable[..., ChimeraTask], tmp_path: Path
) -> None:
    validation, values = FixedBatches(chimera["audio/sources"].unsqueeze(2)), iter([1.0, 2.0])
    task = golden_task(validation=validation, follow=lambda network: {"si_sdr": next(values)})
    result = _trained(task, tmp_path, 4, evaluate_every_steps=2)
    assert _curve(result, "evaluation/si_sdr") == [1.0, 2.0]


@pytest.mark.parametrize("num_stems", [2, 3, 4])
def test_pre_training_takes_any_number_of_sources(golden_network: ChimeraNet, num_stems: int) -> None:
    audio = 0.1 * torch.randn(2, num_stems, 1, 300, generator=torch.Generator().manual_seed(0))
    task = ChimeraTask(golden_network, FixedBatches(audio))
    assert 0 < task.losses(task.batch(0), _no_generator())["loss"].item() < 1


@pytest.mark.parametrize("shape", [(2, 3, 1, 300), (2, 2, 2, 300)])
def test_sources_that_do_not_fit_the_masks_are_refused(
    golden_network: ChimeraNet, shape: tuple[int, ...]
) -> None:
    task = ChimeraTask(golden_network, FixedBatches(torch.zeros(shape)), objective="mask")
    with pytest.raises(StemMismatchError, match="2 stems, 1 channel"):
        task.losses(task.batch(0), _no_generator())


@pytest.mark.parametrize("objective", ["deep_clustering", "whole", "mask"])
def test_silence_has_no_loss_and_no_gradient(golden_network: ChimeraNet, objective: Any) -> None:
    task = ChimeraTask(golden_network, FixedBatches(torch.zeros(2, 2, 1, 300)), objective=objective)
    golden_network.train()
    losses = task.losses(task.batch(0), _no_generator())
    losses["loss"].backward()
    assert losses["loss"].item() == 0
    assert losses["silent_share"].item() == 1
    gradients = [parameter.grad for parameter in golden_network.parameters() if parameter.grad is not None]
    assert gradients
    assert not any(bool(gradient.any()) for gradient in gradients)


def test_a_silent_item_is_counted_and_hurts_nobody(golden_network: ChimeraNet) -> None:
    audio = 0.1 * torch.randn(2, 2, 1, 300, generator=torch.Generator().manual_seed(0))
    audio[1] = 0
    golden_network.eval()
    both = ChimeraTask(golden_network, FixedBatches(audio))
    alone = ChimeraTask(golden_network, FixedBatches(audio[:1]))
    found = both.losses(audio, _no_generator())
    expected = alone.losses(audio[:1], _no_generator())["loss"].item()
    assert found["silent_share"].item() == 0.5
    assert found["loss"].item() == pytest.approx(expected / 2, rel=1e-6)


def test_training_on_silence_goes_on(golden_network: ChimeraNet, tmp_path: Path) -> None:
    task = ChimeraTask(golden_network, FixedBatches(torch.zeros(2, 2, 1, 300)), objective="whole")
    result = _trained(task, tmp_path, 3)
    assert all(bool(tensor.isfinite().all()) for tensor in result.weights.values())


def test_the_rate_halves_at_the_sixth_check_without_improvement(
    golden_network: ChimeraNet, tmp_path: Path
) -> None:
    silence = FixedBatches(torch.zeros(1, 2, 1, 64))
    task = ChimeraTask(golden_network, silence, validation=silence)
    result = _trained(
        task,
        tmp_path,
        17,
        schedule="plateau",
        plateau_factor=0.5,
        plateau_patience=5,
        evaluate_every_steps=2,
        should_keep_best=True,
    )
    assert _curve(result, "learning_rate") == [1e-3] * 14 + [5e-4] * 3


def test_strict_freezing_outlasts_evaluations(
    chimera: dict[str, Tensor], golden_task: Callable[..., ChimeraTask], tmp_path: Path
) -> None:
    sources = chimera["audio/sources"].unsqueeze(2)
    task = golden_task(objective="mask", freeze="strict", validation=FixedBatches(sources))
    before = {name: tensor.clone() for name, tensor in task.module.state_dict().items()}
    result = _trained(task, tmp_path, 4, evaluate_every_steps=1)
    changed = [name for name, tensor in before.items() if not torch.equal(tensor, result.weights[name])]
    assert changed == ["mask.linear.weight", "mask.linear.bias"]
    assert _curve(result, "evaluation/loss")[:3] == pytest.approx(_curve(result, "loss")[1:], rel=1e-6)


def test_two_tones_are_told_apart_after_some_updates(tmp_path: Path) -> None:
    time = torch.arange(1200)
    tones = torch.stack([torch.sin(0.4 * time), torch.sin(1.6 * time)]).view(1, 2, 1, -1)
    task = ChimeraTask(ChimeraNet(SMALL, seed=1), FixedBatches(0.3 * tones), objective="whole")
    result = _trained(task, tmp_path, 60, learning_rate=0.02)
    clustering, mask = _curve(result, "deep_clustering"), _curve(result, "mask")
    assert clustering[-1] < 0.2 * clustering[0]
    assert mask[-1] < 0.3 * mask[0]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"objective": "pit"}, "objective"),
        ({"objective": "mask", "freeze": "half"}, "freeze"),
        ({"objective": "whole", "freeze": "strict"}, "objective"),
        ({"freeze": "weights_only"}, "objective"),
        ({"clustering_weight": 1.5}, "clustering_weight"),
    ],
)
def test_wrong_options_are_named(
    golden_task: Callable[..., ChimeraTask], options: dict[str, Any], named: str
) -> None:
    with pytest.raises(ConfigurationError, match=named):
        golden_task(**options)


def test_without_validation_there_is_nothing_to_evaluate(golden_task: Callable[..., ChimeraTask]) -> None:
    with pytest.raises(ConfigurationError, match="no validation"):
        golden_task().evaluate()
