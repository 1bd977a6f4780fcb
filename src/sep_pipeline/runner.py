"""Runs independent nodes side by side in processes of one thread each.

Training cells of a study (arm × stem × seed) do not depend on each other and small networks gain little from
a second thread, so that one process per core finishes a study sooner than one process with many threads.
"""

from __future__ import annotations

import os
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context
from types import TracebackType
from typing import TYPE_CHECKING, Any

from kedro.runner import AbstractRunner, ParallelRunner
from kedro.runner.parallel_runner import ParallelRunnerManager

from sep_pipeline.mapping import available_processes, end_with_parent

if TYPE_CHECKING:
    from kedro.pipeline import Pipeline


class CellRunner(ParallelRunner):
    """Kedro's process runner whose workers end with their parent and drop waiting nodes after a failure.

    Args:
        max_workers: Worker processes; by default one per core, or the `num_processes` parameter when the
            configuration hook has set it.
        is_async: Not supported by generator nodes; kept for Kedro's signature.
    """

    default_workers: int | None = None

    def __init__(self, max_workers: int | None = None, is_async: bool = False) -> None:
        # Not ParallelRunner's own: its manager process would outlive a killed run.
        AbstractRunner.__init__(self, is_async=is_async)
        self._manager = ParallelRunnerManager()
        self._manager.start(initializer=end_with_parent)
        self._max_workers = self._validate_max_workers(max_workers or available_processes())
        self._wanted_workers = max_workers

    def _run(
        self,
        pipeline: Pipeline,
        catalog: Any,
        hook_manager: Any = None,  # noqa: ARG002
        run_id: str | None = None,
    ) -> None:
        # Not ParallelRunner's own, which only adds a line of advice about --async.
        AbstractRunner._run(self, pipeline, catalog, run_id=run_id)

    def _get_required_workers_count(self, pipeline: Any) -> int:
        wanted = self._wanted_workers or type(self).default_workers or self._max_workers
        return min(wanted, max(1, len(pipeline.nodes)))

    def _get_executor(self, max_workers: int) -> Executor:
        return _CancellingExecutor(
            max_workers=max_workers,
            mp_context=get_context(os.environ.get("KEDRO_MP_CONTEXT")),
            initializer=_prepare_worker,
        )


class _CancellingExecutor(ProcessPoolExecutor):
    """Leaves no queued node behind when one fails; running nodes finish and keep their checkpoints."""

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        self.shutdown(wait=True, cancel_futures=error_type is not None)
        return None


def _prepare_worker() -> None:
    """One thread per process, and an end when the run is killed, so that no orphan goes on writing."""
    import torch

    torch.set_num_threads(1)
    end_with_parent()
