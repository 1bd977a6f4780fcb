"""The graph of `report`: what each page reads, and that it trains nothing."""

from __future__ import annotations

from typing import Any

import pytest

from sep_pipeline.errors import UnnamedInputError
from sep_pipeline.pipelines import report

STUDIES = ("jukebox_transfer", "chimera_transfer", "contrastive_demix", "open_unmix", "leaderboard")


def inputs_of(pipeline: Any, name: str) -> set[str]:
    (node,) = (node for node in pipeline.nodes if node.name == name)
    return set(node.inputs)


@pytest.fixture
def pages(make_pipelines: Any) -> Any:
    return make_pipelines("test")["report"]


def test_a_study_has_its_songs_and_its_page(pages: Any) -> None:
    assert {node.name for node in pages.nodes} == {
        name for study in STUDIES for name in (f"listening.cut_songs_{study}", f"pages.write_page_{study}")
    }


def test_what_is_made_elsewhere_is_only_read(pages: Any) -> None:
    assert pages.all_outputs() == {f"{study}.{kind}" for study in STUDIES for kind in ("listening", "report")}


def test_estimates_that_a_study_keeps_are_taken(pages: Any) -> None:
    found = inputs_of(pages, "listening.cut_songs_jukebox_transfer")
    assert "jukebox_transfer.pretrained.seed_0.estimates" in found
    assert not any(name.endswith(".separator") for name in found)


def test_a_study_that_keeps_none_is_separated_again(pages: Any) -> None:
    found = inputs_of(pages, "listening.cut_songs_contrastive_demix")
    assert "contrastive_demix.baseline.seed_0.separator" in found


def test_the_compared_pair_of_study_4_is_heard_first(parameters: Any) -> None:
    assert parameters("base").open_unmix.heard_arms[:2] == parameters("base").open_unmix.compared_arms


def test_arms_of_study_2_that_are_heard_have_the_same_excerpts(parameters: Any) -> None:
    study = parameters("base").chimera_transfer
    assert {study.arms[name].downstream for name in study.heard_arms} == {"bach10"}


def test_so_many_arms_are_heard_as_wished(parameters: Any, make_pipelines: Any) -> None:
    def two(tree: dict[str, Any]) -> None:
        tree["report"]["page"]["max_arms"] = 2

    found = inputs_of(make_pipelines("test", two)["report"], "listening.cut_songs_jukebox_transfer")
    assert len([name for name in found if name.endswith(".estimates")]) == 2


def test_a_page_shows_all_tables_and_figures(pages: Any) -> None:
    found = inputs_of(pages, "pages.write_page_jukebox_transfer")
    names = {name.partition(".")[2] for name in found if name.startswith("jukebox_transfer.")}
    assert names == {
        "listening",
        "scores",
        "curves",
        *(f"table_{number}" for number in (1, 2, 3, 4)),
        *(f"table_{number}_markdown" for number in (1, 2, 3)),
        *(f"figure_{name}" for name in ("training_curves", "spectrograms", "sdr_against_checkpoint")),
    }


def test_without_results_there_is_no_pipeline(parameters: Any) -> None:
    with pytest.raises(UnnamedInputError, match="no study has results yet"):
        report.create_pipeline(parameters("test"), {})


def test_a_study_whose_data_set_is_not_named_says_so(load_parameters: Any) -> None:
    from sep_pipeline.configuration.project import parse_parameters

    configuration = parse_parameters(load_parameters("paper", study="jukebox_transfer"))
    with pytest.raises(UnnamedInputError, match="musdb_root"):
        report.create_pipeline(configuration, {})
