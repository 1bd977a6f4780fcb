"""The kinds of artifacts that the catalog names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset

from sep_pipeline.datasets.artifact import ArtifactDataset
from sep_pipeline.datasets.previews import folder_preview, text_preview, weights_preview
from sep_pipeline.errors import NoInputError
from sep_pipeline.files import storage_errors, write_text, written_aside

if TYPE_CHECKING:
    from torch import Tensor

FolderWriter = Callable[[Path], object]


class FileDataset(ArtifactDataset[Any, Any]):
    """A file read and written by any of Kedro's own file datasets.

    Args:
        dataset: Configuration of that dataset, with its `filepath`.
        metadata: For viewers.
    """

    def __init__(self, *, dataset: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
        super().__init__(filepath=str(dataset["filepath"]), metadata=metadata)
        self._config = dataset

    def _at(self, path: Path) -> AbstractDataset[Any, Any]:
        return AbstractDataset.from_config("file", {**self._config, "filepath": path.as_posix()})

    def _read(self, path: Path) -> Any:
        if not path.is_file():
            raise NoInputError(
                "this result is not there yet",
                file=path,
                expected="a finished run of the pipeline that makes it",
            )
        return self._at(path).load()

    def _write(self, path: Path, data: Any) -> None:
        with written_aside(path) as aside:
            self._at(aside).save(data)

    def _previewer(self) -> Callable[..., Any]:
        dataset: Any = self._at(self.path)
        preview: Callable[..., Any] = dataset.preview
        return preview

    def statistics(self) -> dict[str, int]:
        """Size of the file, and shape of a table."""
        size = super().statistics()
        if size and self.path.suffix == ".parquet":
            from pyarrow.parquet import read_metadata

            header = read_metadata(self.path)
            return {"rows": header.num_rows, "columns": header.num_columns, **size}
        if size and self.path.suffix == ".csv":
            rows, columns = self._read(self.path).shape
            return {"rows": rows, "columns": columns, **size}
        return size


class FigureDataset(FileDataset):
    """A figure, which is saved as an object and comes back as the file it was drawn into."""

    def _read(self, path: Path) -> Path:
        return path


class TextDataset(ArtifactDataset[str, str]):
    """UTF-8 text, such as a Markdown table."""

    def _read(self, path: Path) -> str:
        return path.read_text(encoding="utf-8")

    def _write(self, path: Path, data: str) -> None:
        write_text(path, data)

    def _previewer(self) -> Callable[..., Any]:
        return partial(text_preview, self.path)


class FolderDataset(ArtifactDataset[FolderWriter, Path]):
    """A folder that a node fills through a function and other nodes read through its path.

    A node cannot know where its output lies, so it returns a function of the folder, which is called on
    saving (as Kedro's partitioned datasets do with lazily saved partitions). The function keeps what is
    already finished inside, so that a killed run goes on where it stopped.
    """

    def _read(self, path: Path) -> Path:
        return path

    def _write(self, path: Path, data: FolderWriter) -> None:
        with storage_errors(path):
            path.mkdir(parents=True, exist_ok=True)
            data(path)

    def _previewer(self) -> Callable[..., Any]:
        return partial(folder_preview, self.path)


@dataclass(frozen=True)
class Weights:
    """A state dict and what is known about it.

    Attributes:
        state: Parameter and buffer name to tensor.
        metadata: Text by key, such as `steps`, `source` and `seed`.
    """

    state: dict[str, Tensor]
    metadata: dict[str, str] = field(default_factory=dict)


class WeightsDataset(ArtifactDataset[Weights, Weights]):
    """One safetensors file of weights.

    Loading raises `MissingCheckpointError` or `TruncatedCheckpointError`.
    """

    def _read(self, path: Path) -> Weights:
        from sep_pipeline.models.weights import load_weights

        return Weights(*load_weights(path))

    def _write(self, path: Path, data: Weights) -> None:
        from sep_pipeline.models.weights import save_weights

        save_weights(path, data.state, metadata=data.metadata)

    def _previewer(self) -> Callable[..., Any]:
        return partial(weights_preview, self.path)
