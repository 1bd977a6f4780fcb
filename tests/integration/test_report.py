"""`report` on finished studies: the pages, what is done again, where they are logged, what is refused."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow import MlflowClient

from sep_pipeline.configuration.execution import ExecutionParameters
from sep_pipeline.configuration.report import PageParameters
from sep_pipeline.configuration.scoring import LeaderboardParameters
from sep_pipeline.errors import NoInputError, UnnamedInputError
from sep_pipeline.pipelines.report import nodes
from sep_pipeline.reporting.page import load_listening
from sep_pipeline.reporting.page.document import cell_text
from sep_pipeline.tracking import TrackingSession, TrackingSettings

STUDIES = ["jukebox_transfer", "chimera_transfer", "contrastive_demix", "open_unmix"]
SHORT = {"report": {"page": {"excerpt_seconds": 0.5}}}
LARGEST_BYTES = 12e6


def folder_of(project: Any, name: str) -> Path:
    return Path(project.data) / "08_reporting" / name


def page_of(project: Any, name: str) -> str:
    return (folder_of(project, name) / "report.html").read_text(encoding="utf-8")


def make_page(project: Any, name: str, **more: Any) -> str:
    project.run("report", parameters={"study": name, **SHORT, **more})
    return page_of(project, name)


def copied(study: Any, project_type: Any, factory: pytest.TempPathFactory) -> Any:
    folders = [path.name for path in study.data.iterdir()]
    return project_type(factory.mktemp("reported") / "project").with_data_of(study, *folders)


@pytest.fixture(scope="module", params=STUDIES)
def reported(
    request: pytest.FixtureRequest, project_type: Any, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, str]:
    """A project with the page of one study, and the study's name."""
    name = request.param
    fixture = "study" if name == "jukebox_transfer" else name
    project = copied(request.getfixturevalue(fixture), project_type, tmp_path_factory)
    make_page(project, name)
    return project, name


def test_every_cell_of_every_table_is_on_the_page(reported: tuple[Any, str]) -> None:
    project, name = reported
    page = page_of(project, name)
    tables = sorted(folder_of(project, name).glob("table_*.csv"))
    assert len(tables) >= 3
    for table in tables:
        frame = pd.read_csv(table)
        body = re.search(rf'<table data-name="{table.stem}">(.*?)</table>', page, re.DOTALL)
        assert body is not None
        shown = [unescape(cell) for cell in re.findall(r"<td>(.*?)</td>", body[1], re.DOTALL)]
        assert shown == [cell_text(value) for row in frame.itertuples(index=False) for value in row]


def test_every_heard_arm_has_every_stem_of_every_song(reported: tuple[Any, str]) -> None:
    project, name = reported
    listed = json.loads((folder_of(project, name) / "listening" / "songs.json").read_text())
    for song in listed["songs"]:
        rows = [clip["row"] for clip in song["clips"]]
        arms = list(dict.fromkeys(rows))[2:]
        stems = [clip["stem"] for clip in song["clips"] if clip["row"] == "reference"]
        assert 1 <= len(arms) <= 4
        assert len(rows) == 1 + len(stems) * (1 + len(arms))
    num_clips = sum(len(song["clips"]) for song in listed["songs"])
    assert page_of(project, name).count('src="data:audio/mpeg;base64,') == num_clips


def test_each_arm_has_a_best_a_median_and_a_worst_song(reported: tuple[Any, str]) -> None:
    project, name = reported
    listed = json.loads((folder_of(project, name) / "listening" / "songs.json").read_text())
    places: dict[str, list[str]] = {}
    for song in listed["songs"]:
        for place, arm in song["choices"]:
            places.setdefault(arm, []).append(place)
    assert all(sorted(found) == ["best", "median", "worst"] for found in places.values())
    scores = pd.read_parquet(folder_of(project, name) / "scores.parquet")
    own = scores[(scores["metric"] == listed["metric"]) & (scores["seed"] == listed["seed"])]
    for song in listed["songs"]:
        for place, arm in song["choices"]:
            means = own[own["arm"] == arm].groupby("track")["value"].mean()
            expected = {"best": means.max(), "worst": means.min()}.get(place)
            assert expected is None or means[song["name"]] == expected


def test_figures_of_clips_are_those_of_the_scores(reported: tuple[Any, str]) -> None:
    project, name = reported
    listed = json.loads((folder_of(project, name) / "listening" / "songs.json").read_text())
    scores = pd.read_parquet(folder_of(project, name) / "scores.parquet")
    own = scores[(scores["metric"] == listed["metric"]) & (scores["seed"] == listed["seed"])]
    table = own.set_index(["track", "arm", "stem"])["value"]
    for song in listed["songs"]:
        for clip in song["clips"]:
            if clip["row"] not in ("mixture", "reference"):
                assert clip["score"] == table[song["name"], clip["row"], clip["stem"]]


def test_the_page_stands_alone_within_its_bound(reported: tuple[Any, str]) -> None:
    page = page_of(*reported)
    assert len(page.encode()) <= LARGEST_BYTES
    sources = re.findall(r'\b(?:src|href)="([^"]{0,40})', page)
    assert all(source.startswith(("data:", "#")) for source in sources)
    assert not re.search(r"https?://|@import", re.sub(r"base64,[^\"]*", "", page))


