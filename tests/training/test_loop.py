"""The training loop."""

import errno
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sep_pipeline.errors import (
    ConfigurationError,
    MissingCheckpointError,
    NonFiniteLossError,
    StorageError,
    TruncatedCheckpointError,
)
from sep_pipeline.training import checkpoint
from sep_pipeline.training.callback import NullCallback, Status
from sep_pipeline.training.config import TrainingConfig
from sep_pipeline.training.loop import train
from sep_pipeline.training.result import TrainingResult

MakeConfig = Callable[..., TrainingConfig]


class InterruptedTrainingError(Exception):
    """Stands for whatever ends a process."""


class Recorder(NullCallback):
    """Keeps what it hears and can interrupt the training."""

    def __init__(
        self, interrupt_at: int | None = None, error: type[BaseException] = InterruptedTrainingError
    ) -> None:
        self.scalars: dict[int, Mapping[str, float]] = {}
        self.evaluations: dict[int, Mapping[str, float]] = {}
        self.statuses: list[Status] = []
        self.checkpoints: list[int] = []
        self._interrupt_at, self._error = interrupt_at, error

    def on_scalars(self, step: int, scalars: Mapping[str, float]) -> None:
        self.scalars[step] = dict(scalars)
        if step == self._interrupt_at:
            raise self._error

    def on_evaluation(self, step: int, scalars: Mapping[str, float]) -> None:
        self.evaluations[step] = dict(scalars)

    def on_checkpoint(self, step: int) -> None:
        self.checkpoints.append(step)

    def on_end(self, status: Status) -> None:
        self.statuses.append(status)


def run(task: Any, config: TrainingConfig, workspace: Path, **options: Any) -> TrainingResult:
    return train(task, config, **{"workspace": workspace, "identity": "toy", "seed": 3} | options)


def assert_same(first: TrainingResult, second: TrainingResult) -> None:
    assert first.num_steps == second.num_steps
    assert first.curves == second.curves
    assert_same_weights(first.weights, second.weights)
    assert first.snapshots.keys() == second.snapshots.keys()
    for step in first.snapshots:
        assert_same_weights(first.snapshots[step], second.snapshots[step])


