"""The phase-2 loss on numbers worked out by hand; its golden values are checked with the network."""

from __future__ import annotations

import pytest
import torch

from sep_pipeline.errors import ConfigurationError
from sep_pipeline.losses import EmbeddingLossConfig, embedding_loss

TARGET = torch.zeros(1, 2, 2)
PREDICTION = torch.tensor([[[1.0, 2.0], [0.0, -3.0]]])


def test_terms():
    terms = embedding_loss(PREDICTION, TARGET, config=EmbeddingLossConfig(num_largest=2))
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(
        {"l1": 1.5, "l2": 3.5, "linf": 6.5, "loss": 3.5 + 0.02 * 6.5}
    )


def test_fewer_values_than_largest_count_once():
    terms = embedding_loss(PREDICTION, TARGET)
    assert terms["linf"].item() == pytest.approx(terms["l2"].item())


def test_only_the_loss_has_a_gradient():
    terms = embedding_loss(PREDICTION.clone().requires_grad_(), TARGET)
    assert [name for name, term in terms.items() if term.requires_grad] == ["loss"]


@pytest.mark.parametrize("values", [{"linf": -0.1}, {"num_largest": 0}])
def test_out_of_range_values_are_refused(values):
    with pytest.raises(ConfigurationError):
        EmbeddingLossConfig(**values)
