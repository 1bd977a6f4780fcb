"""The documentation names only what exists: links, commands, parameters and their defaults, paths, errors."""

import argparse
import ast
import importlib
import itertools
import re
import runpy
import shlex
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from documents import (
    DOCUMENTS,
    FENCE,
    PROJECT,
    PROSE,
    Command,
    Kind,
    all_commands,
    commands,
    fences,
    name_of,
    spans,
    text_of,
)
from omegaconf import OmegaConf
from stand_ins import StandIns

from sep_pipeline import errors
from sep_pipeline.configuration.project import TOP_LEVEL_KEYS, parse_parameters
from sep_pipeline.configuration.study import StudyParameters

LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(
    r"(?<![\w/.<>])(?:src|conf|docs|tests|tools|benchmarks|notebooks|data)/[\w./{},<>*-]*[\w}>/*]"
)
PAPER_ROOTS = {
    "musdb_root": "/path/to/musdb18hq",
    "weights": "/path/to/vqvae.pth.tar",
    "midi_root": "/path/to/midi",
}
WRITTEN_BY_THE_USER = "conf/local/"
REAL_PARSER = argparse.ArgumentParser.parse_args


def nested(assignments: str) -> dict[str, Any]:
    """What `--params=` makes of its text."""
    tree: dict[str, Any] = {}
    for assignment in assignments.split(","):
        name, _, value = assignment.partition("=")
        *blocks, last = name.split(".")
        block = tree
        for key in blocks:
            block = block.setdefault(key, {})
        block[last] = yaml.safe_load(value)
    return tree