def assert_same_weights(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> None:
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def values_of(result: TrainingResult, name: str) -> list[float]:
    rows = zip(result.curves["name"], result.curves["value"], strict=True)
    return [float(value) for row_name, value in rows if row_name == name]


def test_one_batch_is_learnt_by_heart(toy_task: Any, make_config: MakeConfig, tmp_path: Path) -> None:
    task = toy_task()
    task.module = nn.Linear(6, 6)
    fixed = task.batch(0)
    task.batch = lambda _step: fixed
    task.losses = lambda batch, _generator: {"loss": (task.module(batch) - batch).square().mean()}
    config = make_config(
        num_steps=400, clip="none", schedule="constant", evaluate_every_steps=None, ema_decay=None
    )
    losses = values_of(run(task, config, tmp_path), "loss")
    assert losses[-1] < 0.02 * losses[0]


@pytest.mark.parametrize("optimizer", ["jukebox_adam", "adam"])
@pytest.mark.parametrize("stops", [(1,), (3,), (4, 5, 17), (20,)])
def test_a_resumed_training_equals_an_unbroken_one_to_the_bit(
    toy_task: Any, make_config: MakeConfig, tmp_path: Path, optimizer: str, stops: tuple[int, ...]
) -> None:
    config = make_config(optimizer=optimizer, snapshot_steps=(0, 7, 20), should_keep_best=True)
    unbroken = run(toy_task(), config, tmp_path / "unbroken")
    for stop in stops:
        with pytest.raises(InterruptedTrainingError):
            run(toy_task(), config, tmp_path / "broken", callbacks=[Recorder(stop)])
    assert_same(run(toy_task(), config, tmp_path / "broken"), unbroken)


def test_a_resumed_training_starts_from_the_last_checkpoint(
    toy_task: Any, make_config: MakeConfig, tmp_path: Path
) -> None:
    with pytest.raises(InterruptedTrainingError):
        run(toy_task(), make_config(), tmp_path, callbacks=[Recorder(8)])
    recorder = Recorder()
    run(toy_task(), make_config(), tmp_path, callbacks=[recorder])
    assert min(recorder.scalars) == 7


def test_the_time_of_checkpoints_does_not_change_the_result(
    toy_task: Any, make_config: MakeConfig, tmp_path: Path
) -> None:
    rarely = run(toy_task(), make_config(checkpoint_every_steps=None), tmp_path / "rarely")
    always = make_config(checkpoint_every_steps=None, checkpoint_every_seconds=1e-9)
    assert_same(run(toy_task(), always, tmp_path / "always"), rarely)


def test_checkpoints_are_announced(toy_task: Any, make_config: MakeConfig, tmp_path: Path) -> None:
    recorder = Recorder()
    config = make_config(checkpoint_every_steps=4, checkpoint_every_seconds=None)
    run(toy_task(), config, tmp_path, callbacks=[recorder])
    assert recorder.checkpoints == sorted({*range(4, config.num_steps, 4), config.num_steps})


def test_loading_ahead_does_not_change_the_result(
    toy_task: Any, make_config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = run(toy_task(), make_config(), tmp_path / "ahead")

    class OneByOne:
        def __init__(self, load: Callable[[int], Any], steps: range) -> None:
            self._batches = ((step, load(step)) for step in steps)

        def __enter__(self) -> Any:
            return self._batches

        def __exit__(self, *error: object) -> None:
            pass

    monkeypatch.setattr("sep_pipeline.training.loop.prefetched", OneByOne)
    assert_same(run(toy_task(), make_config(), tmp_path / "one_by_one"), ahead)


def test_a_finished_training_gives_its_stored_result_without_training(
    toy_task: Any, make_config: MakeConfig, tmp_path: Path
) -> None:
    config = make_config(snapshot_steps=(5,))
    first = run(toy_task(), config, tmp_path)
    task, recorder = toy_task(), Recorder()
    again = run(task, config, tmp_path, callbacks=[recorder])
    assert_same(again, first)
    assert again.seconds == first.seconds
    assert task.num_loaded == 0
    assert (recorder.scalars, recorder.statuses) == ({}, ["finished"])
    assert_same_weights(task.module.state_dict(), first.weights)


@pytest.mark.parametrize("change", [{"identity": "other"}, {"seed": 4}])
def test_another_identity_or_seed_trains_anew(
    toy_task: Any, make_config: MakeConfig, tmp_path: Path, change: dict[str, Any]
) -> None:
    run(toy_task(), make_config(num_steps=4), tmp_path)
    task = toy_task()
    changed = run(task, make_config(num_steps=4), tmp_path, **change)
    assert task.num_loaded == 4
    assert_same(changed, run(toy_task(), make_config(num_steps=4), tmp_path / "new", **change))


def test_the_seed_decides_what_is_random(toy_task: Any, make_config: MakeConfig, tmp_path: Path) -> None:
    first = run(toy_task(), make_config(), tmp_path / "3")
    second = run(toy_task(), make_config(), tmp_path / "4", seed=4)
    assert first.curves != second.curves


def test_the_global_generator_is_given_back(toy_task: Any, make_config: MakeConfig, tmp_path: Path) -> None:
    task = toy_task()
    before = torch.random.get_rng_state()
    run(task, make_config(), tmp_path)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_subnormal_numbers_count_as_zero(toy_task: Any, make_config: MakeConfig, tmp_path: Path) -> None:
    run(toy_task(), make_config(num_steps=1), tmp_path)
    assert not (torch.full((4,), 1e-30) * 1e-12).any()


def test_no_steps_give_the_initial_weights_back(
    toy_task: Any, make_config: MakeConfig, tmp_path: Path
) -> None:
    result = run(toy_task(), make_config(num_steps=0, snapshot_steps=(0,)), tmp_path)
    assert result.num_steps == 0
    assert_same_weights(result.weights, toy_task().module.state_dict())
    assert_same_weights(result.snapshots[0], result.weights)


def test_snapshots_are_the_weights_a_shorter_training_gives(
    toy_task: Any, make_config: MakeConfig, tmp_path: Path
) -> None:
    long = run(toy_task(), make_config(snapshot_steps=(6, 20)), tmp_path / "long")
    short = run(toy_task(), make_config(num_steps=6), tmp_path / "short")
    assert_same_weights(long.snapshots[6], short.weights)
    assert_same_weights(long.snapshots[20], long.weights)


def test_lost_snapshots_are_named(toy_task: Any, make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(snapshot_steps=(6,))
    run(toy_task(), config, tmp_path)
    (tmp_path / "snapshot_6.safetensors").unlink()
    with pytest.raises(MissingCheckpointError, match=r"snapshot_6\.safetensors"):
        run(toy_task(), config, tmp_path)


def test_averages_are_evaluated_and_given_back_with_live_buffers(
    toy_task: Any, make_config: MakeConfig, tmp_path: Path
) -> None:
    live_task, task = toy_task(), toy_task()
    settings = {"schedule": "constant", "evaluate_every_steps": 20}
    live = run(live_task, make_config(ema_decay=None, **settings), tmp_path / "live")
    averaged = run(task, make_config(ema_decay=0.9, **settings), tmp_path / "averaged")
    assert values_of(live, "loss") == values_of(averaged, "loss")
    assert torch.equal(live.weights["1.running_mean"], averaged.weights["1.running_mean"])
    assert not torch.equal(live.weights["0.weight"], averaged.weights["0.weight"])
    task.module.eval()
    assert values_of(averaged, "evaluation/loss") == [pytest.approx(task.evaluate()["loss"], rel=1e-6)]


def test_parameters_that_need_no_gradient_stay(
    toy_task: Any, make_config: MakeConfig, tmp_path: Path
) -> None:
    task = toy_task()
    task.module[0].requires_grad_(False)
    before = task.module[0].weight.clone()
    result = run(task, make_config(), tmp_path)
    assert torch.equal(result.weights["0.weight"], before)
    assert not torch.equal(result.weights["3.weight"], toy_task().module[3].weight)


def test_callbacks_hear_scalars_evaluations_and_the_end(
    toy_task: Any, make_config: MakeConfig, tmp_path: Path
) -> None:
    recorder = Recorder()
    run(toy_task(), make_config(log_every_steps=6, evaluate_every_steps=8), tmp_path, callbacks=[recorder])
    assert list(recorder.scalars) == [6, 12, 18, 20]
    assert set(recorder.scalars[6]) == {"loss", "mean", "largest", "gradient_norm", "learning_rate"}
    assert list(recorder.evaluations) == [8, 16]
    assert recorder.statuses == ["finished"]


def test_evaluations_at_named_steps_are_logged_but_not_watched(
    toy_task: Any, make_config: MakeConfig, tmp_path: Path
) -> None:
    settings = {"evaluate_every_steps": 8, "should_keep_best": True}
    plain = run(toy_task(), make_config(**settings), tmp_path / "plain")
    recorder = Recorder()
    more = make_config(**settings, evaluate_at_steps=(3, 8, 13))
    result = run(toy_task(), more, tmp_path / "more", callbacks=[recorder])
    assert list(recorder.evaluations) == [3, 8, 13, 16]
    assert values_of(result, "learning_rate") == values_of(plain, "learning_rate")
    assert_same_weights(result.weights, plain.weights)


@pytest.mark.parametrize(
    ("error", "status"), [(InterruptedTrainingError, "failed"), (KeyboardInterrupt, "interrupted")]
)
def test_callbacks_hear_of_a_bad_end(
    toy_task: Any, make_config: MakeConfig, tmp_path: Path, error: type[BaseException], status: str
) -> None:
    recorder = Recorder(5, error)
    with pytest.raises(error):
        run(toy_task(), make_config(), tmp_path, callbacks=[recorder])
    assert recorder.statuses == [status]


def test_curves_are_a_tidy_table(toy_task: Any, make_config: MakeConfig, tmp_path: Path) -> None:
    curves = run(toy_task(), make_config(), tmp_path).curves
    assert list(curves) == ["step", "name", "value"]
    rates = [row for row in zip(*curves.values(), strict=True) if row[1] == "learning_rate"]
    assert [row[0] for row in rates] == list(range(1, 21))
    assert [row[2] for row in rates[:5]] == pytest.approx([0, 0.0025, 0.005, 0.0075, 0.01])


def test_training_stops_early_and_stays_stopped(
    toy_task: Any, make_config: MakeConfig, tmp_path: Path
) -> None:
    config = make_config(early_stopping_patience=2, snapshot_steps=(2, 20))
    scores = iter([1.0, 0.5, 0.7, 0.6, 0.1])
    task = toy_task()
    task.evaluate = lambda: {"loss": next(scores)}
    result = run(task, config, tmp_path)
    assert result.num_steps == 8
    assert list(result.snapshots) == [2]
    assert_same(run(toy_task(), config, tmp_path), result)


def test_the_best_weights_are_kept(toy_task: Any, make_config: MakeConfig, tmp_path: Path) -> None:
    scores = iter([1.0, 0.5, 0.7, 0.6, 0.8])
    task = toy_task()
    task.evaluate = lambda: {"loss": next(scores)}
    settings = {"num_steps": 10, "schedule": "constant"}
    best = run(task, make_config(should_keep_best=True, snapshot_steps=(4,), **settings), tmp_path)
    assert_same_weights(best.weights, best.snapshots[4])


def test_the_plateau_rule_lowers_the_rate(toy_task: Any, make_config: MakeConfig, tmp_path: Path) -> None:
    task = toy_task()
    task.evaluate = lambda: {"loss": 1.0}
    rates = values_of(run(task, make_config(plateau_patience=1, warmup_steps=0), tmp_path), "learning_rate")
    assert rates[:11] == pytest.approx([0.01] * 6 + [0.005] * 4 + [0.0025])


def test_a_task_may_act_after_every_update(toy_task: Any, make_config: MakeConfig, tmp_path: Path) -> None:
    calls: list[int] = []
    task = toy_task()
    task.after_step = calls.append
    run(task, make_config(num_steps=3), tmp_path)
    assert calls == [1, 2, 3]


def test_a_loss_that_is_not_finite_stops_before_the_weights_change(
    toy_task: Any, make_config: MakeConfig, tmp_path: Path
) -> None:
    task, recorder = toy_task(), Recorder()
    task.poisoned_step = 10
    with pytest.raises(NonFiniteLossError, match=r"update 11 has no finite mean; .*loss = nan"):
        run(task, make_config(), tmp_path, callbacks=[recorder])
    assert all(parameter.isfinite().all() for parameter in task.module.parameters())
    assert recorder.statuses == ["failed"]
    stored = torch.load(tmp_path / checkpoint.CHECKPOINT_NAME, weights_only=True)
    assert stored["num_updates"] == 9


def test_a_gradient_that_is_not_finite_names_its_parameter(
    toy_task: Any, make_config: MakeConfig, tmp_path: Path
) -> None:
    task = toy_task()
    task.losses = lambda batch, _generator: {
        # The root has an infinite slope at zero.
        "loss": task.module(batch).square().mean() + (0 * task.module[3].bias).sqrt().sum()
    }
    with pytest.raises(NonFiniteLossError, match=r"update 1 has no finite gradient of 3\.bias"):
        run(task, make_config(), tmp_path)


def test_an_evaluation_that_is_not_finite_stops(
    toy_task: Any, make_config: MakeConfig, tmp_path: Path
) -> None:
    task = toy_task()
    task.evaluate = lambda: {"loss": float("nan")}
    with pytest.raises(NonFiniteLossError, match="evaluation after update 2"):
        run(task, make_config(), tmp_path)


def test_a_full_disk_stops_and_leaves_the_last_checkpoint(
    toy_task: Any, make_config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unbroken = run(toy_task(), make_config(), tmp_path / "unbroken")
    write, num_writes = checkpoint._write, 0

    def write_until_full(path: Path, content: bytes) -> None:
        nonlocal num_writes
        num_writes += 1
        if num_writes == 3:
            path.with_name(".checkpoint.1.partial.pt").write_bytes(content[:100])
            raise StorageError("the disk is full", file=path) from OSError(errno.ENOSPC, "full")
        write(path, content)

    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "_write", write_until_full)
        with pytest.raises(StorageError, match="disk is full"):
            run(toy_task(), make_config(), tmp_path / "full")
    recorder = Recorder()
    assert_same(run(toy_task(), make_config(), tmp_path / "full", callbacks=[recorder]), unbroken)
    assert min(recorder.scalars) == 7


def test_a_damaged_checkpoint_is_an_error_not_a_new_start(
    toy_task: Any, make_config: MakeConfig, tmp_path: Path
) -> None:
    run(toy_task(), make_config(), tmp_path)
    path = tmp_path / checkpoint.CHECKPOINT_NAME
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(TruncatedCheckpointError, match="delete it"):
        run(toy_task(), make_config(), tmp_path)


def test_evaluation_of_a_task_without_one_is_refused(
    toy_task: Any, make_config: MakeConfig, tmp_path: Path
) -> None:
    class Bare:
        def __init__(self) -> None:
            whole = toy_task()
            self.module, self.batch, self.losses = whole.module, whole.batch, whole.losses

    with pytest.raises(ConfigurationError, match="evaluate_every_steps"):
        run(Bare(), make_config(), tmp_path)
    bare = make_config(schedule="constant", evaluate_every_steps=None)
    assert run(Bare(), bare, tmp_path).num_steps == 20


def test_a_watched_score_that_does_not_exist_is_named(
    toy_task: Any, make_config: MakeConfig, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=r"watched; expected: loss; found: sdr"):
        run(toy_task(), make_config(watched="sdr"), tmp_path)
