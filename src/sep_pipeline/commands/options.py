"""Options that commands have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

HELP_OPTIONS: dict[str, Any] = {"help_option_names": ["-h", "--help"]}
"""Context settings under which a command knows both."""

data_folder_option = click.option(
    "--data-folder",
    type=click.Path(path_type=Path),
    default=Path("data"),
    show_default=True,
    help="Where kedro run has written trained separators.",
)


def stem_names(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> tuple[str, ...] | None:
    """Names with commas between as a callback of click gives them on; None stays None."""
    return None if value is None else tuple(name.strip() for name in value.split(","))
