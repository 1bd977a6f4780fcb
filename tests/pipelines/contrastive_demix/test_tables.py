"""Tables of study 3 from made scores and curves."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from sep_pipeline.configuration.contrastive_demix import ArmParameters, PretrainingParameters
from sep_pipeline.pipelines.contrastive_demix import tables, texts
from sep_pipeline.pipelines.contrastive_demix.scoring import SHOWN_METRICS

ARMS = {
    "baseline": ArmParameters(model="baseline"),
    "autoencoder": ArmParameters(model="autoencoder"),
    "pretrained_autoencoder": ArmParameters(model="autoencoder", pretraining="triplets"),
}
LEVELS = {"baseline": 0.0, "autoencoder": 1.0, "pretrained_autoencoder": 3.0, "scaled_mixture": 0.5}
PRINTED = {
    "caption": "dB",
    "autoencoder": {
        "train": {"SDR": {"total": 5.0, "drums": 5.5}, "SI-SDR": {"total": 4.0}},
        "test": {"SDR": {"total": 0.98}, "SI-SDR": {"total": 0.71}},
    },
}


@pytest.fixture
def songs() -> pd.DataFrame:
    """Seven songs per split, two seeds; an arm's level plus the number of the song, one more in training."""
    return pd.DataFrame(
        {
            "arm": arm,
            "seed": seed,
            "split": split,
            "track": f"song {number}",
            "stem": stem,
            "metric": metric,
            "value": level + number + (split == "train") + (stem == "bass"),
        }
        for arm, level in LEVELS.items()
        for seed in (0, 1)
        for split in ("train", "test")
        for number in range(7)
        for stem in ("drums", "bass")
        for metric in SHOWN_METRICS
        if arm != "scaled_mixture" or split == "test"
    )


@pytest.fixture
def table_1(songs: pd.DataFrame) -> pd.DataFrame:
    return tables.score_table(songs, PRINTED, {}, "1.0")


def test_table_1_has_means_of_both_splits_beside_the_printed_figures(table_1: pd.DataFrame) -> None:
    means = table_1[table_1["aggregation"] == "mean over songs"]
    found = means.set_index(["split", "metric", "arm", "stem"])
    assert found.index.is_unique
    assert found.loc[("test", "SDR", "autoencoder", "total"), "value"] == pytest.approx(4.5)
    assert found.loc[("train", "SDR", "autoencoder", "bass"), "value"] == pytest.approx(6)
    published = found["published"].dropna().to_dict()
    assert published == {
        ("train", "SDR", "autoencoder", "drums"): 5.5,
        ("train", "SDR", "autoencoder", "total"): 5.0,
        ("train", "SI-SDR", "autoencoder", "total"): 4.0,
        ("test", "SDR", "autoencoder", "total"): 0.98,
        ("test", "SI-SDR", "autoencoder", "total"): 0.71,
    }


def test_table_1_names_every_definition_that_sdr_may_be(table_1: pd.DataFrame) -> None:
    assert set(table_1["metric"]) == {"SDR", "SI-SDR", "SNR", "SD-SDR"}
    text = texts.score_text(table_1).markdown()
    assert "7 songs of train, 7 songs of test, 2 seeds" in text
    assert "4.50 / 0.98" in text
    assert "SNR and SD-SDR" in text


def test_gains_are_paired_and_stand_beside_the_printed_ones(songs: pd.DataFrame) -> None:
    gains, sentences = tables.gain_table(songs, ARMS, {"pretrained_autoencoder": {"SDR": 0.44}})
    found = gains.set_index(["metric", "arm", "baseline", "stem"])
    row = found.loc[("SDR", "pretrained_autoencoder", "autoencoder", "total")]
    assert (row["difference"], row["low"], row["high"], row["published"]) == pytest.approx((2, 2, 2, 0.44))
    assert (row["num_tracks"], row["num_seeds"]) == (7, 2)
    assert math.isnan(found.loc[("SDR", "pretrained_autoencoder", "baseline", "total"), "published"])
    assert sentences[0].startswith("SDR: pretrained_autoencoder minus autoencoder: +2.00 dB")
    assert sentences[0].endswith("pretrained_autoencoder scores higher")
    assert not any("scaled_mixture" in sentence for sentence in sentences)


def test_arms_are_compared_with_what_differs_in_one_thing() -> None:
    arms = ARMS | {
        "vocals_only": ArmParameters(model="autoencoder", only_stem="bass"),
        "pretrained_vocals": ArmParameters(model="autoencoder", pretraining="triplets", only_stem="bass"),
        "mask_network": ArmParameters(model="mask_network"),
        "pretrained_mask_network": ArmParameters(model="mask_network", pretraining="triplets"),
    }
    pairs = tables.compared_pairs(arms)
    assert pairs[:3] == [
        ("pretrained_autoencoder", "autoencoder"),
        ("pretrained_vocals", "vocals_only"),
        ("pretrained_mask_network", "mask_network"),
    ]
    assert ("autoencoder", "baseline") in pairs
    assert ("baseline", "scaled_mixture") in pairs


@pytest.fixture
def make_curve() -> Callable[..., pd.DataFrame]:
    def make(seed: int, losses: dict[int, float], triplet_losses: dict[int, float]) -> pd.DataFrame:
        place = {"arm": "pretraining_triplets", "stem": "all", "seed": seed, "phase": "pretraining"}
        return pd.DataFrame(
            {"step": step, "name": f"evaluation/{name}", "value": value, **place}
            for name, values in (("loss", losses), ("triplet_loss", triplet_losses))
            for step, value in values.items()
        )

    return make


@pytest.fixture
def embeddings() -> pd.DataFrame:
    points = {"anchor": 0.0, "positive": 0.25, "negative": 2.0}
    return pd.DataFrame(
        {"triplet": 0, "role": role, "stem": "drums", "track": "a", "dimension_0": point, "dimension_1": 0.0}
        | {"pretraining": pretraining, "seed": seed}
        for pretraining in ("untrained", "triplets")
        for seed in (0, 1)
        for role, point in points.items()
    )


def test_table_2_takes_the_validation_of_the_weights_that_were_kept(
    make_curve: Any, embeddings: pd.DataFrame
) -> None:
    curves = pd.concat(
        [
            make_curve(0, {5: 0.9, 10: 0.7}, {5: 0.5, 10: 0.6}),
            make_curve(1, {5: 0.1, 10: 0.2}, {5: 0.4, 10: 0.1}),
        ]
    )
    known = {"triplets": PretrainingParameters()}
    table = tables.pretraining_table(embeddings, curves, known, 1.0).set_index("pretraining")
    assert table.index.tolist() == ["untrained", "triplets"]
    assert table.loc["triplets", "validation_triplet_loss"] == pytest.approx((0.6 + 0.4) / 2)
    assert table.loc["triplets", ["updates", "rule", "objective"]].tolist() == [10, "corrected", "triplet"]
    assert table.loc["untrained", "updates"] == 0
    assert (table["accuracy"] == 1).all()
    text = texts.pretraining_text(table.reset_index()).plain()
    assert "the margin is 1" in text
    assert "2 seeds" in text
