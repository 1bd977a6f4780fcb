"""Everything that changes during a training, as one thing that can be stored and brought back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from sep_pipeline.training import replicas
from sep_pipeline.training.clipping import global_norm, make_clipping
from sep_pipeline.training.config import TrainingConfig
from sep_pipeline.training.ema import WeightAverage
from sep_pipeline.training.optimizer import make_optimizer
from sep_pipeline.training.result import Curves, Weights
from sep_pipeline.training.schedule import BestEvaluation, LearningRate


class TrainingState:
    """Model, optimiser, average, schedule, clipping history and curves.

    No state of a random generator belongs to it: every update seeds its own from its number.

    Args:
        module: The model, on its device.
        config: How it is trained.
    """

    def __init__(self, module: nn.Module, config: TrainingConfig) -> None:
        trained = {name: value for name, value in module.named_parameters() if value.requires_grad}
        self.module = module
        self.num_updates = 0
        self.seconds = 0.0
        self.is_stopped = False
        self.rate = LearningRate(config)
        self.best = BestEvaluation(config.early_stopping_patience)
        self._parameters = trained
        self._optimizer = make_optimizer(config, trained.values())
        self._average = None if config.ema_decay is None else WeightAverage(trained, config.ema_decay)
        self._clipping = make_clipping(config)
        self._steps: list[int] = []
        self._names: list[str] = []
        self._values: list[float] = []

    def clear_gradients(self) -> None:
        """Forget the gradients of the last update."""
        self._optimizer.zero_grad(set_to_none=True)

    def gradient_norm(self) -> Tensor:
        """Average the gradients over all processes; gives their global norm, a scalar tensor."""
        gradients = self._gradients()
        replicas.average(gradients)
        return global_norm(gradients)

    def update(self, norm: float) -> None:
        """Clip gradients of global norm `norm`, change the weights, move the average."""
        factor = self._clipping.factor(norm)
        if factor < 1:
            torch._foreach_mul_(self._gradients(), factor)
        for group in self._optimizer.param_groups:
            group["lr"] = self.rate.at(self.num_updates + 1)
        self._optimizer.step()
        if self._average is not None:
            self._average.update()
        self.num_updates += 1

    def non_finite_parameter(self) -> str | None:
        """Name of the first parameter whose gradient is not finite."""
        for name, parameter in self._parameters.items():
            if parameter.grad is not None and not bool(parameter.grad.isfinite().all()):
                return name
        return None

    def record(self, scalars: Mapping[str, float], *, prefix: str = "") -> None:
        """Add one row per scalar to the curves."""
        for name, value in scalars.items():
            self._steps.append(self.num_updates)
            self._names.append(prefix + name)
            self._values.append(value)

    @property
    def curves(self) -> Curves:
        """See `TrainingResult.curves`."""
        return {"step": list(self._steps), "name": list(self._names), "value": list(self._values)}

    @contextmanager
    def final_weights(self) -> Iterator[None]:
        """Let the model hold the weights that are evaluated and given back, inside the block."""
        if self._average is None:
            yield
        else:
            with self._average.swapped_in():
                yield

    def weights(self) -> Weights:
        """Copy, on the CPU, of the state dict that is evaluated and given back."""
        with self.final_weights():
            return {
                name: value.detach().to("cpu", copy=True) for name, value in self.module.state_dict().items()
            }

    def state_dict(self) -> dict[str, Any]:
        """Tensors, numbers, texts and containers of them; the tensors are not copied."""
        return {
            "num_updates": self.num_updates,
            "seconds": self.seconds,
            "is_stopped": self.is_stopped,
            "module": dict(self.module.state_dict()),
            "optimizer": self._optimizer.state_dict(),
            "average": None if self._average is None else self._average.state_dict(),
            "rate": self.rate.state_dict(),
            "best": self.best.state_dict(),
            "clipping": torch.tensor(self._clipping.state(), dtype=torch.float64),
            "curves": self.curves,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.num_updates, self.seconds = state["num_updates"], state["seconds"]
        self.is_stopped = state["is_stopped"]
        self.module.load_state_dict(state["module"])
        self._optimizer.load_state_dict(state["optimizer"])
        if self._average is not None:
            self._average.load_state_dict(state["average"])
        self.rate.load_state_dict(state["rate"])
        self.best.load_state_dict(state["best"])
        self._clipping.load_state(state["clipping"].tolist())
        curves = state["curves"]
        self._steps, self._names, self._values = curves["step"], curves["name"], curves["value"]

    def _gradients(self) -> list[Tensor]:
        return [value.grad for value in self._parameters.values() if value.grad is not None]
