"""Options that commands have in common."""

from __future__ import annotations

import click


def stem_names(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> tuple[str, ...] | None:
    """Names with commas between as a callback of click gives them on; None stays None."""
    return None if value is None else tuple(name.strip() for name in value.split(","))
