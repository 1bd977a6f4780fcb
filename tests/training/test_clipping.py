"""Limits on the gradient norm."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from sep_pipeline.training.clipping import AutoClip, NormClipping, global_norm, make_clipping
from sep_pipeline.training.config import TrainingConfig


@pytest.mark.parametrize(("norm", "factor"), [(0.0, 1.0), (0.5, 1.0), (2.0, 1.0), (4.0, 0.5), (2e6, 1e-6)])
def test_fixed_norm_divides_without_an_epsilon(norm: float, factor: float) -> None:
    assert NormClipping(2.0).factor(norm) == factor


@pytest.mark.parametrize("percentile", [1, 10, 50])
def test_autoclip_thresholds_equal_the_golden_ones(golden_rules: dict[str, Any], percentile: int) -> None:
    clipping = AutoClip(percentile)
    thresholds = []
    for norm in golden_rules["autoclip/norms"]:
        clipping.factor(norm)
        thresholds.append(clipping.threshold)
    np.testing.assert_allclose(thresholds, golden_rules[f"autoclip/threshold_p{percentile}"], rtol=1e-12)


def test_autoclip_gives_the_golden_gradients(golden_rules: dict[str, Any]) -> None:
    clipping = AutoClip(10)
    for row, first in enumerate(golden_rules["autoclip/apply/a_in"]):
        second = golden_rules["autoclip/apply/b_in"][row]
        gradients = [torch.tensor(first), torch.tensor(second)]
        factor = clipping.factor(float(global_norm(gradients)))
        np.testing.assert_allclose(
            gradients[0] * factor, golden_rules["autoclip/apply/a_out"][row], rtol=1e-5
        )
        np.testing.assert_allclose(
            gradients[1] * factor, golden_rules["autoclip/apply/b_out"][row], rtol=1e-5
        )


def test_a_stored_history_continues_alike() -> None:
    norms = np.random.default_rng(0).exponential(size=20).tolist()
    unbroken, first, second = AutoClip(30), AutoClip(30), AutoClip(30)
    expected = [unbroken.factor(norm) for norm in norms]
    found = [first.factor(norm) for norm in norms[:11]]
    second.load_state(first.state())
    assert found + [second.factor(norm) for norm in norms[11:]] == expected


def test_configuration_chooses_the_rule() -> None:
    def chosen(name: Any) -> Any:
        return make_clipping(TrainingConfig(num_steps=1, batch_size=1, clip=name, clip_norm=0.5))

    assert isinstance(chosen("autoclip"), AutoClip)
    assert chosen("norm").factor(1.0) == 0.5
    assert chosen("none").factor(1e9) == 1.0


def test_global_norm_joins_all_gradients() -> None:
    gradients = [torch.full((2, 2), 2.0), torch.full((5,), 3.0)]
    assert float(global_norm(gradients)) == pytest.approx(math.sqrt(4 * 4 + 5 * 9))
