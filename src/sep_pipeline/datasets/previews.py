"""What Kedro-Viz shows of an artifact on its node; the return annotation tells it as what.

Nothing is read before a node is clicked.
"""

from __future__ import annotations

import json
from pathlib import Path

from kedro_datasets._typing import HTMLPreview, JSONPreview, TablePreview

from sep_pipeline.reporting.page.document import markdown_html


def folder_preview(folder: Path, nrows: int = 20) -> TablePreview:
    """The first entries of a folder: how many a folder holds, how large a file is."""
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))[:nrows]
    rows = [
        [f"{entry.name}/", sum(1 for _ in entry.iterdir()), ""]
        if entry.is_dir()
        else [entry.name, "", entry.stat().st_size]
        for entry in entries
    ]
    return TablePreview(
        {"index": list(range(len(rows))), "columns": ["name", "entries", "bytes"], "data": rows}
    )


def text_preview(path: Path) -> HTMLPreview:
    """A text: Markdown as it is meant to look, everything else as it stands in the file."""
    from markupsafe import escape

    text = path.read_text(encoding="utf-8")
    return HTMLPreview(markdown_html(text) if path.suffix == ".md" else f"<pre>{escape(text)}</pre>")


def weights_preview(path: Path) -> JSONPreview:
    """What the header of a safetensors file says; no tensor is read."""
    from safetensors import safe_open

    with safe_open(path, framework="np") as stored:
        shapes = {name: stored.get_slice(name).get_shape() for name in stored.keys()}  # noqa: SIM118
        return JSONPreview(json.dumps({**(stored.metadata() or {}), "shapes": shapes}))
