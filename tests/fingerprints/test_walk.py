from pathlib import Path
from typing import Any

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline, node
from kedro.runner import SequentialRunner

from sep_pipeline.datasets import ArtifactDataset, TextDataset, WorkspaceDataset
from sep_pipeline.fingerprints import expect_fingerprints, stale_nodes, walk

PARAMETERS = {"tempo": 120, "key": "C", "title": "waltz"}


def compose(tempo: int) -> str:
    return f"notes at {tempo}"


def play(notes: str, key: str, work: object) -> tuple[str, str]:
    return f"{notes} in {key}", "loud"


def print_poster(title: str) -> str:
    return title.upper()


def review(sound: str, poster: str) -> str:
    return f"{poster}: {sound}"


PIPELINE = Pipeline(
    [
        node(compose, "params:tempo", "notes", name="compose"),
        node(play, ["notes", "params:key", "work"], ["sound", "loudness"], name="play"),
        node(print_poster, "params:title", "poster", name="print"),
        node(review, ["sound", "poster"], "review", name="review"),
    ]
)


@pytest.fixture(autouse=True)
def code_of_a_test_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """The functions above lie outside the package, so that their names stand for their code."""
    monkeypatch.setattr(walk, "code_digest", lambda function: function.__name__)


def catalog_in(folder: Path, **changed: Any) -> DataCatalog:
    outputs = ("notes", "sound", "loudness", "poster", "review")
    return DataCatalog(
        {name: TextDataset(filepath=str(folder / f"{name}.txt")) for name in outputs}
        | {f"params:{name}": MemoryDataset(value) for name, value in {**PARAMETERS, **changed}.items()}
        | {"work": WorkspaceDataset(filepath=str(folder / "work"))}
    )


def run(folder: Path, **changed: Any) -> None:
    catalog = catalog_in(folder, **changed)
    expect_fingerprints(PIPELINE, catalog)
    SequentialRunner().run(PIPELINE, catalog)


