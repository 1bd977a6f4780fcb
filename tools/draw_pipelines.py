"""Draws every pipeline of the demo for its page: a box per node function, an arrow where one needs another.

Not the report: its nodes depend on the results that are there.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from xml.sax.saxutils import escape

from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

PICTURES = Path(__file__).parents[1] / "docs" / "pictures" / "pipelines"

LEFT_OUT = ("__default__", "report")
BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y, MARGIN = 190, 34, 16, 30, 10

Needs = Mapping[str, set[str]]
"""Step to the steps whose results it needs."""


def main() -> None:
    """Write one picture per pipeline."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=PICTURES, help="where the pictures go")
    folder = parser.parse_args().folder
    from kedro.framework.startup import bootstrap_project

    bootstrap_project(PICTURES.parents[2])
    from sep_pipeline.pipeline_registry import register_pipelines

    folder.mkdir(parents=True, exist_ok=True)
    for name, pipeline in register_pipelines().items():
        if name not in LEFT_OUT:
            (folder / f"{name}.svg").write_text(picture(pipeline), encoding="utf-8")


def picture(pipeline: Pipeline) -> str:
    """The pipeline as SVG, from its first steps at the top to its last at the bottom."""
    counts = Counter(_step(node) for node in pipeline.nodes)
    needs = direct_needs(pipeline)
    rows = rows_of(needs, list(counts))
    width = max(len(row) for row in rows) * (BOX_WIDTH + GAP_X) - GAP_X + 2 * MARGIN
    height = len(rows) * (BOX_HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN
    places = {
        step: (
            width / 2 + (BOX_WIDTH + GAP_X) * (column - (len(row) - 1) / 2),
            MARGIN + depth * (BOX_HEIGHT + GAP_Y),
        )
        for depth, row in enumerate(rows)
        for column, step in enumerate(row)
    }
    arrows = [_arrow(places[source], places[step]) for step in counts for source in sorted(needs[step])]
    boxes = [_box(step, count, *places[step]) for step, count in counts.items()]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="sans-serif" font-size="13">'
    )
    marker = (
        '<marker id="tip" viewBox="0 0 6 6" refX="6" refY="3" markerWidth="6" markerHeight="6" orient="auto">'
        '<path d="M0 0 L6 3 L0 6 z" fill="#667"/></marker>'
    )
    ground = f'<rect width="{width}" height="{height}" fill="#fff"/>'
    return "\n".join([head, f"<defs>{marker}</defs>", ground, *arrows, *boxes, "</svg>", ""])


def direct_needs(pipeline: Pipeline) -> dict[str, set[str]]:
    """What every step needs, without what one of its needs has needed before."""
    makers = {output: _step(node) for node in pipeline.nodes for output in node.outputs}
    needs: defaultdict[str, set[str]] = defaultdict(set)
    for node in pipeline.nodes:
        step = _step(node)
        needs[step] |= {makers[name] for name in node.inputs if name in makers} - {step}
    return {
        step: {one for one in found if not any(one in _all_before(other, needs) for other in found - {one})}
        for step, found in needs.items()
    }


def rows_of(needs: Needs, steps: list[str]) -> list[list[str]]:
    """Steps by the length of the longest way to them."""
    depths: dict[str, int] = {}
    while len(depths) < len(steps):
        for step in steps:
            if step not in depths and needs[step] <= depths.keys():
                depths[step] = 1 + max((depths[source] for source in needs[step]), default=-1)
    return [[step for step in steps if depths[step] == depth] for depth in range(max(depths.values()) + 1)]


def _step(node: Node) -> str:
    """Name of the node's function."""
    function = node.func.func if isinstance(node.func, partial) else node.func
    return str(function.__name__)


def _all_before(step: str, needs: Needs) -> set[str]:
    found: set[str] = set()
    waiting = [step]
    while waiting:
        new = needs[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def _arrow(source: tuple[float, float], target: tuple[float, float]) -> str:
    (x, y), (end_x, end_y) = source, target
    start_y, middle = y + BOX_HEIGHT, (y + BOX_HEIGHT + end_y) / 2
    path = f"M{x:g} {start_y:g} C{x:g} {middle:g} {end_x:g} {middle:g} {end_x:g} {end_y:g}"
    return f'<path d="{path}" fill="none" stroke="#667" marker-end="url(#tip)"/>'


def _box(step: str, count: int, x: float, y: float) -> str:
    label = step.replace("_", " ") + (f" × {count}" if count > 1 else "")
    return (
        f'<rect x="{x - BOX_WIDTH / 2:g}" y="{y:g}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6" '
        f'fill="#eef2f8" stroke="#667"/>'
        f'<text x="{x:g}" y="{y + BOX_HEIGHT / 2 + 5:g}" text-anchor="middle" fill="#223">{escape(label)}</text>'
    )


if __name__ == "__main__":
    main()
