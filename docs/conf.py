"""Sphinx: the documentation as a site; `make docs` builds it into `site/`, with every warning an error.

The source folder is that of the project, so that links between the README and the pages hold in both places.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

project = "sep_pipeline"
author = "The sep_pipeline authors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

root_doc = "README"
include_patterns = [
    "*.md",
    "docs/**",
    "benchmarks/*.md",
    "notebooks/*.md",
    "data/01_raw/*.md",
    "src/sep_pipeline/weights/*/*.md",
]
exclude_patterns = [
    ".*",
    "build",
    "conf",
    "data/0[2-8]*",
    "data/01_raw/midi",
    "mlruns",
    "site",
    "tests",
]

myst_heading_anchors = 4
autodoc_member_order = "bysource"
napoleon_use_ivar = True

html_theme = "furo"
html_title = "sep_pipeline"
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False

STUDIES = ("jukebox_transfer", "chimera_transfer", "contrastive_demix", "open_unmix", "midi_waveform")
CONTENTS = {
    "Use": (
        "docs/shipped_models",
        "docs/bring_your_own",
        "docs/fine_tune",
        "docs/paper_scale",
        "docs/troubleshooting",
    ),
    "Pipelines and commands": (*(f"docs/pipelines/{study}" for study in STUDIES), "docs/pipelines/*"),
    "Studies": tuple(f"docs/studies/{study}" for study in STUDIES),
    "Results": (*(f"docs/results/{study}_demo" for study in STUDIES), "docs/results/*"),
    "Development": (
        "CONTRIBUTING",
        "docs/add_a_study",
        "docs/architecture",
        "docs/chunk_pool",
        "docs/reference",
        "docs/decisions/README",
        "benchmarks/README",
        "notebooks/README",
        "data/01_raw/README",
        "CHANGELOG",
        "THIRD_PARTY",
    ),
}
"""Heading of the navigation to the pages below it."""


def add_contents(_app: Sphinx, name: str, content: list[str]) -> None:
    """Add the navigation to the front page and to lists of pages, whose text has none."""
    trees = {
        root_doc: CONTENTS,
        "docs/decisions/README": {"Decisions": ("0*",)},
        "docs/shipped_models": {"Model cards": ("/src/sep_pipeline/weights/*/README",)},
    }.get(name, {})
    for caption, pages in trees.items():
        tree = ["```{toctree}", ":hidden:", ":glob:", f":caption: {caption}", *pages, "```"]
        content[0] += "\n" + "\n".join(tree) + "\n"


def add_index(app: Sphinx, error: Exception | None) -> None:
    """Give the front page the name that web servers look for."""
    front = Path(app.outdir) / f"{root_doc}.html"
    if error is None and front.exists():
        shutil.copyfile(front, front.with_name("index.html"))


def setup(app: Sphinx) -> None:
    """Register the two functions."""
    app.connect("source-read", add_contents)
    app.connect("build-finished", add_index)
