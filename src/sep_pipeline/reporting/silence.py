"""What the frame scores leave out because something is silent, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

SILENT_REFERENCES = "silent_reference_frames"
SILENT_ESTIMATES = "silent_estimate_frames"
"""Names under which a scores frame holds how many frames of a track are silent."""


def silence_note(scores: pd.DataFrame) -> str:
    """Say how many frames are silent, by stem and arm.

    Args:
        scores: A scores frame with the two counts; without them nothing is claimed.
    """
    references = _counts(scores, SILENT_REFERENCES)
    if not references:
        return ""
    stems = {stem: count for found in references.values() for stem, count in found.items()}
    sentences = [
        "BSS Eval gives no score to a frame of one second in which any reference or estimate is silent, "
        "and none to a stem that is silent throughout.",
        f"Silent frames of the references: {_listed(stems)}.",
    ]
    silent = {arm: found for arm, found in _counts(scores, SILENT_ESTIMATES).items() if any(found.values())}
    if silent:
        arms = "; ".join(f"{arm} {_listed(found)}" for arm, found in silent.items())
        sentences.append(f"Silent frames of the estimates: {arms}.")
    else:
        sentences.append("No frame of an estimate is silent.")
    return " ".join(sentences)


def _counts(scores: pd.DataFrame, metric: str) -> dict[str, dict[str, int]]:
    """Arm to stem to number of frames over all tracks, of the arm's first seed."""
    chosen = scores[scores["metric"] == metric]
    found: dict[str, dict[str, int]] = {}
    for (arm, _), rows in chosen.groupby(["arm", "seed"], sort=False):
        sums = rows.groupby("stem", sort=False)["value"].sum()
        found.setdefault(str(arm), {str(stem): int(count) for stem, count in sums.items()})
    return found


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{stem} {count}" for stem, count in counts.items())
