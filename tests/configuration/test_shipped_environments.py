import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import sep_pipeline
from sep_pipeline.configuration.jukebox_transfer import ArmParameters
from sep_pipeline.configuration.project import ProjectParameters, parse_parameters
from sep_pipeline.errors import ConfigurationError, UnnamedInputError

CONF = Path(__file__).parents[2] / "conf"
PAPER_FILES = sorted(CONF.glob("paper/*/*.yml"))
# What a study does not decide: names and places, what is only looked at, and which cells are run.
WITHOUT_PRINTED_VALUE = {
    *("name", "root", "rendering", "grouping"),
    *("wiener", "curve_seconds"),
}
ENVIRONMENTS: dict[str, dict[str, str]] = {
    "base": {},
    "test": {},
    "paper": {"musdb_root": "/music/musdb18hq", "weights": "/music/vqvae.pth.tar"},
}


@pytest.fixture(params=ENVIRONMENTS)
def environment(request: pytest.FixtureRequest, load_parameters: Any) -> ProjectParameters:
    """Every shipped environment, parsed."""
    return parse_parameters(load_parameters(request.param, **ENVIRONMENTS[request.param]), Path("/project"))


@pytest.fixture
def paper(load_parameters: Any) -> ProjectParameters:
    return parse_parameters(load_parameters("paper", **ENVIRONMENTS["paper"]), Path("/project"))


def leaves(values: Any, name: str = "") -> dict[str, Any]:
    if not isinstance(values, dict):
        return {name: values}
    return {
        dotted: leaf
        for key, value in values.items()
        for dotted, leaf in leaves(value, f"{name}.{key}" if name else key).items()
    }


def differences(arm: ArmParameters, other: ArmParameters) -> dict[str, tuple[Any, Any]]:
    ours, theirs = leaves(arm.model_dump()), leaves(other.model_dump())
    return {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]}


def test_every_folder_of_environments_is_covered() -> None:
    folders = {path.name for path in CONF.iterdir() if path.is_dir()}
    assert folders - {"local"} == {*ENVIRONMENTS, "shipped"}


def test_shipped_separators_hear_no_song_that_is_tested_on(load_parameters: Any) -> None:
    shipped = parse_parameters(load_parameters("shipped"), Path("/project"))
    base = parse_parameters(load_parameters("base"), Path("/project"))
    assert shipped.open_unmix.data == shipped.jukebox_transfer.data
    for study in ("open_unmix", "jukebox_transfer"):
        ours, demo = getattr(shipped, study).data, getattr(base, study).data
        assert ours.name != demo.name
        assert ours.rendering.synthesis == demo.rendering.synthesis
        assert set(ours.rendering.parts) == {"pretrain", *demo.rendering.parts}


def test_every_environment_runs_the_ablation(environment: ProjectParameters) -> None:
    assert {"pretrained", "scratch", "no_finetune", "scratch_as_published"} <= set(
        environment.jukebox_transfer.run.arms
    )


def test_scratch_differs_in_the_initial_weights_alone(environment: ProjectParameters) -> None:
    arms = environment.jukebox_transfer.arms
    assert differences(arms["pretrained"], arms["scratch"]) == {
        "phase_one.initial_weights": ("pretrained", "random")
    }


def test_no_finetune_differs_in_the_steps_of_phase_one_alone(environment: ProjectParameters) -> None:
    arms = environment.jukebox_transfer.arms
    difference = differences(arms["pretrained"], arms["no_finetune"])
    assert {name: theirs for name, (_, theirs) in difference.items()} == {"phase_one.training.num_steps": 0}


def test_scratch_as_published_has_a_frozen_random_codebook(environment: ProjectParameters) -> None:
    phase_one = environment.jukebox_transfer.arms["scratch_as_published"].phase_one
    assert (phase_one.initial_weights, phase_one.codebook) == ("random", "frozen")


def test_scratch_as_published_differs_from_scratch_in_codebook_and_budget(
    environment: ProjectParameters,
) -> None:
    arms = environment.jukebox_transfer.arms
    assert set(differences(arms["scratch"], arms["scratch_as_published"])) <= {
        "phase_one.codebook",
        "phase_one.training.num_steps",
        "phase_two.training.num_steps",
        "phase_two.training.snapshot_steps",
    }


def test_in_the_paper_all_arms_have_one_budget(paper: ProjectParameters) -> None:
    arms = paper.jukebox_transfer.arms
    difference = differences(arms["scratch"], arms["scratch_as_published"])
    assert set(difference) == {"phase_one.codebook"}