def to_do(folder: Path, pipeline: Pipeline = PIPELINE, **changed: Any) -> dict[str, str]:
    """Names of the nodes to do, with the reason, in a fresh process."""
    catalog = catalog_in(folder, **changed)
    expect_fingerprints(pipeline, catalog)
    return {item.name: reason for item, reason in stale_nodes(pipeline, catalog).items()}


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A folder in which the whole pipeline has run."""
    run(tmp_path)
    return tmp_path


def test_before_the_first_run_everything_is_to_do(tmp_path: Path) -> None:
    assert to_do(tmp_path) == dict.fromkeys(["compose", "play", "print", "review"], "not made yet")


def test_after_a_run_nothing_is_to_do(finished: Path) -> None:
    assert to_do(finished) == {}


def test_a_changed_parameter_redoes_what_is_downstream(finished: Path) -> None:
    assert to_do(finished, tempo=90) == {
        "compose": "changed: params:tempo",
        "play": "changed: notes",
        "review": "changed: sound",
    }


def test_a_parameter_in_the_middle_leaves_upstream_alone(finished: Path) -> None:
    assert to_do(finished, key="D") == {"play": "changed: params:key", "review": "changed: sound"}


def test_an_unrelated_branch_stays_fresh(finished: Path) -> None:
    assert to_do(finished, title="march") == {"print": "changed: params:title", "review": "changed: poster"}


def test_going_back_to_the_old_value_is_fresh_again(finished: Path) -> None:
    assert to_do(finished, tempo=90) != {}
    assert to_do(finished) == {}


@pytest.mark.parametrize(
    ("file", "node_name"),
    [("notes", "compose"), ("sound", "play"), ("loudness", "play"), ("review", "review")],
)
def test_a_deleted_file_redoes_its_node_alone(finished: Path, file: str, node_name: str) -> None:
    (finished / f"{file}.txt").unlink()
    assert to_do(finished) == {node_name: "not made yet"}


def test_changed_code_redoes_the_node_and_what_is_downstream(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "code_digest", lambda function: function.__name__.replace("play", "sing"))
    assert to_do(finished) == {"play": "changed: code", "review": "changed: sound"}


def test_a_changed_wiring_redoes_the_node(finished: Path) -> None:
    shorter = Pipeline([*PIPELINE.only_nodes("compose", "play", "print").nodes]) + Pipeline(
        [node(review, ["loudness", "poster"], "review", name="review")]
    )
    assert to_do(finished, shorter) == {"review": "changed: loudness, sound"}


def test_part_of_a_finished_pipeline_is_fresh(finished: Path) -> None:
    assert to_do(finished, PIPELINE.from_nodes("review")) == {}


def test_part_of_a_pipeline_sees_that_its_input_was_made_differently(finished: Path) -> None:
    catalog = catalog_in(finished, tempo=90)
    upstream = PIPELINE.to_nodes("compose")
    expect_fingerprints(upstream, catalog)
    SequentialRunner().run(upstream, catalog)
    assert to_do(finished, PIPELINE.from_nodes("play"), tempo=90) == {
        "play": "changed: notes",
        "review": "changed: sound",
    }


def test_a_file_brought_along_counts_by_its_content(tmp_path: Path) -> None:
    brought = PIPELINE.from_nodes("play")
    (tmp_path / "notes.txt").write_text("by hand")
    catalog = catalog_in(tmp_path)
    expect_fingerprints(PIPELINE, catalog)
    SequentialRunner().run(PIPELINE.only_nodes("print"), catalog)
    expect_fingerprints(brought, catalog)
    SequentialRunner().run(brought, catalog)
    assert to_do(tmp_path, brought) == {}
    (tmp_path / "notes.txt").write_text("other notes by hand")
    assert to_do(tmp_path, brought) == {"play": "changed: notes", "review": "changed: sound"}


def test_the_same_function_under_another_name_has_another_fingerprint(tmp_path: Path) -> None:
    fingerprints = []
    for name in ("first", "second"):
        catalog = catalog_in(tmp_path)
        pipeline = Pipeline([node(compose, "params:tempo", "notes", name=name)])
        expect_fingerprints(pipeline, catalog)
        dataset = catalog.get("notes")
        assert isinstance(dataset, ArtifactDataset)
        fingerprints.append(dataset.expected)
    assert fingerprints[0] != fingerprints[1]


def work_identity(folder: Path, **changed: Any) -> str:
    catalog = catalog_in(folder, **changed)
    expect_fingerprints(PIPELINE, catalog)
    return str(catalog.load("work").identity)


def test_work_in_progress_is_named_after_what_it_depends_on(tmp_path: Path) -> None:
    assert work_identity(tmp_path) == work_identity(tmp_path, title="march")
    assert work_identity(tmp_path) != work_identity(tmp_path, tempo=90)


def test_the_content_of_an_external_file_counts(tmp_path: Path) -> None:
    from kedro_datasets.yaml import YAMLDataset  # type: ignore[import-untyped]

    printed = tmp_path / "published.yml"
    pipeline = Pipeline([node(review, ["params:title", "published"], "review", name="review")])

    def expected() -> str | None:
        catalog = catalog_in(tmp_path)
        catalog["published"] = YAMLDataset(filepath=str(printed))
        expect_fingerprints(pipeline, catalog)
        dataset = catalog.get("review")
        assert isinstance(dataset, ArtifactDataset)
        return dataset.expected

    printed.write_text("sdr: 4.9")
    before = expected()
    printed.write_text("sdr: 5.0")
    assert expected() != before


def times_of_making(folder: Path) -> dict[str, int]:
    return {path.stem: path.stat().st_mtime_ns for path in folder.glob("*.txt")}


@pytest.mark.parametrize(
    ("changed", "remade"),
    [
        ({}, set()),
        ({"key": "D"}, {"sound", "loudness", "review"}),
        ({"title": "march"}, {"poster", "review"}),
        ({"tempo": 90}, {"notes", "sound", "loudness", "review"}),
    ],
    ids=["nothing", "middle", "branch", "top"],
)
def test_a_run_of_what_is_missing_makes_exactly_the_stale_outputs(
    finished: Path, changed: dict[str, Any], remade: set[str]
) -> None:
    before = times_of_making(finished)
    catalog = catalog_in(finished, **changed)
    expect_fingerprints(PIPELINE, catalog)
    SequentialRunner().run(PIPELINE, catalog, only_missing_outputs=True)
    after = times_of_making(finished)
    assert {name for name in after if after[name] != before[name]} == remade


def test_the_same_value_under_another_parameter_name_makes_the_same(tmp_path: Path) -> None:
    """Studies share rendered songs although each has them among its own parameters."""
    run(tmp_path)
    renamed = Pipeline([node(compose, "params:other_study.tempo", "notes", name="compose")])

    def stale(tempo: int) -> set[str]:
        catalog = catalog_in(tmp_path)
        catalog["params:other_study.tempo"] = MemoryDataset(tempo)
        expect_fingerprints(renamed, catalog)
        return {found.name for found in stale_nodes(renamed, catalog)}

    assert stale(120) == set()
    assert stale(121) == {"compose"}
