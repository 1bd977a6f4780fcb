"""Silent frames in words."""

import pandas as pd
import pytest

from sep_pipeline.reporting.silence import SILENT_ESTIMATES, SILENT_REFERENCES, silence_note


def rows(arm, counts, metric, *, seed=0):
    """`counts`: stem to silent frames of each song."""
    return [
        {"arm": arm, "seed": seed, "track": f"{index}", "stem": stem, "metric": metric, "value": float(count)}
        for stem, numbers in counts.items()
        for index, count in enumerate(numbers)
    ]


REFERENCES = {"drums": (0, 3), "bass": (1, 1)}
SOUNDING = {"drums": (0, 0), "bass": (0, 0)}


def note(*groups):
    return silence_note(pd.DataFrame([row for group in groups for row in group]))


def test_the_rule_is_said_first():
    text = note(rows("ours", REFERENCES, SILENT_REFERENCES), rows("ours", SOUNDING, SILENT_ESTIMATES))
    assert text.startswith(
        "BSS Eval gives no score to a frame of one second in which any reference or estimate is silent, "
        "and none to a stem that is silent throughout. "
    )


def test_frames_are_summed_over_songs():
    text = note(rows("ours", REFERENCES, SILENT_REFERENCES), rows("ours", SOUNDING, SILENT_ESTIMATES))
    assert text.endswith(
        "Silent frames of the references: drums 3, bass 2. No frame of an estimate is silent."
    )


def test_silent_estimates_are_listed_by_arm():
    text = note(
        *(rows(arm, REFERENCES, SILENT_REFERENCES) for arm in ("ours", "zero", "half")),
        rows("ours", SOUNDING, SILENT_ESTIMATES),
        rows("zero", {"drums": (8, 8), "bass": (8, 8)}, SILENT_ESTIMATES),
        rows("half", {"drums": (4, 0), "bass": (0, 0)}, SILENT_ESTIMATES),
    )
    assert text.endswith("Silent frames of the estimates: zero drums 16, bass 16; half drums 4, bass 0.")


def test_the_first_seed_stands_for_all():
    text = note(*(rows("ours", REFERENCES, SILENT_REFERENCES, seed=seed) for seed in (3, 4)))
    assert "Silent frames of the references: drums 3, bass 2." in text


def test_stems_that_the_first_arm_lacks_are_listed_too():
    text = note(
        rows("bass only", {"bass": (1, 1)}, SILENT_REFERENCES),
        rows("ours", REFERENCES, SILENT_REFERENCES),
    )
    assert "Silent frames of the references: bass 2, drums 3." in text


@pytest.mark.parametrize("metric", ["SDR", "uSDR"])
def test_without_counts_nothing_is_claimed(metric):
    assert note(rows("ours", REFERENCES, metric)) == ""
