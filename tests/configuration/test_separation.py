"""Parameters of `separate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sep_pipeline.configuration.project import node_parameters, parse_parameters
from sep_pipeline.configuration.separation import SeparateParameters
from sep_pipeline.configuration.strict import parse
from sep_pipeline.errors import ConfigurationError
from sep_pipeline.fingerprints import digest
from sep_pipeline.separation.card import CARD_NAME
from sep_pipeline.separation.songs import SongOptions


def separation(**values: Any) -> SeparateParameters:
    return parse(SeparateParameters, values, name="separate", project_path=Path("/project"))


def test_defaults(load_parameters: Any) -> None:
    shipped = parse_parameters(load_parameters("base"), Path("/project")).separate
    assert shipped == SeparateParameters(
        input=None, model=None, separators=Path("/project/data/06_models"), files=SongOptions()
    )


def test_songs_models_and_stems_come_from_the_command_line(load_parameters: Any) -> None:
    given = {"input": "music/song.mp3", "model": "open_unmix/umx/0", "stems": "drums+bass"}
    found = parse_parameters(load_parameters("test", **given), Path("/project")).separate
    assert found.input == Path("/project/music/song.mp3")
    assert found.model == "open_unmix/umx/0"
    assert found.separators == Path("/project/data/test/06_models")
    assert found.files.stems == ("drums", "bass")


@pytest.mark.parametrize(
    ("files", "parameter"),
    [
        ({"format": "ogg"}, "format"),
        ({"bits": 8}, "bits"),
        ({"refine": "much"}, "refine"),
        ({"template": "{track}"}, "template"),
        ({"has_residual": "perhaps"}, "has_residual"),
    ],
)
def test_wrong_values_are_refused_by_their_whole_name(files: dict[str, Any], parameter: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        separation(files=files)
    assert caught.value.parameter == f"separate.files.{parameter}"


@pytest.mark.parametrize(
    ("values", "nearest"), [({"inputs": "x"}, "input"), ({"files": {"residual": True}}, "has_residual")]
)
def test_unknown_names_are_refused_with_the_nearest(values: dict[str, Any], nearest: str) -> None:
    with pytest.raises(ConfigurationError, match="unknown parameter") as caught:
        separation(**values)
    assert nearest in str(caught.value.expected)


def test_a_folder_counts_with_its_content_and_a_name_does_not(tmp_path: Path) -> None:
    (tmp_path / CARD_NAME).write_text("{}")
    folder = separation(model=str(tmp_path))
    assert folder.model == tmp_path
    assert separation(model="umx").model == "umx"
    before = digest(folder)
    (tmp_path / CARD_NAME).write_text('{"name": "other"}')
    assert digest(folder) != before


def test_nodes_get_equal_parameters_back(load_parameters: Any, tmp_path: Path) -> None:
    given = {"input": str(tmp_path), "model": "umx", "stems": "drums+bass"}
    parameters = parse_parameters(load_parameters("base", **given), Path("/project"))
    plain = node_parameters(parameters)["separate"]
    assert SeparateParameters.model_validate(plain) == parameters.separate
