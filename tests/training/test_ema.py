"""The moving average of weights."""

import pytest
import torch
from torch import nn

from sep_pipeline.training.ema import WeightAverage


def test_it_begins_at_the_initial_weights_without_bias_correction() -> None:
    parameter = nn.Parameter(torch.tensor([1.0]))
    average = WeightAverage({"p": parameter}, 0.75)
    for value in (2.0, 3.0):
        parameter.data.fill_(value)
        average.update()
    expected = 0.75 * (0.75 * 1 + 0.25 * 2) + 0.25 * 3
    assert float(average.state_dict()["p"]) == pytest.approx(expected)


def test_the_averages_are_in_the_model_only_inside_the_block() -> None:
    parameter = nn.Parameter(torch.tensor([1.0]))
    average = WeightAverage({"p": parameter}, 0.5)
    parameter.data.fill_(3.0)
    average.update()
    with average.swapped_in():
        assert float(parameter.data) == 2.0
    assert float(parameter.data) == 3.0
    assert float(average.state_dict()["p"]) == 2.0


def test_weights_come_back_after_an_error_inside_the_block() -> None:
    parameter = nn.Parameter(torch.tensor([1.0]))
    average = WeightAverage({"p": parameter}, 0.5)
    parameter.data.fill_(3.0)
    with pytest.raises(RuntimeError), average.swapped_in():
        raise RuntimeError
    assert float(parameter.data) == 3.0


def test_a_stored_average_continues_alike() -> None:
    parameter = nn.Parameter(torch.tensor([1.0]))
    first = WeightAverage({"p": parameter}, 0.5)
    parameter.data.fill_(3.0)
    first.update()
    second = WeightAverage({"p": parameter}, 0.5)
    second.load_state_dict(first.state_dict())
    assert float(second.state_dict()["p"]) == 2.0
