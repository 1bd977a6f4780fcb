"""Jukebox's Adam."""

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sep_pipeline.training.clipping import NormClipping, global_norm
from sep_pipeline.training.config import TrainingConfig
from sep_pipeline.training.ema import WeightAverage
from sep_pipeline.training.optimizer import JukeboxAdam, make_optimizer
from sep_pipeline.training.schedule import LearningRate


def test_clipped_warmed_up_averaged_updates_equal_the_golden_rows(
    golden_tensors: dict[str, Tensor], golden_numbers: dict[str, Any]
) -> None:
    parameter = nn.Parameter(golden_tensors["adam/p0"].clone())
    config = TrainingConfig(num_steps=4, batch_size=4)
    optimizer, rate = make_optimizer(config, [parameter]), LearningRate(config)
    clipping = NormClipping(1.0)
    average = WeightAverage({"p": parameter}, golden_numbers["adam/ema_mu"])
    for row, gradient in enumerate(golden_tensors["adam/grads"]):
        norm = float(global_norm([gradient]))
        factor = clipping.factor(norm)
        assert norm == pytest.approx(golden_numbers["adam/grad_norm"][row], rel=1e-6)
        assert 1 / factor == pytest.approx(golden_numbers["adam/grad_divisor"][row], rel=1e-6)
        parameter.grad = gradient * factor
        optimizer.param_groups[0]["lr"] = rate.at(row + 1)
        assert rate.at(row + 1) == pytest.approx(golden_numbers["adam/lr_used"][row], rel=1e-12)
        optimizer.step()
        average.update()
        after, averaged = golden_tensors["adam/p_after"][row], golden_tensors["adam/ema_after"][row]
        torch.testing.assert_close(parameter.data, after, atol=1e-6, rtol=0)
        torch.testing.assert_close(average.state_dict()["p"], averaged, atol=1e-6, rtol=0)


def _moved(make: Any, num_updates: int = 5) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    parameter = nn.Parameter(torch.randn(10, generator=generator, dtype=torch.float64))
    optimizer = make([parameter])
    for _ in range(num_updates):
        parameter.grad = torch.randn(10, generator=generator, dtype=torch.float64)
        optimizer.step()
    return parameter.detach()


def test_with_a_tiny_epsilon_it_is_the_usual_adam() -> None:
    ours = _moved(lambda p: JukeboxAdam(p, learning_rate=1e-2, eps=1e-30, weight_decay=0.1))
    usual = _moved(lambda p: torch.optim.Adam(p, lr=1e-2, eps=1e-30, weight_decay=0.1))
    torch.testing.assert_close(ours, usual, atol=1e-12, rtol=0)


def test_with_a_large_epsilon_it_is_not() -> None:
    ours = _moved(lambda p: JukeboxAdam(p, learning_rate=1e-2, eps=0.1))
    usual = _moved(lambda p: torch.optim.Adam(p, lr=1e-2, eps=0.1))
    assert float((ours - usual).abs().max()) > 1e-3


def test_parameters_without_gradient_stay() -> None:
    moved, kept = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    optimizer = JukeboxAdam([moved, kept], learning_rate=0.1)
    moved.grad = torch.ones(2)
    optimizer.step()
    assert torch.equal(kept.data, torch.ones(2))
    assert not torch.equal(moved.data, torch.ones(2))


def test_a_stored_state_continues_alike() -> None:
    first, second = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))
    optimizer = JukeboxAdam([first], learning_rate=0.1)
    first.grad = torch.tensor([1.0, -2.0, 0.5])
    optimizer.step()
    second.data.copy_(first.data)
    continued = JukeboxAdam([second], learning_rate=0.1)
    continued.load_state_dict(deepcopy(optimizer.state_dict()))
    second.grad = first.grad.clone()
    optimizer.step()
    continued.step()
    assert torch.equal(first, second)


def test_closures_are_refused() -> None:
    with pytest.raises(ValueError, match="closures"):
        JukeboxAdam([nn.Parameter(torch.ones(1))], learning_rate=0.1).step(lambda: 0.0)


def test_the_usual_adam_can_be_chosen() -> None:
    config = TrainingConfig(num_steps=1, batch_size=1, optimizer="adam", weight_decay=0.01)
    optimizer = make_optimizer(config, [nn.Parameter(torch.ones(1))])
    assert type(optimizer) is torch.optim.Adam
    assert optimizer.param_groups[0]["weight_decay"] == 0.01
