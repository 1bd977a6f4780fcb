"""The training loop of every study: updates, evaluation, checkpoints and exact resumption."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sep_pipeline.data.feeding import prefetched
from sep_pipeline.errors import ConfigurationError, NonFiniteLossError
from sep_pipeline.training import replicas
from sep_pipeline.training.callback import Callback, Status
from sep_pipeline.training.checkpoint import BEST, CheckpointFolder, snapshot_name
from sep_pipeline.training.config import TrainingConfig
from sep_pipeline.training.memory import keep_freed_memory
from sep_pipeline.training.progress import Progress
from sep_pipeline.training.result import TrainingResult
from sep_pipeline.training.state import TrainingState
from sep_pipeline.training.task import ActsAfterStep, Evaluates, Notes, Task

logger = logging.getLogger(__name__)

EVALUATION_PREFIX = "evaluation/"


def train(
    task: Task,
    config: TrainingConfig,
    *,
    workspace: Path,
    identity: str,
    seed: int,
    callbacks: Sequence[Callback] = (),
    device: str | torch.device = "cpu",
    description: str = "training",
) -> TrainingResult:
    """Train, or go on where an interrupted training of the same identity stopped.

    On the CPU an interrupted and resumed training ends with exactly the weights and curves of an unbroken
    one. When torch.distributed is initialised, each process takes its share of every batch and gradients are
    averaged; the first process evaluates, writes and reports. Subnormal numbers count as zero from then on.

    Args:
        task: What one update computes. On return its module holds the resulting weights.
        config: How to train.
        workspace: Folder for the checkpoint and kept weights.
        identity: Digest of everything that determines the result; a checkpoint of another one is replaced.
        seed: Seed of whatever is random in an update. torch's global generator is seeded from it in every
            update, for dropout and its like, and restored at the end.
        callbacks: Who hears of scalars and evaluations.
        device: Where to train.
        description: What is trained, for the progress lines.

    Returns:
        The result; a training that is already finished gives its stored result at once.

    Raises:
        ConfigurationError: The task cannot do what `config` asks, or the batch does not divide among the
            processes.
        NonFiniteLossError: A loss, a gradient or the watched evaluation is not finite; the last checkpoint is
            kept.
        StorageError: The folder is not writable or the disk is full; the last checkpoint is kept.
        TruncatedCheckpointError: The checkpoint was damaged.
    """
    device = torch.device(device)
    _check_possible(task, config)
    # Products of tiny gradients and saturated units are subnormal, which makes matrix products 20 times slower.
    torch.set_flush_denormal(True)
    keep_freed_memory()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        return _Loop(task, config, workspace, f"{identity}/seed_{seed}", seed, callbacks, device).run(
            description
        )


class _Loop:
    """One call of `train`."""

    def __init__(
        self,
        task: Task,
        config: TrainingConfig,
        workspace: Path,
        identity: str,
        seed: int,
        callbacks: Sequence[Callback],
        device: torch.device,
    ) -> None:
        self._task, self._config, self._identity = task, config, identity
        self._seed, self._device = seed, device
        self._folder = CheckpointFolder(workspace)
        self._callbacks = callbacks if replicas.rank() == 0 else ()
        task.module.to(device).train()
        self._state = TrainingState(task.module, config)
        self._last_checkpoint = self._last_tick = time.monotonic()

    def run(self, description: str) -> TrainingResult:
        status: Status = "failed"
        try:
            self._restore(description)
            if not self._is_finished:
                self._run_updates(description)
            result = self._result()
            status = "finished"
        except KeyboardInterrupt:
            status = "interrupted"
            raise
        finally:
            for callback in self._callbacks:
                callback.on_end(status)
        return result

    @property
    def _is_finished(self) -> bool:
        return self._state.is_stopped or self._state.num_updates >= self._config.num_steps

    def _restore(self, description: str) -> None:
        stored = replicas.from_first(lambda: self._folder.load(self._identity))
        if stored is None:
            replicas.broadcast_module(self._task.module)
            self._keep_snapshot()
            return
        self._state.load_state_dict(stored)
        verb = "was finished" if self._is_finished else "goes on"
        logger.info("%s %s after %d updates", description, verb, self._state.num_updates)

    def _run_updates(self, description: str) -> None:
        state, config = self._state, self._config
        note = self._task.note if isinstance(self._task, Notes) else str
        progress = Progress(description, config.num_steps, state.num_updates, note=note)
        with prefetched(self._load, range(state.num_updates, config.num_steps)) as batches:
            for step, batch in batches:
                scalars = self._update(step, batch)
                progress.advance(state.num_updates, scalars["loss"])
                self._after_update(scalars)
                if self._is_finished:
                    break

    def _load(self, step: int) -> Any:
        """Runs in the background."""
        batch = replicas.own_share(self._task.batch(step))
        return replicas.mapped(Tensor.pin_memory, batch) if self._device.type == "cuda" else batch

    def _update(self, step: int, batch: Any) -> dict[str, float]:
        seed = _update_seed(self._seed, step)
        _seed_global_generator(seed, self._device)
        placed = replicas.mapped(lambda tensor: tensor.to(self._device, non_blocking=True), batch)
        losses = self._task.losses(placed, torch.Generator().manual_seed(seed))
        self._state.clear_gradients()
        losses["loss"].backward()  # type: ignore[no-untyped-call]
        norm = self._state.gradient_norm()
        scalars = self._read_scalars(losses, norm)
        self._check_finite(scalars)
        self._state.update(scalars["gradient_norm"])
        if isinstance(self._task, ActsAfterStep):
            self._task.after_step(self._state.num_updates)
        return scalars

    def _read_scalars(self, losses: Mapping[str, Tensor], norm: Tensor) -> dict[str, float]:
        """All scalars at once, since each reading waits for the device."""
        values = torch.stack([value.detach().float() for value in losses.values()])
        replicas.average([values])
        numbers = torch.cat([values, norm.float()[None]]).tolist()
        rate = self._state.rate.at(self._state.num_updates + 1)
        return dict(zip((*losses, "gradient_norm"), numbers, strict=True)) | {"learning_rate": rate}

    def _check_finite(self, scalars: Mapping[str, float]) -> None:
        if math.isfinite(scalars["loss"]) and math.isfinite(scalars["gradient_norm"]):
            return
        bad_terms = [name for name in scalars if not math.isfinite(scalars[name])]
        # A term of the sum says more than the sum itself, and a bad loss more than the gradient it caused.
        term = next(
            (name for name in bad_terms if name not in ("loss", "gradient_norm")),
            "loss" if "loss" in bad_terms else f"gradient of {self._state.non_finite_parameter()}",
        )
        raise NonFiniteLossError(
            f"update {self._state.num_updates + 1} has no finite {term}; the weights were not changed",
            expected="finite numbers",
            found=", ".join(f"{name} = {scalars[name]}" for name in bad_terms),
        )

    def _after_update(self, scalars: Mapping[str, float]) -> None:
        num_updates = self._state.num_updates
        if num_updates % self._config.log_every_steps == 0 or num_updates == self._config.num_steps:
            self._state.record(scalars)
            for callback in self._callbacks:
                callback.on_scalars(num_updates, scalars)
        every = self._config.evaluate_every_steps
        if every and num_updates % every == 0:
            self._watch(self._evaluate())
        elif num_updates in self._config.evaluate_at_steps:
            self._evaluate()
        self._keep_snapshot()
        self._checkpoint_if_due()

    def _evaluate(self) -> Mapping[str, float]:
        scores = dict(replicas.from_first(self._scores))
        self._state.record(scores, prefix=EVALUATION_PREFIX)
        for callback in self._callbacks:
            callback.on_evaluation(self._state.num_updates, scores)
        return scores

    def _watch(self, scores: Mapping[str, float]) -> None:
        if self._config.watched in scores:
            self._take_evaluation(scores[self._config.watched])
        elif self._config.follows_evaluation:
            raise ConfigurationError(
                "the watched evaluation is not among the task's scores",
                parameter="training.watched",
                expected=", ".join(scores),
                found=self._config.watched,
            )

    def _scores(self) -> Mapping[str, float]:
        assert isinstance(self._task, Evaluates)
        module = self._task.module
        module.eval()
        try:
            with self._state.final_weights(), torch.no_grad():
                return self._task.evaluate()
        finally:
            module.train()

    def _take_evaluation(self, value: float) -> None:
        if not math.isfinite(value):
            raise NonFiniteLossError(
                f"the evaluation after update {self._state.num_updates} is not finite",
                expected="a finite number",
                found=f"{self._config.watched} = {value}",
            )
        self._state.rate.take_evaluation(value)
        is_best = self._state.best.take_evaluation(value)
        self._state.is_stopped = self._state.best.should_stop
        if is_best and self._config.should_keep_best:
            self._keep_weights(BEST)

    def _keep_snapshot(self) -> None:
        if self._state.num_updates in self._config.snapshot_steps:
            self._keep_weights(snapshot_name(self._state.num_updates))

    def _keep_weights(self, name: str) -> None:
        if replicas.rank() == 0:
            self._folder.save_weights(name, self._state.weights())

    def _checkpoint_if_due(self) -> None:
        if replicas.rank() != 0:
            return
        now = time.monotonic()
        by_steps, by_seconds = self._config.checkpoint_every_steps, self._config.checkpoint_every_seconds
        is_due = (
            self._is_finished
            or (by_steps is not None and self._state.num_updates % by_steps == 0)
            or (by_seconds is not None and now - self._last_checkpoint >= by_seconds)
        )
        if is_due:
            self._state.seconds += now - self._last_tick
            self._last_tick = now
            for callback in self._callbacks:
                callback.on_checkpoint(self._state.num_updates)
            self._folder.save({"identity": self._identity, **self._state.state_dict()})
            self._last_checkpoint = time.monotonic()

    def _result(self) -> TrainingResult:
        state = self._state
        has_best = self._config.should_keep_best and math.isfinite(state.best.value)
        weights = (
            replicas.from_first(lambda: self._folder.load_weights(BEST)) if has_best else state.weights()
        )
        kept_steps = [step for step in self._config.snapshot_steps if step <= state.num_updates]
        snapshots = replicas.from_first(
            lambda: {step: self._folder.load_weights(snapshot_name(step)) for step in kept_steps}
        )
        self._task.module.load_state_dict(weights)
        return TrainingResult(
            num_steps=state.num_updates,
            weights=weights,
            snapshots=snapshots,
            curves=state.curves,
            seconds=state.seconds,
        )


def _update_seed(seed: int, step: int) -> int:
    """Seed of one update in this process; the first process has that of a lone one."""
    sequence = np.random.SeedSequence([seed, step, replicas.rank()])
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))


def _seed_global_generator(seed: int, device: torch.device) -> None:
    """Seed what dropout draws from; torch.manual_seed would queue a note for every absent accelerator."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)


def _check_possible(task: Task, config: TrainingConfig) -> None:
    if config.has_evaluation and not isinstance(task, Evaluates):
        raise ConfigurationError(
            "the task has nothing to evaluate", parameter="training.evaluate_every_steps", expected="none"
        )
    if config.batch_size % replicas.world_size():
        raise ConfigurationError(
            "the batch does not divide among the training processes",
            parameter="training.batch_size",
            expected=f"a multiple of {replicas.world_size()}",
            found=config.batch_size,
        )
