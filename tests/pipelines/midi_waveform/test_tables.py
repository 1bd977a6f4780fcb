"""Tables of study 5 on made figures: means over seeds, exchanged headings, songs without an instrument."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
import yaml

from sep_pipeline.configuration.midi_waveform import ArmParameters
from sep_pipeline.losses import SourceLossConfig
from sep_pipeline.pipelines.midi_waveform import tables, texts
from sep_pipeline.pipelines.midi_waveform.figures import PANELS, loss_figure
from sep_pipeline.pipelines.midi_waveform.nodes.results import write_tables
from sep_pipeline.pipelines.midi_waveform.scoring import ABSENT_LEVEL
from sep_pipeline.reporting.tables import Provenance

MEASURES = ("mae", "mse", "spectrogram", "difference")
STEMS = ("drums", "piano")


def _arm(network: str = "wavenet", **loss: Any) -> ArmParameters:
    return ArmParameters.model_validate(
        {
            "model": {"network": network, "preset": "tiny"},
            "loss": loss,
            "chunk_samples": 512,
            "training": {"num_steps": 10, "batch_size": 2},
        }
    )


ARMS = {
    "mae": _arm(),
    "mse": _arm(waveform="mse"),
    "mae_spectrogram": _arm(spectrogram_weight=0.002),
    "wave_unet": _arm("wave_unet"),
}
FLOORS = {"zero": dict.fromkeys(MEASURES, 0.5), "equal_share": dict.fromkeys(MEASURES, 0.25)}


@pytest.fixture
def printed(project_path: Any) -> Any:
    text = (project_path / "conf/base/published.yml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["midi_waveform"]["table_1"]


@pytest.fixture
def curves() -> pd.DataFrame:
    """After five and ten updates; the value of a measure is that of its arm plus a tenth of the seed."""
    rows = []
    for index, arm in enumerate(ARMS):
        for seed in (0, 1):
            for step in (5, 10):
                for measure in MEASURES:
                    value = (index + 1) * (2.0 if step == 5 else 1.0) + 0.1 * seed
                    rows.append((step, f"evaluation/{measure}", value, arm, seed))
                rows.append((step, "loss", 1.0, arm, seed))
            rows += [(10, "seconds", 20.0, arm, seed), (10, "data_wait_share", 0.05, arm, seed)]
    return pd.DataFrame(rows, columns=["step", "name", "value", "arm", "seed"])


@pytest.fixture
def songs() -> pd.DataFrame:
    """Three songs, of which the last has no piano."""
    rows = []
    for arm, level in {"mae": 3.0, "mse": 2.0, "mae_spectrogram": 1.0, "wave_unet": 4.0, "zero": 0.0}.items():
        for seed in (0, 1):
            for song in range(3):
                for stem in STEMS:
                    if (song, stem) == (2, "piano"):
                        rows.append((arm, seed, f"{song}", stem, ABSENT_LEVEL, -20.0 - level))
                    else:
                        rows += [
                            (arm, seed, f"{song}", stem, metric, level + song)
                            for metric in ("SDR whole song", "SI-SDR", "SNR")
                        ]
    return pd.DataFrame(rows, columns=["arm", "seed", "track", "stem", "metric", "value"])


@pytest.fixture
def scores(songs: pd.DataFrame) -> pd.DataFrame:
    provenance = {name: Provenance(steps=10, weights="random", data_hash="abc") for name in ARMS}
    return tables.score_table(songs, provenance, "1.0")


def test_losses_are_those_of_the_last_update_averaged_over_seeds(curves: pd.DataFrame, printed: Any) -> None:
    table = tables.loss_table(curves, FLOORS, ARMS, printed).set_index("arm")
    assert table.loc[list(ARMS), "mae"].tolist() == pytest.approx([1.05, 2.05, 3.05, 4.05])
    assert table.loc["mse", "num_seeds"] == 2
    assert table.loc["mse", "updates"] == 10
    assert table.loc["zero", "spectrogram"] == 0.5
    assert table["loss"].tolist()[:4] == ["mae", "mse", "mae + 0.002 spectrogram (db)", "mae"]


def test_the_first_two_printed_columns_are_exchanged(curves: pd.DataFrame, printed: Any) -> None:
    table = tables.loss_table(curves, FLOORS, ARMS, printed).set_index("arm")
    assert table.loc["mae", ["published_mae", "published_mse"]].tolist() == [2.88e-2, 4.0e-3]
    assert table.loc["mse", ["published_mae", "published_mse"]].tolist() == [3.08e-2, 3.5e-3]
    assert table.loc["mae_spectrogram", "published_spectrogram"] == 67.0
    assert math.isnan(table.loc["wave_unet", "published_mae"])
    # What speaks for the exchange: each model is then best by its own loss.
    named = pd.DataFrame(printed).T
    assert named["printed_as_mse"].idxmin() == "mae"
    assert named["printed_as_mae"].idxmin() == "mse"
    assert named["spectrogram"].idxmin() == "mae_spectrogram"


def test_a_loss_is_named_as_a_sum() -> None:
    loss = SourceLossConfig(spectrogram_weight=0.002, spectrogram_kind="linear", difference_weight=0.2)
    assert tables.loss_name(loss) == "mae + 0.002 spectrogram (linear) + 0.2 difference"


def test_an_instrument_counts_in_the_songs_that_have_it(scores: pd.DataFrame) -> None:
    table = scores.set_index(["arm", "metric", "stem"])
    drums, piano = (table.loc[("mae", "SDR whole song", stem)] for stem in STEMS)
    assert (drums["value"], drums["num_tracks"], drums["num_seeds"]) == (4.0, 3, 2)
    assert (piano["value"], piano["num_tracks"]) == (3.5, 2)
    assert table.loc[("mae", "SDR whole song", "total"), "value"] == pytest.approx(3.75)
    absent = table.loc[("mae", ABSENT_LEVEL, "piano")]
    assert (absent["value"], absent["num_tracks"]) == (-23.0, 1)
    assert ("mae", ABSENT_LEVEL, "drums") not in table.index


def test_networks_are_compared_where_the_loss_is_the_same(scores: pd.DataFrame, curves: pd.DataFrame) -> None:
    table = tables.network_table(scores, curves, ARMS, 2).set_index("arm")
    assert table.index.tolist() == ["mae", "wave_unet"]
    assert table["SDR whole song"].tolist() == pytest.approx([3.75, 4.75])
    assert table["seconds_per_update"].tolist() == [2.0, 2.0]
    assert table["context_samples"].tolist() == [9, 126]
    assert (table["low"] <= table["SDR whole song"]).all()


def test_every_arm_is_compared_with_the_floors_and_its_own_kind(songs: pd.DataFrame) -> None:
    lines = tables.comparisons(songs, ARMS).splitlines()
    pairs = {line.partition(":")[0] for line in lines}
    assert {f"{arm} minus zero" for arm in ARMS} <= pairs
    assert {"mae minus wave_unet", "mse minus mae", "mae_spectrogram minus mae"} <= pairs
    assert "mse minus wave_unet" not in pairs


def test_texts_show_ours_beside_the_printed_ones(
    curves: pd.DataFrame, scores: pd.DataFrame, printed: Any, tmp_path: Any
) -> None:
    table = tables.loss_table(curves, FLOORS, ARMS, printed)
    table.to_csv(tmp_path / "table.csv", index=False)
    networks = tables.network_table(scores, curves, ARMS, 2)
    *markdown, text = write_tables(pd.read_csv(tmp_path / "table.csv"), scores, networks, "a line\nanother")
    assert "1.05 / 0.0288" in markdown[0]
    assert "exchanged" in markdown[0]
    assert "floor: silence" in markdown[0]
    assert "drums 3, piano 2" in markdown[1]
    assert "- another" in markdown[1]
    assert all(f"Study 5, table {number}" in text for number in (1, 2, 3))


def test_without_a_plain_arm_there_is_no_table_of_networks(
    scores: pd.DataFrame, curves: pd.DataFrame
) -> None:
    networks = tables.network_table(scores, curves, {"mse": ARMS["mse"]}, 2)
    assert networks.empty
    assert "table 3" in texts.network_text(networks).plain()


def test_the_curves_have_a_line_per_arm(curves: pd.DataFrame) -> None:
    figure = loss_figure(curves)
    assert [axes.get_title() for axes in figure.axes] == list(PANELS.values())
    assert [len(axes.lines) for axes in figure.axes] == [len(ARMS)] * len(PANELS)
    assert figure.axes[1].lines[0].get_ydata().tolist() == pytest.approx([2.05, 1.05])