@pytest.fixture(params=PROSE, ids=name_of)
def document(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture(scope="module")
def base(load_parameters: Any) -> dict[str, Any]:
    return dict(load_parameters("base"))


def completed(study: StudyParameters, arm: str) -> dict[str, Any]:
    """A study's block with defaults that are complete: its own and those of an arm that changes nothing."""
    block = study.model_dump(mode="json")
    shared = {name: value for name, value in block.items() if name not in ("arms", "run")}
    return {**block, "defaults": {**shared, **study.arms[arm].model_dump(mode="json")}}


@pytest.fixture(scope="module")
def known(base: dict[str, Any]) -> dict[str, Any]:
    """Every parameter with its default; what files leave out has that of its model."""
    parsed = parse_parameters(base)
    complete = {
        **parsed.execution.model_dump(mode="json"),
        "jukebox_pretrain": parsed.jukebox_pretrain.model_dump(mode="json"),
        "jukebox_transfer": completed(parsed.jukebox_transfer, "pretrained"),
        "open_unmix": completed(parsed.open_unmix, "open_unmix4"),
        "midi_waveform": completed(parsed.midi_waveform, "mae"),
    }
    merged: dict[str, Any] = OmegaConf.to_container(OmegaConf.merge(complete, base))  # type: ignore[assignment]
    return merged


def value_at(tree: Any, dotted: str) -> Any:
    for key in dotted.split("."):
        tree = tree[key]
    return tree


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    for link in LINK.findall(FENCE.sub("", text_of(path))):
        if link.startswith(("http://", "https://")):
            continue
        file, _, heading = link.partition("#")
        target = path if not file else path.parent / file
        assert target.exists(), f"{name_of(path)}: {link} does not exist"
        if heading:
            titles = re.findall(r"^#+ (.+)$", text_of(target), re.MULTILINE)
            slugs = [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]
            assert heading in slugs, f"{name_of(path)}: {link} names no heading"


def text_of_command(command: Command) -> str:
    return command.text


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_command_is_of_a_kind_that_is_checked(path: Path) -> None:
    for command in commands(path):
        assert command.kind in Kind


@pytest.mark.parametrize("command", all_commands(Kind.MAKE), ids=text_of_command)
def test_make_targets_exist(command: Command) -> None:
    targets = re.findall(r"^([a-z-]+):", text_of(PROJECT / "Makefile"), re.MULTILINE)
    given = [word for word in command.words[1:] if "=" not in word]
    assert given
    assert set(given) <= set(targets)


def words_for_kedro_run(command: Command) -> list[str]:
    """Options of `kedro run`, also of `make run ARGS=`."""
    given = [word.removeprefix("ARGS=") for word in command.words if word.startswith("ARGS=")]
    return command.words[2:] if command.kind in (Kind.RUN, Kind.LONG) else shlex.split(" ".join(given))


@pytest.mark.parametrize(
    "command",
    [
        command
        for command in all_commands(Kind.RUN, Kind.LONG, Kind.MAKE)
        if command.kind is not Kind.MAKE or command.text.startswith("make run ARGS")
    ],
    ids=text_of_command,
)
def test_runs_have_options_that_exist(command: Command) -> None:
    from sep_pipeline.cli import cli

    context = cli.commands["run"].make_context("run", words_for_kedro_run(command))
    assert context.params


@pytest.mark.parametrize("command", all_commands(Kind.PROGRAM), ids=text_of_command)
def test_programs_accept_their_options(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    program, *options = command.words[1:]
    accepted = []

    def parse(parser: argparse.ArgumentParser) -> None:
        accepted.append(REAL_PARSER(parser, options))
        raise SystemExit

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse)
    monkeypatch.syspath_prepend(str((PROJECT / program).parent))
    with pytest.raises(SystemExit):
        runpy.run_path(str(PROJECT / program), run_name="__main__")
    assert len(accepted) == 1


@pytest.mark.parametrize("command", all_commands(Kind.KEDRO), ids=text_of_command)
def test_kedro_has_the_command(command: Command) -> None:
    from kedro.framework.cli.cli import KedroCLI

    group: Any = KedroCLI(project_path=PROJECT)
    for word in command.words[1:]:
        if word.startswith("-"):
            assert word in {option for parameter in group.params for option in parameter.opts}
        else:
            group = group.get_command(click.Context(group), word)
            assert group is not None


@pytest.fixture(scope="module")
def pipelines() -> set[str]:
    from sep_pipeline.pipeline_registry import register_pipelines

    return set(register_pipelines())


def test_pipelines_exist(document: Path, pipelines: set[str]) -> None:
    assert set(re.findall(r"--pipeline=(\w+)", text_of(document))) <= pipelines


def test_the_readme_lists_every_pipeline(pipelines: set[str]) -> None:
    section = text_of(PROJECT / "README.md").partition("## Pipelines\n")[2].partition("\n## ")[0]
    listed = set(re.findall(r"^\| `(\w+)`", section, re.MULTILINE))
    assert listed == pipelines - {"__default__"}


def test_environments_exist(document: Path) -> None:
    for name in re.findall(r"--env=(\w+)", text_of(document)):
        assert (PROJECT / "conf" / name).is_dir()


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> StandIns:
    folder = tmp_path_factory.mktemp("stand_ins")
    return StandIns(folder, folder / "data")


def test_parameters_of_commands_are_accepted(
    document: Path, load_parameters: Any, stand_ins: StandIns
) -> None:
    for command in re.findall(r"[^`\n]*--params=[^\s`\"]+", text_of(document)):
        environment = next(iter(re.findall(r"--env=(\w+)", command)), "base")
        # The sets of the paper are looked at by name only.
        is_made = environment == "base"
        given = command.rpartition("--params=")[2]
        assignments = stand_ins.in_place(given) if is_made else given
        if "=" not in assignments:
            continue
        roots = {} if is_made else PAPER_ROOTS
        parse_parameters(load_parameters(environment, **{**roots, **nested(assignments)}))


def test_examples_of_parameter_files_are_accepted(
    document: Path, base: dict[str, Any], stand_ins: StandIns
) -> None:
    for body in fences(document, "yaml"):
        given = yaml.safe_load(stand_ins.in_place(body))
        assert set(given) <= set(TOP_LEVEL_KEYS), body
        merged: Any = OmegaConf.to_container(OmegaConf.merge(base, given))
        parse_parameters(merged)


def test_parameters_named_in_the_text_exist(document: Path, known: dict[str, Any]) -> None:
    for span in spans(document):
        dotted = span.partition("=")[0]
        if re.fullmatch(r"jukebox_(transfer|pretrain)(\.[a-z_]+)+", dotted):
            value_at(known, dotted)


def test_tables_of_parameters_state_the_defaults(document: Path, known: dict[str, Any]) -> None:
    table = r"^\| (Below `(?P<block>[\w.]+)`|Top level) \| Default \|.*\n\|[-| ]+\|\n(?P<rows>(\|.*\n)+)"
    for match in re.finditer(table, text_of(document), re.MULTILINE):
        for name, default in re.findall(r"^\| `([\w.]+)` \| `(.+?)` \|", match["rows"], re.MULTILINE):
            dotted = f"{match['block']}.{name}" if match["block"] else name
            actual = value_at(known, dotted)
            assert actual == yaml.safe_load(default), (
                f"{name_of(document)} says {dotted} = {default}; it is {actual}"
            )


def expanded(path: str) -> list[str]:
    """`a/{b,c}` is `a/b` and `a/c`."""
    parts = [part.split(",") for part in re.split(r"\{([^}]*)\}", path)]
    parts[::2] = [[",".join(part)] for part in parts[::2]]
    return ["".join(choice) for choice in itertools.product(*parts)]


@cache
def written_paths() -> tuple[tuple[str, ...], ...]:
    """Paths in the catalog, by components, with * for what a name fills in."""
    found = []
    for catalog in PROJECT.glob("conf/base/**/catalog.yml"):
        content = text_of(catalog).replace(
            "{study}", "*" if catalog.parent.name == "studies" else catalog.parent.name
        )
        for filepath in re.findall(r"filepath: \"?\$\{globals:data_folder\}/([^\s\",]+)", content):
            found.append(("data", *re.sub(r"\{\w+\}", "*", filepath).split("/")))
    return tuple(found)


def is_written(path: str) -> bool:
    parts = re.sub(r"<\w+>", "*", path).strip("/").split("/")
    return any(
        all(
            fnmatch(ours, theirs) or fnmatch(theirs, ours) for ours, theirs in zip(parts, known, strict=False)
        )
        for known in written_paths()
    )


def test_paths_exist(document: Path) -> None:
    outside_links = LINK.sub("]", text_of(document))
    for path in (path for found in PATH.findall(outside_links) for path in expanded(found)):
        if path.startswith(WRITTEN_BY_THE_USER):
            continue
        if re.match(r"data/0[2-8]", path):
            assert is_written(path), f"{name_of(document)}: no dataset writes {path}"
        elif re.match(r"data/(test|paper|shipped)\b", path):
            assert f"data_folder: {path}" in text_of(PROJECT / "conf" / path.split("/")[1] / "globals.yml")
        elif not re.search(r"[<*]", path):
            assert (PROJECT / path).exists(), f"{name_of(document)}: {path} does not exist"


def test_python_examples_import_what_exists(document: Path) -> None:
    for body in fences(document, "python"):
        source = "\n".join(line for line in body.splitlines() if not line.startswith("%"))
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and node.module:
                module = importlib.import_module(node.module)
                assert all(hasattr(module, alias.name) for alias in node.names), body


@cache
def source_text() -> str:
    """All modules as one text; strings that are continued on the next line are joined."""
    joined = "\n".join(text_of(path) for path in sorted(PROJECT.glob("src/**/*.py")))
    return re.sub(r"\"\s*\n\s*f?\"", "", joined)


def test_names_of_the_code_exist(document: Path) -> None:
    for span in spans(document):
        if re.fullmatch(r"\w+Error", span):
            assert hasattr(errors, span), span
        elif re.fullmatch(r"(?:[A-Z][a-z]+){2,}|[A-Z]+_[A-Z_]+|[a-z_]+\(\)", span.partition(".")[0]):
            for part in span.removesuffix("()").split("."):
                assert re.search(rf"\b{re.escape(part)}\b", source_text()), span


def test_messages_are_those_of_the_program() -> None:
    path = PROJECT / "docs" / "troubleshooting.md"
    rows = re.findall(r"^\|(?: `\w+Error` \|)? `([^`]+)` \|", text_of(path), re.MULTILINE)
    assert len(rows) > 40
    missing = [message for message in rows if message not in source_text()]
    assert not missing
