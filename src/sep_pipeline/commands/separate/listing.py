"""What `separate` prints: the separators that can be named."""

from __future__ import annotations

from pathlib import Path

from sep_pipeline.separation.lookup import known_separators

_HEADS = ("name", "origin", "stems", "rate", "channels", "steps", "licence")


def models_text(trained: Path) -> str:
    """A line per separator below a line of heads, in columns.

    Args:
        trained: See `known_separators`.

    Raises:
        CheckpointError: The card of one does not parse.
    """
    rows = [_HEADS]
    for separator in known_separators(trained):
        card = separator.card
        facts = (f"{card.sample_rate} Hz", str(card.channels), str(card.steps), card.licence)
        rows.append((separator.name, separator.origin, "+".join(card.stems), *facts))
    if len(rows) == 1:
        return f"No separator ships with the package, and none is trained in {trained}."
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
