"""What happens around a Kedro run: parameters, freshness of artifacts, tracking, the printed result."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from sep_pipeline import pipeline_registry
from sep_pipeline.config_loader import CheckedConfigLoader
from sep_pipeline.datasets import ArtifactDataset, WorkspaceDataset
from sep_pipeline.errors import StorageError
from sep_pipeline.files import require_writable, write_text
from sep_pipeline.fingerprints import digest, expect_fingerprints, stale_nodes
from sep_pipeline.pipelines.data import refuse_if_incomplete
from sep_pipeline.runner import CellRunner
from sep_pipeline.tracking import TrackerDataset, TrackingSession, TrackingSettings, log_study_results

logger = logging.getLogger(__name__)

PAGE = ".report"
REPORTED_SUFFIXES = {".csv", ".md", ".png", ".txt", ".parquet", ".html", ".json"}


class ConfigurationHook:
    """Builds the pipelines from the checked parameters before anything else happens."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Hand the parameters of the coming run to the registry."""
        # Not context.params: Kedro would build the pipelines for it.
        assert isinstance(context.config_loader, CheckedConfigLoader)
        parameters = context.config_loader.project_parameters
        pipeline_registry.use_configuration(parameters)
        CellRunner.default_workers = parameters.processes.num_processes

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, pipeline: Pipeline) -> None:
        """Stop a study that lacks a folder or weights before anything is opened for it."""
        refuse_if_incomplete(pipeline)


class FingerprintHook:
    """Decides what is fresh, before Kedro asks which outputs are missing.

    Attributes:
        is_forced: Whether the run makes everything again; finished trainings then start anew, too.
    """

    is_forced = False

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Hand every artifact its expected fingerprint and say what will be redone and why."""
        expect_fingerprints(pipeline, catalog)
        if self.is_forced:
            _forget_work_in_progress(pipeline, catalog)
        else:
            _announce(stale_nodes(pipeline, catalog), num_nodes=len(pipeline.nodes))
        for name in pipeline.all_outputs():
            dataset = catalog.get(name)
            if isinstance(dataset, ArtifactDataset):
                require_writable(dataset.path)


def _announce(stale: dict[Node, str], num_nodes: int) -> None:
    if not stale:
        logger.info("Everything is up to date; --force makes it again")
    elif len(stale) == num_nodes and len(set(stale.values())) == 1:
        logger.info("To do: all %d nodes (%s)", num_nodes, next(iter(stale.values())))
    else:
        for node, reason in stale.items():
            logger.info("To do: %s (%s)", node.name, reason)


def _forget_work_in_progress(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Checkpoints of another identity are replaced, so a new one makes every training start anew."""
    for name in pipeline.inputs():
        dataset = catalog.get(name)
        if isinstance(dataset, WorkspaceDataset):
            dataset.use_new_identities()