def test_curves_are_drawn_and_pictures_are_inside(reported: tuple[Any, str]) -> None:
    project, name = reported
    page = page_of(project, name)
    pictures = {path.stem for path in folder_of(project, name).glob("figure_*.png")}
    shown = {alt.replace(" ", "_") for alt in re.findall(r'alt="Figure: ([^"]+)"', page)}
    assert shown == {name.removeprefix("figure_") for name in pictures} - {
        "training_curves",
        "spectrograms",
    }
    assert page.count("<polyline") > 0


def test_equal_results_give_equal_bytes_and_nothing_is_done_twice(reported: tuple[Any, str]) -> None:
    project, name = reported
    before, times = page_of(project, name), project.times()
    assert make_page(project, name) == before
    changed = {file for file, time in project.times().items() if times.get(file) != time}
    assert not any("08_reporting" in file for file in changed)
    (folder_of(project, name) / "report.html").unlink()
    (folder_of(project, name) / "listening" / "songs.json").unlink()
    project.run("report", parameters={"study": name, **SHORT}, should_force=True)
    assert page_of(project, name) == before


@pytest.fixture
def copy_of_study(study: Any, project_type: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A project with the finished work of study 1."""
    return copied(study, project_type, tmp_path_factory)


def test_another_title_writes_the_page_anew_and_cuts_no_song(copy_of_study: Any) -> None:
    make_page(copy_of_study, "jukebox_transfer")
    songs = folder_of(copy_of_study, "jukebox_transfer") / "listening" / "songs.json"
    cut_at = songs.stat().st_mtime_ns
    title = {"titles": {"jukebox_transfer": "My own title"}}
    page = make_page(copy_of_study, "jukebox_transfer", report={**SHORT["report"], **title})
    assert "<h1>My own title</h1>" in page
    assert songs.stat().st_mtime_ns == cut_at


def test_the_page_goes_to_the_run_of_its_study(copy_of_study: Any) -> None:
    settings = TrackingSettings(
        f"sqlite:///{copy_of_study.path / 'mlflow.db'}", (copy_of_study.path / "mlruns").as_uri()
    )
    session = TrackingSession.begin(settings, "jukebox_transfer", "one", {"environment": "test"})
    session.study_tracker().end("FINISHED")
    page = make_page(copy_of_study, "jukebox_transfer")
    client = MlflowClient(tracking_uri=settings.uri)
    (artifact,) = client.list_artifacts(session.study_run_id)
    assert artifact.path == "report.html"
    assert artifact.file_size == len(page.encode())
    assert client.get_run(session.study_run_id).info.status == "FINISHED"


def test_on_the_leaderboard_the_highest_separators_are_heard(study: Any, tmp_path: Path) -> None:
    values = {"scratch": 3.0, "pretrained": 2.0, "no_finetune": 1.0, "scratch_as_published": 0.0}
    rows = [
        (f"jukebox_transfer {arm}", stem, 0, track, "SDR whole song", value - 0.5 * number)
        for arm, value in values.items()
        for stem in ("drums", "bass", "guitar", "other")
        for number, track in enumerate(("Track00005", "Track00006"))
    ]
    scores = pd.DataFrame(
        [*rows, ("mixture", "drums", 0, "Track00005", "SDR whole song", 9.0)],
        columns=["arm", "stem", "seed", "track", "metric", "value"],
    )
    nodes.cut_songs_of_leaderboard(
        scores,
        study.data / "03_primary" / "rendered",
        LeaderboardParameters(separators=study.data / "06_models"),
        PageParameters(max_arms=2, excerpt_seconds=0.5),
        ExecutionParameters(device="cpu", precision="fp32"),
    )(tmp_path / "listening")
    heard = load_listening(tmp_path / "listening")
    assert heard.arms == ("jukebox_transfer scratch", "jukebox_transfer pretrained")
    assert [song.name for song in heard.songs] == ["Track00005", "Track00006"]
    assert {len(song.clips) for song in heard.songs} == {1 + 4 * 3}


def test_without_results_it_says_what_to_run(make_project: Any) -> None:
    with pytest.raises(UnnamedInputError, match=r"no study has results yet.*a finished run of a study"):
        make_project().run("report")


def test_a_study_without_results_is_refused_before_anything_is_made(make_project: Any) -> None:
    project = make_project()
    with pytest.raises(NoInputError, match=r"not there yet.*scores\.parquet"):
        project.run("report", parameters={"study": "open_unmix"})
    assert not (folder_of(project, "open_unmix") / "report.html").exists()


def test_an_unknown_study_is_answered_with_the_nearest(make_project: Any) -> None:
    result = make_project().command("run", "--pipeline=report", "--env=test", "--params=study=open_unmx")
    assert result.returncode != 0
    assert "report.study.open_unmx" in result.stderr + result.stdout
    assert "open_unmix" in result.stderr + result.stdout
