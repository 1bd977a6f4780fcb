"""What `separate` prints: the separators that can be named, and what became of a song."""

from __future__ import annotations

from pathlib import Path

from sep_pipeline.separation.lookup import known_separators
from sep_pipeline.separation.songs import SongResult

_HEADS = ("name", "origin", "stems", "rate", "channels", "steps", "licence")


def models_text(data_folder: Path) -> str:
    """A line per separator below a line of heads, in columns.

    Args:
        data_folder: Where runs have written.

    Raises:
        CheckpointError: The card of one does not parse.
    """
    rows = [_HEADS]
    for separator in known_separators(data_folder):
        card = separator.card
        facts = (f"{card.sample_rate} Hz", str(card.channels), str(card.steps), card.licence)
        rows.append((separator.name, separator.origin, "+".join(card.stems), *facts))
    if len(rows) == 1:
        return f"No separator ships with the package, and none is trained in {data_folder}."
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def result_text(result: SongResult) -> str:
    """One line about a song."""
    files = list(result.files.values())
    folders = {path.parent for path in files}
    place = next(iter(folders)) if len(folders) == 1 else f"{files[0]} and others"
    time = "finished before" if result.was_finished else f"{result.computing_seconds:.1f} s"
    parts = [
        f"{result.track}: {len(files)} files in {place}",
        f"{result.playing_seconds:.1f} s of music, {time}",
    ]
    parts.append(f"the files add up to the song within {result.sum_error:.2g}")
    if result.clipped:
        stems = ", ".join(f"{count} in {stem}" for stem, count in result.clipped.items())
        parts.append(f"samples that clipped: {stems} (wav with 32 bits holds them)")
    return "; ".join(parts)
