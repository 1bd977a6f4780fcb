"""How a model is trained: budget, optimiser, schedule, clipping, averaging, evaluation and checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from sep_pipeline.errors import ConfigurationError

OptimizerName = Literal["jukebox_adam", "adam"]
ScheduleName = Literal["constant", "plateau"]
ClipName = Literal["norm", "autoclip", "none"]


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """One training, complete.

    Args:
        num_steps: Updates of the weights; 0 gives the initial weights back.
        batch_size: Chunks per update, over all processes together.
        learning_rate: Rate after the warm-up.
        optimizer: "adam", or "jukebox_adam", whose epsilon is not bias-corrected.
        betas: Decay of the first and second moment.
        eps: Added to the root of the second moment.
        weight_decay: Weight of an L2 penalty added to the gradient, as in torch's Adam.
        warmup_steps: Update n, from 1, uses learning_rate · min(1, (n - 1) / warmup_steps); 0 for none.
        decay_share: Share of the updates, at the end, over which the rate falls linearly to zero; 0 for none.
        schedule: "constant", or "plateau", which lowers the rate when the watched evaluation stops falling.
        plateau_factor: Factor of each lowering.
        plateau_patience: Evaluations without improvement that are tolerated before a lowering.
        plateau_cooldown: Evaluations after a lowering that are not counted.
        minimum_learning_rate: Floor of the lowering.
        clip: "norm" divides gradients by max(1, norm / clip_norm); "autoclip" limits the norm to a percentile
            of all norms so far (Seetharaman et al. 2020); "none".
        clip_norm: Largest global norm for "norm".
        clip_percentile: Percentile in [0, 100] for "autoclip".
        ema_decay: Decay of the moving average of the weights, which is what evaluation and the result use;
            None for no average. Buffers are never averaged.
        checkpoint_every_steps: Updates between checkpoints; None leaves it to the time.
        checkpoint_every_seconds: Seconds between checkpoints, whichever comes first; None leaves it to the
            steps.
        log_every_steps: Updates between logged scalars, which are those of one batch.
        evaluate_every_steps: Updates between evaluations; None for none.
        evaluate_at_steps: Numbers of updates after which there is an evaluation, too. It is logged like the
            others, but schedule, early stopping and best weights do not go by it.
        snapshot_steps: Numbers of updates after which the weights are kept, 0 being the initial ones.
        watched: Key of the task's evaluation that schedule, early stopping and best weights go by; lower is
            better.
        early_stopping_patience: Evaluations without a strictly lower value after which training ends; None
            never.
        should_keep_best: Whether the result holds the weights of the best evaluation (the latest on a tie)
            instead of the last weights.

    Raises:
        ConfigurationError: A value is out of range, or evaluation is needed but switched off.
    """

    num_steps: int
    batch_size: int
    learning_rate: float = 3e-4
    optimizer: OptimizerName = "jukebox_adam"
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    warmup_steps: int = 100
    decay_share: float = 0.0
    schedule: ScheduleName = "constant"
    plateau_factor: float = 0.5
    plateau_patience: int = 5
    plateau_cooldown: int = 0
    minimum_learning_rate: float = 0.0
    clip: ClipName = "norm"
    clip_norm: float = 1.0
    clip_percentile: float = 10.0
    ema_decay: float | None = 0.9995
    checkpoint_every_steps: int | None = None
    checkpoint_every_seconds: float | None = 60.0
    log_every_steps: int = 100
    evaluate_every_steps: int | None = None
    evaluate_at_steps: tuple[int, ...] = ()
    snapshot_steps: tuple[int, ...] = ()
    watched: str = "loss"
    early_stopping_patience: int | None = None
    should_keep_best: bool = False

    def __post_init__(self) -> None:
        self._check_ranges()
        self._check_names()
        self._check_evaluation()

    @property
    def follows_evaluation(self) -> bool:
        """Whether schedule, end or result depend on the watched evaluation."""
        return self.schedule == "plateau" or self.early_stopping_patience is not None or self.should_keep_best

    @property
    def has_evaluation(self) -> bool:
        """Whether the task is ever evaluated."""
        return self.evaluate_every_steps is not None or bool(self.evaluate_at_steps)

    @property
    def decay_steps(self) -> int:
        """Number of updates, at the end, over which the rate falls."""
        return round(self.decay_share * self.num_steps)

    def _check_ranges(self) -> None:
        beta_low, beta_high = min(self.betas), max(self.betas)
        largest_snapshot = max(self.snapshot_steps, default=0)
        for name, is_valid, expected in (
            ("num_steps", self.num_steps >= 0, ">= 0"),
            ("batch_size", self.batch_size >= 1, ">= 1"),
            ("learning_rate", self.learning_rate > 0, "> 0"),
            ("betas", beta_low >= 0 and beta_high < 1, "two numbers in [0, 1)"),
            ("eps", self.eps > 0, "> 0"),
            ("weight_decay", self.weight_decay >= 0, ">= 0"),
            ("warmup_steps", self.warmup_steps >= 0, ">= 0"),
            ("decay_share", 0 <= self.decay_share <= 1, "0 to 1"),
            ("plateau_factor", 0 < self.plateau_factor < 1, "between 0 and 1"),
            ("plateau_patience", self.plateau_patience >= 0, ">= 0"),
            ("plateau_cooldown", self.plateau_cooldown >= 0, ">= 0"),
            ("minimum_learning_rate", self.minimum_learning_rate >= 0, ">= 0"),
            ("clip_norm", self.clip_norm > 0, "> 0"),
            ("clip_percentile", 0 <= self.clip_percentile <= 100, "0 to 100"),
            ("ema_decay", self.ema_decay is None or 0 <= self.ema_decay < 1, "0 up to below 1, or none"),
            ("checkpoint_every_steps", _is_positive(self.checkpoint_every_steps), ">= 1, or none"),
            ("checkpoint_every_seconds", _is_positive(self.checkpoint_every_seconds), "> 0, or none"),
            ("log_every_steps", self.log_every_steps >= 1, ">= 1"),
            ("evaluate_every_steps", _is_positive(self.evaluate_every_steps), ">= 1, or none"),
            ("evaluate_at_steps", min(self.evaluate_at_steps, default=1) >= 1, ">= 1"),
            ("snapshot_steps", min(self.snapshot_steps, default=0) >= 0, ">= 0"),
            ("snapshot_steps", largest_snapshot <= self.num_steps, f"<= num_steps = {self.num_steps}"),
            ("early_stopping_patience", _is_positive(self.early_stopping_patience), ">= 1, or none"),
        ):
            if not is_valid:
                raise _refusal(name, expected, getattr(self, name))

    def _check_names(self) -> None:
        for name, choices in (
            ("optimizer", get_args(OptimizerName)),
            ("schedule", get_args(ScheduleName)),
            ("clip", get_args(ClipName)),
        ):
            if getattr(self, name) not in choices:
                raise _refusal(name, ", ".join(choices), getattr(self, name))

    def _check_evaluation(self) -> None:
        if self.follows_evaluation and self.evaluate_every_steps is None:
            raise _refusal(
                "evaluate_every_steps", "a number, for plateau, early stopping or best weights", None
            )


def _is_positive(value: float | None) -> bool:
    return value is None or value > 0


def _refusal(name: str, expected: str, found: object) -> ConfigurationError:
    return ConfigurationError(
        "a training parameter is out of range", parameter=f"training.{name}", expected=expected, found=found
    )
