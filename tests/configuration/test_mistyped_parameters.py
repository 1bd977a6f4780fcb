from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sep_pipeline.configuration.project import ProjectParameters, parse_parameters
from sep_pipeline.errors import ConfigurationError

DEFAULTS = "jukebox_transfer.defaults"
SCRATCH = "jukebox_transfer.arms.scratch"


def with_value(tree: dict[str, Any], dotted: str, value: Any) -> dict[str, Any]:
    """What `--params=<dotted>=<value>` makes of the tree."""
    *blocks, name = dotted.split(".")
    place = tree
    for block in blocks:
        place = place.setdefault(block, {})
    place[name] = value
    return tree


@pytest.fixture
def parsed_with(load_parameters: Any) -> Any:
    def parsed(dotted: str, value: Any, env: str = "base") -> ProjectParameters:
        return parse_parameters(with_value(load_parameters(env), dotted, value), Path("/project"))

    return parsed


@pytest.mark.parametrize(
    ("parameter", "nearest"),
    [
        ("devcie", "device"),
        ("jukebox_transfr", "jukebox_transfer"),
        ("jukebox_transfer.default", "defaults"),
        (f"{DEFAULTS}.phase_oen", "phase_one"),
        (f"{DEFAULTS}.evaluatoin", "evaluation"),
        (f"{DEFAULTS}.data.stem", "stems"),
        (f"{DEFAULTS}.data.rendering.max_song", "max_songs"),
        (f"{DEFAULTS}.data.rendering.synthesis.max_second", "max_seconds"),
        (f"{DEFAULTS}.model.weight", "weights"),
        (f"{DEFAULTS}.examples.chunk_sample", "chunk_samples"),
        (f"{DEFAULTS}.phase_one.codebok", "codebook"),
        (f"{DEFAULTS}.phase_two.training.num_step", "num_steps"),
        (f"{DEFAULTS}.evaluation.curve_second", "curve_seconds"),
        (f"{SCRATCH}.phase_on", "phase_one"),
        (f"{SCRATCH}.phase_one.initial_weight", "initial_weights"),
        ("jukebox_transfer.run.arm", "arms"),
        ("jukebox_transfer.run.seed", "seeds"),
        ("jukebox_pretrain.sed", "seed"),
        ("jukebox_pretrain.data.layuot", "layout"),
        ("jukebox_pretrain.training.batchsize", "batch_size"),
    ],
)
def test_a_mistyped_key_is_named_with_the_nearest_one_first(
    parsed_with: Any, parameter: str, nearest: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parsed_with(parameter, 1)
    error = caught.value
    assert (error.problem, error.parameter) == ("unknown parameter", parameter)
    assert str(error.expected).removeprefix("one of ").split(", ")[0] == nearest


@pytest.mark.parametrize(
    ("parameter", "value", "words"),
    [
        ("device", "gpu", "'auto', 'cpu' or 'cuda'"),
        ("precision", "fp16", "'auto', 'fp32' or 'bf16'"),
        ("num_processes", 0, "greater than or equal to 1"),
        ("num_processes", "many", "valid integer"),
        ("jukebox_transfer", 5, "block of parameters"),
        ("jukebox_transfer.arms", 5, "block of parameters"),
        (SCRATCH, 5, "block of parameters"),
        ("jukebox_transfer.run", 5, "block of parameters"),
        ("jukebox_transfer.run.arms", [], "at least 1 item"),
        ("jukebox_transfer.run.seeds", "0+0", "named once"),
        (f"{DEFAULTS}.data", 5, "valid dictionary"),
        (f"{DEFAULTS}.data.layout", "slak", "one of slakh"),
        (f"{DEFAULTS}.data.stems", "drums+drums", "named once"),
        (f"{DEFAULTS}.data.stems", "mixture+drums", "none is called mixture"),
        (f"{DEFAULTS}.data.stems", [], "at least 1 item"),
        (f"{DEFAULTS}.data.min_seconds", -1, "greater than or equal to 0"),
        (f"{DEFAULTS}.data.rendering.synthesis.max_seconds", -3, "out of range"),
        (f"{DEFAULTS}.model.preset", "big", "'auto', 'jukebox' or 'compact'"),
        (f"{DEFAULTS}.examples.blend", "mono", "'shared', 'independent' or 'off'"),
        (f"{DEFAULTS}.phase_one.training.num_steps", -3, "out of range"),
        (f"{DEFAULTS}.phase_one.training.num_steps", 2.5, "fractional part"),
        (f"{DEFAULTS}.phase_two.me_loss", "l2", "'embedding' or 'embedding_and_decoded'"),
        (f"{SCRATCH}.phase_one.training.num_steps", "x", "valid integer"),
        ("jukebox_pretrain", None, "block of parameters"),
    ],
)
def test_a_wrong_value_is_refused_under_its_own_name(
    parsed_with: Any, parameter: str, value: Any, words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        parsed_with(parameter, value)
    assert caught.value.parameter == parameter


def test_a_stem_whose_name_cannot_name_a_file_is_refused(parsed_with: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"data\.stems\.1; found: 'lead/vocals'"):
        parsed_with(f"{DEFAULTS}.data.stems", "drums+lead/vocals")


def test_a_seed_must_be_a_number(parsed_with: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"run\.seeds\.1; found: 'one'"):
        parsed_with("jukebox_transfer.run.seeds", "0+one")


def test_an_arm_to_run_must_be_defined(parsed_with: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"run\.arms; expected: some of pretrained, scratch.*scrach"):
        parsed_with("jukebox_transfer.run.arms", "pretrained+scrach")


@pytest.mark.parametrize(("missing"), ["defaults", "arms", "run"])
def test_a_missing_part_of_a_study_is_refused(load_parameters: Any, missing: str) -> None:
    tree = load_parameters()
    del tree["jukebox_transfer"][missing]
    with pytest.raises(ConfigurationError, match=r"jukebox_transfer\."):
        parse_parameters(tree)


def test_a_missing_study_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"jukebox_transfer\.defaults\.phase_one"):
        parse_parameters({"device": "cpu"})


@pytest.mark.parametrize(
    ("parameter", "value", "part", "expected"),
    [
        ("jukebox_transfer.run.arms", "scratch", "arms", ("scratch",)),
        ("jukebox_transfer.run.arms", "scratch+pretrained", "arms", ("scratch", "pretrained")),
        ("jukebox_transfer.run.seeds", 3, "seeds", (3,)),
        ("jukebox_transfer.run.seeds", "0+1", "seeds", (0, 1)),
        ("jukebox_transfer.run.seeds", [2, 4], "seeds", (2, 4)),
    ],
)
def test_arms_and_seeds_can_be_given_on_the_command_line(
    parsed_with: Any, parameter: str, value: Any, part: str, expected: tuple[object, ...]
) -> None:
    assert getattr(parsed_with(parameter, value).jukebox_transfer.run, part) == expected


def test_numbers_written_as_text_are_numbers(parsed_with: Any) -> None:
    parsed = parsed_with(f"{DEFAULTS}.phase_one.training.learning_rate", "3e-4")
    assert parsed.jukebox_transfer.arms["pretrained"].phase_one.training.learning_rate == 3e-4


def test_the_given_tree_is_not_changed(load_parameters: Any) -> None:
    tree: Mapping[str, Any] = load_parameters()
    parse_parameters(tree, Path("/project"))
    assert tree == load_parameters()
