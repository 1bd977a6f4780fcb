"""The graph of `separate`: one node, whatever is separated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sep_pipeline.configuration.execution import ExecutionParameters, ProcessParameters
from sep_pipeline.configuration.separation import SeparateParameters
from sep_pipeline.errors import ConfigurationError, MissingCheckpointError
from sep_pipeline.pipelines.separate.nodes import separate_own_songs
from sep_pipeline.separation import lookup


@pytest.mark.parametrize("env", ["base", "test", "paper"])
def test_one_node_makes_the_stems(make_pipelines: Any, env: str) -> None:
    pipeline = make_pipelines(env)["separate"]
    assert pipeline.all_outputs() == {"separate.stems"}
    assert pipeline.inputs() == {"params:separate", "params:execution", "params:processes"}


def called(**values: Any) -> Any:
    return separate_own_songs(SeparateParameters(**values), ExecutionParameters(), ProcessParameters())


def test_a_song_must_be_named() -> None:
    with pytest.raises(ConfigurationError, match="no song is named"):
        called()


def test_the_separator_is_looked_up_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "SHIPPED", tmp_path)
    with pytest.raises(MissingCheckpointError):
        called(input=tmp_path, separators=tmp_path)
    with pytest.raises(ConfigurationError, match="no such separator"):
        called(input=tmp_path, separators=tmp_path, model="umx")
