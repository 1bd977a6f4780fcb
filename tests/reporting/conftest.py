"""A small scores frame whose aggregates can be computed by hand."""

import pandas as pd
import pytest

STEMS = ("drums", "bass")


def _score_rows(arm, values, *, seed=0, metric="SDR"):
    """Rows of one arm: `values` maps track to (drums, bass)."""
    return [
        {"arm": arm, "seed": seed, "track": track, "stem": stem, "metric": metric, "value": value}
        for track, pair in values.items()
        for stem, value in zip(STEMS, pair, strict=True)
    ]


@pytest.fixture
def score_rows():
    """The function that makes the rows of one arm."""
    return _score_rows


@pytest.fixture
def scores():
    return pd.DataFrame(
        _score_rows("pretrained", {"a": (1.0, 5.0), "b": (2.0, 6.0), "c": (6.0, 7.0)})
        + _score_rows("scratch", {"a": (0.0, 5.5), "b": (1.0, 5.5), "c": (5.0, 7.5)})
        + _score_rows("zero", {"a": (0.0, 0.0), "b": (0.0, 0.0), "c": (0.0, 0.0)})
    )