class TrackingHook:
    """Opens one MLflow run for a study that has work to do, and hands each cell its own."""

    def __init__(self) -> None:
        self._settings: TrackingSettings | None = None
        self._session: TrackingSession | None = None
        self._environment: dict[str, str] = {}
        self._new_pages: dict[str, Path] = {}

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Read `mlflow.yml`."""
        configured = context.config_loader["mlflow"]
        uri = str(configured["tracking_uri"])
        self._settings = (
            TrackingSettings(uri, configured.get("artifact_folder")) if configured["enabled"] else None
        )
        if uri.startswith("sqlite:///") and not uri.startswith("sqlite:////") and self._settings:
            store = context.project_path / uri.removeprefix("sqlite:///")
            folder = configured.get("artifact_folder") or "mlruns"
            self._settings = TrackingSettings(f"sqlite:///{store}", (context.project_path / folder).as_uri())

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Open or continue the study's run, unless nothing is to be done."""
        self._session = None
        stale = stale_nodes(pipeline, catalog)
        self._environment = {"environment": str(run_params.get("env") or "local")}
        self._new_pages = _pages((name for node in stale for name in node.outputs), catalog)
        trackers = {
            name: dataset
            for name in pipeline.inputs()
            if isinstance(dataset := catalog.get(name), TrackerDataset)
        }
        if self._settings is None or not trackers or not stale:
            return
        study = next(iter(trackers.values())).study
        outputs = sorted(pipeline.all_outputs())
        identity = digest([getattr(catalog.get(name), "expected", None) for name in outputs])
        self._session = TrackingSession.begin(self._settings, study, identity, self._environment)
        for name, dataset in trackers.items():
            made: defaultdict[str, list[Any]] = defaultdict(list)
            for node in pipeline.nodes:
                if name in node.inputs:
                    made[str(node.namespace)] += [
                        getattr(catalog.get(output), "expected", None) for output in node.outputs
                    ]
            dataset.session = self._session
            dataset.identities = {cell: digest(outputs) for cell, outputs in made.items()}

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Log new pages to the runs of their studies, and the study's results to its run, which is closed."""
        if self._settings is not None:
            for study, path in self._new_pages.items():
                self._log_page(self._settings, study, path)
        if self._session is None:
            return
        prefix = f"{self._session.study}."
        whole_study = {
            name: dataset
            for name in pipeline.all_outputs()
            if name.count(".") == 1
            and name.startswith(prefix)
            and isinstance(dataset := catalog.get(name), ArtifactDataset)
        }
        files = sorted(item.path for item in whole_study.values() if item.path.suffix in REPORTED_SUFFIXES)
        if f"{prefix}scores" in whole_study:
            log_study_results(self._session, whole_study[f"{prefix}scores"].load(), files)
        self._session.study_tracker().end("FINISHED")

    def _log_page(self, settings: TrackingSettings, study: str, path: Path) -> None:
        session = TrackingSession.latest(settings, study, self._environment)
        if session is None:
            logger.info("%s has no run in MLflow that its page could go to", study)
        else:
            session.study_tracker().log_file(path)

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Mark the study's run and its unfinished cells as FAILED."""
        if self._session is not None:
            self._session.fail()


class ResultHook:
    """Prints the tables of a finished study, and where pages are."""

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Print every result text and the path of every page that the pipeline makes, fresh or kept."""
        import click

        for name in sorted(pipeline.all_outputs()):
            if name.endswith(".result_text"):
                click.echo(catalog.load(name))
        for path in _pages(pipeline.all_outputs(), catalog).values():
            click.echo(f"Page: {path}")


class StatisticsHook:
    """Keeps what Kedro-Viz shows as statistics of a node: size of files, rows and columns of tables.

    Kedro-Viz has a hook for this, too, but sees only what is loaded and saved in the main process, where no node
    of ours runs, and forgets earlier runs.
    """

    def __init__(self) -> None:
        self._earlier: dict[str, Any] = {}

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any]) -> None:
        """Remember the statistics of earlier runs."""
        self._earlier = _read_statistics(_statistics_file(run_params))

    @hook_impl(trylast=True)
    def after_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Add those of everything that the pipeline makes, fresh or kept, after Kedro-Viz has written its own."""
        found = {
            name: dataset.statistics()
            for name in sorted(pipeline.all_outputs())
            if isinstance(dataset := catalog.get(name), ArtifactDataset)
        }
        known = {name: numbers for name, numbers in {**self._earlier, **found}.items() if numbers}
        file = _statistics_file(run_params)
        if _read_statistics(file) != known:
            try:
                write_text(file, json.dumps(known) + "\n")
            except StorageError as error:
                logger.warning("Kedro-Viz will show no statistics of this run: %s", error)


def _statistics_file(run_params: dict[str, Any]) -> Path:
    return Path(run_params["project_path"]) / ".viz" / "stats.json"


def _read_statistics(file: Path) -> Any:
    """What Kedro-Viz or an earlier run left; a file that is missing or does not parse says nothing."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _pages(names: Iterable[str], catalog: DataCatalog) -> dict[str, Path]:
    """Study to the file of its page, of all pages among some datasets."""
    return {
        name.removesuffix(PAGE): dataset.path
        for name in sorted(names)
        if name.endswith(PAGE) and isinstance(dataset := catalog.get(name), ArtifactDataset)
    }
