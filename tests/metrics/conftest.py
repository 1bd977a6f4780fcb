"""Golden whole-track scores and the signals they belong to."""

import json
from pathlib import Path

import pytest
from safetensors.numpy import load_file

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="session")
def score_tensors():
    """Signals, (source, channel, time), and paired scores of the golden whole-track scores."""
    return load_file(GOLDEN / "whole_track_scores.safetensors")


@pytest.fixture(scope="session")
def golden_scores():
    """The golden whole-track scores themselves."""
    return json.loads((GOLDEN / "whole_track_scores.json").read_text(encoding="utf-8"))
