"""Losses at equal updates and at equal epochs, from made curves."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from sep_pipeline.pipelines.open_unmix.losses import (
    LOSS_COLUMNS,
    last_epochs,
    losses_at_comparison_points,
    means_over_cells,
    seconds_per_epoch,
)

NUM_TRACKS = 3


@pytest.fixture
def losses(curves: pd.DataFrame, arms: Any) -> pd.DataFrame:
    return losses_at_comparison_points(curves, arms, (4, 2), NUM_TRACKS)


def points(frame: pd.DataFrame, arm: str, basis: str, stem: str = "drums") -> dict[int, tuple[float, ...]]:
    """At to updates, train and validation loss."""
    own = frame[(frame["arm"] == arm) & (frame["basis"] == basis) & (frame["stem"] == stem)]
    return {row.at: (row.updates, row.train_loss, row.validation_loss) for row in own.itertuples()}


def test_after_an_epoch_the_train_loss_is_the_mean_over_its_batches(losses: pd.DataFrame) -> None:
    assert points(losses, "small", "epochs") == {1: (6, 3.5, 7)}
    assert points(losses, "large", "epochs") == {1: (2, 7, 5), 2: (4, 3, 3)}
    assert points(losses, "longer", "epochs") == {1: (3, 5, 8), 2: (6, 2, 6)}


def test_at_equal_updates_the_train_loss_is_the_mean_since_the_point_before(losses: pd.DataFrame) -> None:
    assert points(losses, "large", "updates") == {2: (2, 7, 5), 4: (4, 3, 3)}


def test_a_point_without_an_evaluation_has_no_validation_loss(losses: pd.DataFrame) -> None:
    found = points(losses, "small", "updates")
    assert found[2] == (2, 5.5, 9)
    assert found[4][:2] == (4, 3.5)
    assert pd.isna(found[4][2])


def test_an_arm_that_does_not_reach_a_point_has_no_row_there(curves: pd.DataFrame, arms: Any) -> None:
    frame = losses_at_comparison_points(curves, arms, (2, 5, 7), NUM_TRACKS)
    assert set(points(frame, "large", "updates")) == {2}
    assert set(points(frame, "small", "updates")) == {2, 5}


def test_a_training_that_stopped_within_an_epoch_counts_whole_epochs(make_curve: Any, arms: Any) -> None:
    curve = make_curve("large", [8, 6, 4], {2: 5})
    assert set(points(losses_at_comparison_points(curve, arms, (), NUM_TRACKS), "large", "epochs")) == {1}


def test_a_last_partial_batch_belongs_to_its_epoch(make_curve: Any, arms: Any) -> None:
    """Six chunks in batches of four are two updates, the second of two chunks."""
    curve = make_curve("large", [4, 2, 10, 20], {2: 1, 4: 1})
    found = points(losses_at_comparison_points(curve, arms, (), NUM_TRACKS), "large", "epochs")
    assert [found[epoch][1] for epoch in (1, 2)] == [3, 15]


def test_released_models_have_no_losses(losses: pd.DataFrame, curves: pd.DataFrame, arms: Any) -> None:
    assert "umx" not in set(losses["arm"])
    alone = losses_at_comparison_points(curves[curves["arm"] == "umx"], arms, (2,), NUM_TRACKS)
    assert alone.empty
    assert tuple(alone.columns) == LOSS_COLUMNS


def test_every_cell_has_rows_of_its_own(losses: pd.DataFrame) -> None:
    assert points(losses, "longer", "epochs", "bass") == {1: (3, 7, 2), 2: (6, 4, 4)}
    assert not losses.duplicated(["arm", "stem", "seed", "basis", "at"]).any()


def test_means_are_taken_over_targets_and_seeds(curves: pd.DataFrame, arms: Any, make_curve: Any) -> None:
    more = pd.concat([curves, make_curve("longer", [7] * 6, {3: 11, 6: 8}, seed=1)])
    means = means_over_cells(losses_at_comparison_points(more, arms, (), NUM_TRACKS))
    own = means[means["arm"] == "longer"].set_index("at")
    assert own["train_loss"].tolist() == pytest.approx([(5 + 7 + 7) / 3, (2 + 4 + 7) / 3])
    assert own["validation_loss"].tolist() == pytest.approx([(8 + 2 + 11) / 3, (6 + 4 + 8) / 3])


def test_the_last_epoch_of_every_arm_is_chosen(losses: pd.DataFrame) -> None:
    last = last_epochs(means_over_cells(losses)).set_index("arm")
    assert last["at"].to_dict() == {"small": 1, "large": 2, "longer": 2}
    assert last["updates"].to_dict() == {"small": 6, "large": 4, "longer": 6}
    assert last["validation_loss"].to_dict() == {"small": 7, "large": 3, "longer": 5}


def test_time_of_an_epoch_is_that_of_one_target(curves: pd.DataFrame, losses: pd.DataFrame) -> None:
    assert seconds_per_epoch(curves, losses, "seconds") == {"small": 12, "large": 5, "longer": (2 + 4) / 2}


def test_time_of_an_epoch_knows_who_stopped_early(make_curve: Any, arms: Any) -> None:
    both = pd.concat(
        [
            make_curve("longer", [1] * 6, {}, seconds=12),
            make_curve("longer", [1] * 3, {}, stem="bass", seconds=6),
        ]
    )
    losses = losses_at_comparison_points(both, arms, (), NUM_TRACKS)
    assert seconds_per_epoch(both, losses, "seconds") == {"longer": 6}
