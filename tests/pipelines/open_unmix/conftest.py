"""Curves of made trainings, whose losses can be worked out by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sep_pipeline.configuration.open_unmix import ArmParameters

MakeArm = Callable[..., ArmParameters]
MakeCurve = Callable[..., pd.DataFrame]


@pytest.fixture
def make_arm() -> MakeArm:
    """An arm by its budget."""

    def make(
        *,
        epochs: int = 2,
        batch_size: int = 2,
        samples_per_track: int = 2,
        unidirectional: bool = False,
        released: Path | None = None,
    ) -> ArmParameters:
        model = {"hidden_size": 8, "unidirectional": unidirectional, "released": released}
        training = {"epochs": epochs, "batch_size": batch_size, "samples_per_track": samples_per_track}
        return ArmParameters.model_validate({"model": model, "training": training})

    return make


@pytest.fixture
def make_curve() -> MakeCurve:
    """The curve of one cell: train losses of updates 1, 2, ...; validation losses by update; seconds."""

    def make(
        arm: str,
        train: Sequence[float],
        validation: dict[int, float],
        *,
        stem: str = "drums",
        seed: int = 0,
        seconds: float = 1.0,
    ) -> pd.DataFrame:
        rows: list[dict[str, Any]] = [
            {"step": step, "name": "loss", "value": value} for step, value in enumerate(train, start=1)
        ]
        rows += [
            {"step": step, "name": "evaluation/loss", "value": value} for step, value in validation.items()
        ]
        rows += [{"step": len(train), "name": "gradient_norm", "value": 1e6}]
        rows += [{"step": len(train), "name": "seconds", "value": seconds}]
        return pd.DataFrame(rows).assign(arm=arm, stem=stem, seed=seed, phase="model")

    return make


@pytest.fixture
def arms(make_arm: MakeArm) -> dict[str, ArmParameters]:
    """Over three tracks an epoch of `small` has 6 updates, one of `large` 2, one of `longer` 3."""
    return {
        "small": make_arm(batch_size=1, epochs=1),
        "large": make_arm(batch_size=4, epochs=2),
        "longer": make_arm(batch_size=2, epochs=2),
        "umx": make_arm(released=Path("/models/umx")),
    }


@pytest.fixture
def curves(make_curve: MakeCurve) -> pd.DataFrame:
    """`small` after its epoch, `large` and `longer` after two, two targets of `longer`, and a released arm."""
    return pd.concat(
        [
            make_curve("small", [6, 5, 4, 3, 2, 1], {2: 9, 6: 7}, seconds=12),
            make_curve("large", [8, 6, 4, 2], {2: 5, 4: 3}, seconds=10),
            make_curve("longer", [6, 5, 4, 3, 2, 1], {2: 9, 3: 8, 6: 6}, seconds=4),
            make_curve("longer", [8, 7, 6, 5, 4, 3], {2: 1, 3: 2, 6: 4}, stem="bass", seconds=8),
            make_curve("umx", [], {}, seconds=0),
        ],
        ignore_index=True,
    )