def test_the_paper_uses_the_data_and_weights_given(paper: ProjectParameters) -> None:
    study = paper.jukebox_transfer
    assert study.data.root == Path("/music/musdb18hq")
    assert study.model.weights == Path("/music/vqvae.pth.tar")
    assert study.model.resolved_preset() == "jukebox"


def test_the_paper_renders_nothing(paper: ProjectParameters) -> None:
    assert paper.jukebox_transfer.data.rendering is None


@pytest.mark.parametrize("missing", ["musdb_root", "weights"])
def test_the_paper_says_which_option_is_missing(load_parameters: Any, missing: str) -> None:
    given = {name: value for name, value in ENVIRONMENTS["paper"].items() if name != missing}
    with pytest.raises(ConfigurationError, match=f"--params={missing}="):
        _ = parse_parameters(load_parameters("paper", **given), Path("/project")).jukebox_transfer


def test_a_data_set_that_is_not_named_stops_its_own_study_only(load_parameters: Any) -> None:
    tree = load_parameters("paper", musdb_root="/music/musdb18hq", weights="/music/vqvae.pth.tar")
    tree["open_unmix"]["defaults"]["data"]["root"] = None
    parameters = parse_parameters(tree, Path("/project"))
    assert parameters.jukebox_transfer.data.name == "musdb18hq"
    with pytest.raises(UnnamedInputError, match="a data set needs either a folder or a rendering"):
        _ = parameters.open_unmix


def test_the_demo_starts_from_the_weights_of_this_project(load_parameters: Any) -> None:
    demo = parse_parameters(load_parameters("base"), Path("/project")).jukebox_transfer
    package = Path(sep_pipeline.__file__).parent
    assert demo.model.weights == package / "weights" / "jukebox_compact" / "weights.safetensors"
    assert demo.model.resolved_preset() == "compact"


@pytest.mark.parametrize(
    ("weights", "name"),
    [
        ("shipped", "jukebox_compact"),
        ("vqvae.pth.tar", "vqvae.pth.tar"),
        ("made/weights.safetensors", "made"),
    ],
)
def test_tables_can_name_the_weights(load_parameters: Any, weights: str, name: str) -> None:
    tree = load_parameters("base", weights=weights)
    assert parse_parameters(tree, Path("/project")).jukebox_transfer.model.weights_name == name


def test_the_demo_takes_weights_from_the_command_line(load_parameters: Any) -> None:
    tree = load_parameters("base", weights="vqvae.pth.tar")
    demo = parse_parameters(tree, Path("/project")).jukebox_transfer
    assert demo.model.weights == Path("/project/vqvae.pth.tar")


def test_environments_write_into_different_folders() -> None:
    folders = [
        yaml.safe_load((CONF / name / "globals.yml").read_text())["data_folder"] for name in ENVIRONMENTS
    ]
    assert len(set(folders)) == len(ENVIRONMENTS)


def uncommented_leaves(text: str) -> Iterator[str]:
    """Dotted names of values without a comment on their line, above it, or so at a block that holds them.

    The study's name and `defaults` do not count as such a block, for they hold everything.
    """
    blocks: list[tuple[int, str, bool]] = []
    above = ""
    for line in text.splitlines():
        found = re.match(r"( *)([\w]+):(.*)$", line)
        if found:
            indent, name, rest = len(found[1]), found[2], found[3]
            blocks = [block for block in blocks if block[0] < indent]
            has_comment = "#" in rest or above.strip().startswith("#")
            if rest.split("#")[0].strip():
                if not has_comment and not any(explained for *_, explained in blocks[1:]):
                    yield ".".join([*(block[1] for block in blocks), name])
            else:
                blocks.append((indent, name, has_comment))
        above = line


def test_the_comment_check_finds_a_value_without_a_source() -> None:
    explained = "study: # all\n  # section 1\n  one: 1\n  block: # section 2\n    two: 2\n"
    text = explained + "  three: 3\n  four: 4 # code\n"
    assert list(uncommented_leaves(text)) == ["study.three"]


@pytest.mark.parametrize("file", PAPER_FILES, ids=lambda file: file.parent.name)
def test_every_value_of_a_published_study_tells_its_source(file: Path) -> None:
    without = [name.split(".")[1:] for name in uncommented_leaves(file.read_text(encoding="utf-8"))]
    assert [name for name in without if name[0] == "defaults" and name[-1] not in WITHOUT_PRINTED_VALUE] == []
