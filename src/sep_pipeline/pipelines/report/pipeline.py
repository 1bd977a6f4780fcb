"""Wires the pages: for every study the songs to listen to, then the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

from kedro.pipeline import Pipeline, node
from kedro.pipeline.node import Node

from sep_pipeline.configuration.chimera_transfer import ChimeraTransferParameters
from sep_pipeline.configuration.project import LEADERBOARD, ProjectParameters
from sep_pipeline.configuration.study import StudyParameters
from sep_pipeline.datasets import FolderWriter
from sep_pipeline.errors import UnnamedInputError
from sep_pipeline.pipelines.report import nodes

PARAMETERS = "params:report"
SHOWN = re.compile(r"table_\d+(_markdown)?|figure_\w+|curves")
"""What of a study's results a page shows, by name within the study."""


class NamedSet(Protocol):
    """A data set."""

    @property
    def name(self) -> str:
        """Its name, which is that of its store."""


@runtime_checkable
class OneSetStudy(Protocol):
    """A study whose test songs are those of one data set."""

    @property
    def data(self) -> NamedSet:
        """The data set."""


def create_pipeline(configuration: ProjectParameters, pipelines: Mapping[str, Pipeline]) -> Pipeline:
    """The pages of `report.study`, from results that are on disk; nothing is trained here.

    Args:
        configuration: All parameters.
        pipelines: Every other pipeline by name, whose outputs are what a page can show.

    Raises:
        UnnamedInputError: No study has results, or a study's data set is not named.
    """
    report = configuration.report
    if not report.study:
        raise UnnamedInputError(
            "no study has results yet",
            file=report.results,
            parameter="report.study",
            expected="a finished run of a study, such as kedro run --pipeline=open_unmix",
        )
    steps: list[Node] = []
    for study in report.study:
        if study in configuration.missing:
            raise configuration.missing[study]
        made = pipelines[study].all_outputs()
        steps += [_listening(configuration, study, made), _page(study, made)]
    return Pipeline(steps)


def _listening(configuration: ProjectParameters, study: str, made: set[str]) -> Node:
    function, inputs = (
        _of_leaderboard(configuration)
        if study == LEADERBOARD
        else _of_study(configuration.studies[study], configuration.report.page.max_arms, made)
    )
    return node(
        function,
        inputs={
            "scores": f"{study}.scores",
            "page": f"{PARAMETERS}.page",
            "execution": "params:execution",
            **inputs,
        },
        outputs=f"{study}.listening",
        name=f"cut_songs_{study}",
        namespace="listening",
    )


def _of_leaderboard(configuration: ProjectParameters) -> tuple[Callable[..., FolderWriter], dict[str, str]]:
    inputs = {
        "stem_store": f"{configuration.jukebox_transfer.data.name}.stem_store",
        "leaderboard": f"params:{LEADERBOARD}",
    }
    return nodes.cut_songs_of_leaderboard, inputs


def _of_study(
    study: StudyParameters, max_arms: int, made: set[str]
) -> tuple[Callable[..., FolderWriter], dict[str, str]]:
    inputs = {"run": f"params:{study.STUDY}.run"}
    for arm in study.heard_arms[:max_arms]:
        cell = f"{study.STUDY}.{arm}.seed_{study.run.seeds[0]}"
        # A study that keeps its estimates is heard as it was scored.
        inputs[arm] = f"{cell}.estimates" if f"{cell}.estimates" in made else f"{cell}.separator"
    if isinstance(study, ChimeraTransferParameters):
        downstream = study.downstream[0]
        inputs |= {
            "mixture": f"params:{study.STUDY}.mixtures.{downstream}",
            "evaluation": f"params:{study.STUDY}.evaluation",
            **study.stores_of(downstream),
        }
        return nodes.cut_excerpts, inputs
    assert isinstance(study, OneSetStudy)
    return nodes.cut_songs, {**inputs, "stem_store": f"{study.data.name}.stem_store"}


def _page(study: str, made: set[str]) -> Node:
    results = {name.partition(".")[2]: name for name in sorted(made) if name.startswith(f"{study}.")}
    return node(
        nodes.write_page,
        inputs={
            "listening": f"{study}.listening",
            "scores": f"{study}.scores",
            "page": f"{PARAMETERS}.page",
            "titles": f"{PARAMETERS}.titles",
            **{name: dataset for name, dataset in results.items() if SHOWN.fullmatch(name)},
        },
        outputs=f"{study}.report",
        name=f"write_page_{study}",
        namespace="pages",
    )
