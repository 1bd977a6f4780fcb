"""The graph of study 1 as `kedro viz` draws it: one row per stage, one box per arm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

ARMS = ["pretrained", "scratch", "no_finetune", "scratch_as_published"]
STAGES = ["render", "ingest", "prepare", *ARMS, "separate", "scores", "tables"]
LAYERS = ["intermediate", "primary", "model_input", "models", "model_output", "reporting"]
MOST_BOXES = 60
HEIGHTS = """Object.fromEntries(Array.from(document.querySelectorAll('.pipeline-node')).map(
    node => [node.dataset.nodeFullname, node.transform.baseVal[0].matrix.f]))"""
NAMES_BY_KIND = """Array.from(document.querySelectorAll('.pipeline-node--KIND')).map(
    node => node.dataset.nodeFullname)"""
LAYER_NAMES = "Array.from(document.querySelectorAll('.pipeline-layer-name')).map(label => label.textContent)"
CELLS = """(cells => cells.length && cells)(Array.from(
    document.querySelectorAll('.pipeline-metadata__preview td')).map(cell => cell.textContent))"""
NO_TOUR = "if (location.protocol === 'http:') localStorage.KedroViz = '{\"showFeatureHints\": false}'"


def open_graph(browser: Any, address: str) -> Any:
    browser.run_before_every_page(NO_TOUR)
    browser.open(address)
    browser.wait_for("document.querySelectorAll('.pipeline-node').length > 20")
    browser.wait_for("document.querySelectorAll('.pipeline-layer-name').length > 0")
    return browser


@pytest.fixture(scope="module")
def page(browser: Any, graph_address: str) -> Any:
    """The graph, collapsed as it opens."""
    return open_graph(browser, graph_address)


@pytest.fixture
def fresh_page(browser: Any, graph_address: str) -> Any:
    """The same, opened again."""
    browser.open("about:blank")
    return open_graph(browser, graph_address)


def test_every_stage_and_every_arm_is_one_box(page: Any) -> None:
    assert sorted(page.evaluate(NAMES_BY_KIND.replace("KIND", "modularPipeline"))) == sorted(STAGES)


def test_it_reads_downwards_from_rendering_to_tables(page: Any) -> None:
    heights = page.evaluate(HEIGHTS)
    arms = {heights[arm] for arm in ARMS}
    assert len(arms) == 1
    stages = [heights[name] for name in ("render", "ingest", "prepare")]
    results = [heights[name] for name in ("separate", "scores", "tables")]
    rows = [*stages, *arms, *results]
    assert rows == sorted(set(rows))


def test_the_layers_are_labelled_from_top_to_bottom(page: Any) -> None:
    assert page.evaluate(LAYER_NAMES) == LAYERS


def test_closed_boxes_hide_cells_and_parameters(page: Any) -> None:
    names = list(page.evaluate(HEIGHTS))
    assert len(names) < MOST_BOXES
    assert not [name for name in names if ".phase_" in name or name.startswith("param")]


def test_the_tables_and_figures_are_the_last_row(page: Any) -> None:
    heights = page.evaluate(HEIGHTS)
    last = {name for name, height in heights.items() if height == max(heights.values())}
    assert {"jukebox_transfer.table_1_markdown", "jukebox_transfer.figure_spectrograms"} <= last


def test_an_arm_opens_into_stems_then_seeds_then_phases(page: Any, faults: Callable[..., list[str]]) -> None:
    for name in ("pretrained", "pretrained.drums", "pretrained.drums.seed_0"):
        page.click(f".pipeline-node[data-id='{name}']")
    opened = page.wait_for_text("train_phase_one", "train_phase_two", "pretrained.bass", "pretrained.other")
    assert "jukebox_transfer.pretrained.drums.seed_0.phase_one_weights" in opened
    assert faults(page) == []


def test_a_click_on_a_table_shows_its_rows(fresh_page: Any, faults: Callable[..., list[str]]) -> None:
    fresh_page.click(".pipeline-node[data-id='tables']")
    fresh_page.click(".pipeline-node[data-node-fullname='jukebox_transfer.table_1']")
    assert fresh_page.wait_for(CELLS) == ["pretrained", "drums", "1.25", "scratch", "drums", "null"]
    assert faults(fresh_page) == []


def test_a_click_on_a_figure_shows_it(fresh_page: Any, faults: Callable[..., list[str]]) -> None:
    fresh_page.click(".pipeline-node[data-node-fullname='jukebox_transfer.figure_training_curves']")
    fresh_page.wait_for("document.querySelector('.pipeline-metadata__plot-image')?.naturalWidth > 100")
    assert faults(fresh_page) == []
