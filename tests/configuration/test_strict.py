from pathlib import Path
from typing import Any, Literal

import pytest

from sep_pipeline.configuration.strict import ProjectPath, Strict, parse, require_known
from sep_pipeline.errors import ConfigurationError
from sep_pipeline.training.config import TrainingConfig


class Inner(Strict):
    width: int
    folder: ProjectPath = Path("songs")


class Outer(Strict):
    inner: Inner
    maybe: Inner | None = None
    kind: Literal["fast", "slow"] = "fast"
    source: Literal["shipped"] | ProjectPath = "shipped"
    training: TrainingConfig | None = None


def refusal(values: Any, name: str = "block") -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        parse(Outer, values, name=name)
    return caught.value


def test_values_arrive_typed() -> None:
    outer = parse(Outer, {"inner": {"width": 3}, "training": {"num_steps": 5, "batch_size": 2}})
    assert (outer.inner.width, outer.training) == (3, TrainingConfig(num_steps=5, batch_size=2))


def test_a_parsed_block_cannot_be_changed() -> None:
    outer = parse(Outer, {"inner": {"width": 3}})
    with pytest.raises(ValueError, match="frozen"):
        outer.kind = "slow"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("values", "parameter", "expected"),
    [
        ({"inner": {"width": 1}, "iner": {}}, "block.iner", "one of inner, kind"),
        ({"inner": {"width": 1, "widht": 2}}, "block.inner.widht", "one of width"),
        ({"inner": {"width": 1}, "maybe": {"width": 1, "foldr": "a"}}, "block.maybe.foldr", "one of folder"),
        (
            {"inner": {"width": 1}, "training": {"num_steps": 1, "batch_size": 1, "learn_rate": 1}},
            "block.training.learn_rate",
            "one of learning_rate, minimum_learning_rate",
        ),
        ({"inner": {"width": 1, "zzz": 2}}, "block.inner.zzz", "one of folder, width"),
    ],
    ids=["top", "block", "optional block", "dataclass", "nothing near"],
)
def test_an_unknown_key_is_shown_with_the_nearest_names(values: Any, parameter: str, expected: str) -> None:
    error = refusal(values)
    assert (error.problem, error.parameter, error.expected) == ("unknown parameter", parameter, expected)


def test_a_missing_key_is_named() -> None:
    assert refusal({"inner": {}}).parameter == "block.inner.width"


def test_a_wrong_value_is_quoted() -> None:
    error = refusal({"inner": {"width": 1}, "kind": "fasst"})
    assert (error.parameter, error.found) == ("block.kind", "'fasst'")
    assert error.problem == "input should be 'fast' or 'slow'"


def test_a_value_out_of_range_is_named_from_the_top() -> None:
    error = refusal({"inner": {"width": 1}, "training": {"num_steps": -1, "batch_size": 2}})
    assert (error.parameter, error.expected, error.found) == ("block.training.num_steps", ">= 0", -1)


def test_a_list_out_of_range_is_named_from_the_top() -> None:
    training = {"num_steps": 5, "batch_size": 2, "snapshot_steps": [4, 9]}
    assert refusal({"inner": {"width": 1}, "training": training}).parameter == "block.training.snapshot_steps"


def test_alternatives_do_not_show_in_the_name() -> None:
    assert refusal({"inner": {"width": 1}, "source": 5}).parameter == "block.source"


@pytest.mark.parametrize("values", [None, 5, "text", [1]])
def test_what_is_no_block_is_refused(values: Any) -> None:
    assert refusal(values).problem == "this must be a block of parameters"


def test_without_a_block_name_the_parameter_stands_alone() -> None:
    assert refusal({"inner": {}}, name="").parameter == "inner.width"


@pytest.mark.parametrize(
    ("given", "expected"),
    [("songs/a", "/project/songs/a"), ("/music/a", "/music/a")],
    ids=["relative", "absolute"],
)
def test_relative_paths_start_from_the_project(given: str, expected: str) -> None:
    inner = parse(Inner, {"width": 1, "folder": given}, project_path=Path("/project"))
    assert inner.folder == Path(expected)


def test_without_a_project_relative_paths_stay() -> None:
    assert parse(Inner, {"width": 1, "folder": "songs/a"}).folder == Path("songs/a")


def test_the_home_folder_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/user")
    inner = parse(Inner, {"width": 1, "folder": "~/songs"}, project_path=Path("/project"))
    assert inner.folder == Path("/home/user/songs")


def test_known_names_pass() -> None:
    require_known(["a", "b"], {"a", "b", "c"})
