"""Parameters of `score` and `leaderboard`."""

from pathlib import Path
from typing import Any

import pytest

from sep_pipeline.configuration.project import ProjectParameters, parse_parameters
from sep_pipeline.configuration.scoring import LeaderboardParameters, ScoreParameters
from sep_pipeline.configuration.strict import parse
from sep_pipeline.errors import ConfigurationError


def score(**values: Any) -> ScoreParameters:
    return parse(ScoreParameters, values, name="score", project_path=Path("/project"))


def leaderboard(**values: Any) -> LeaderboardParameters:
    given = {"separators": "data/06_models", **values}
    return parse(LeaderboardParameters, given, name="leaderboard", project_path=Path("/project"))


@pytest.fixture
def shipped(load_parameters: Any) -> ProjectParameters:
    return parse_parameters(load_parameters("base"), Path("/project"))


def test_defaults_of_score(shipped: ProjectParameters) -> None:
    assert shipped.score == ScoreParameters(
        estimates=None,
        references=None,
        name="none",
        split="test",
        stems=None,
        channels="as_stored",
        engine="fast",
    )


def test_defaults_of_the_leaderboard(shipped: ProjectParameters) -> None:
    assert shipped.leaderboard == LeaderboardParameters(
        separators=Path("/project/data/06_models"),
        has_oracles=True,
        sorted_by="SDR",
        channels="as_stored",
        engine="fast",
    )


def test_the_test_environment_looks_for_separators_in_its_own_folder(load_parameters: Any) -> None:
    parameters = parse_parameters(load_parameters("test"), Path("/project"))
    assert parameters.leaderboard.separators == Path("/project/data/test/06_models")


def test_estimates_and_references_come_from_the_command_line(load_parameters: Any) -> None:
    tree = load_parameters("base", estimates="results/mine", references="/music/store", stems="piano+rest")
    found = parse_parameters(tree, Path("/project")).score
    assert found.estimates == Path("/project/results/mine")
    assert found.references == Path("/music/store")
    assert found.stems == ("piano", "rest")


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("/results/my_model", "my_model"),
        ("/results/my_model/", "my_model"),
        ("results", "results"),
        ("/results/Ölçü v1.2", "_l_v1_2"),
        (None, "none"),
    ],
)
def test_auto_names_the_method_after_the_folder(folder: str | None, name: str) -> None:
    assert score(estimates=folder, name="auto").name == name
    assert score(estimates=folder).name == name


def test_a_name_that_is_given_counts() -> None:
    assert score(estimates="/results/seed_0", name="scratch-0").name == "scratch-0"


@pytest.mark.parametrize("name", ["../up", "a b", ""])
def test_a_name_that_is_no_folder_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"score\.name"):
        score(name=name)


@pytest.mark.parametrize(
    ("given", "stems"),
    [
        ("auto", None),
        (None, None),
        ("drums+bass", ("drums", "bass")),
        ("drums", ("drums",)),
        (["bass", "drums"], ("bass", "drums")),
    ],
)
def test_stems_are_a_list_or_joined_by_plus(given: object, stems: tuple[str, ...] | None) -> None:
    assert score(stems=given).stems == stems


@pytest.mark.parametrize("stems", ["drums+drums", "drums+", "", []])
def test_stems_are_named_once_each(stems: object) -> None:
    with pytest.raises(ConfigurationError, match=r"score\.stems"):
        score(stems=stems)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("split", "dev"), ("channels", "stereo"), ("engine", "slow"), ("engine", None)],
)
def test_wrong_values_of_score_are_refused(parameter: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=rf"score\.{parameter}"):
        score(**{parameter: value})


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("sorted_by", "SNR"), ("channels", "left"), ("engine", "slow"), ("has_oracles", "perhaps")],
)
def test_wrong_values_of_the_leaderboard_are_refused(parameter: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=rf"leaderboard\.{parameter}"):
        leaderboard(**{parameter: value})


@pytest.mark.parametrize(
    ("parse_block", "name", "nearest"),
    [(score, "engin", "engine"), (score, "estimate", "estimates"), (leaderboard, "sort_by", "sorted_by")],
)
def test_unknown_names_are_refused_with_the_nearest(parse_block: Any, name: str, nearest: str) -> None:
    with pytest.raises(ConfigurationError, match=nearest) as raised:
        parse_block(**{name: "x"})
    assert name in str(raised.value.parameter)
