"""Bandwidths divide, so they must be positive numbers."""

from __future__ import annotations

import math

import pytest

from sep_pipeline.errors import ConfigurationError
from sep_pipeline.losses import Bandwidths


@pytest.mark.parametrize("name", ["l1", "l2", "spec"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_useless_values_are_refused_by_name(name, value):
    with pytest.raises(ConfigurationError, match=f"bandwidths.{name}"):
        Bandwidths(**({"l1": 0.03, "l2": 0.003, "spec": 1400.0} | {name: value}))
