"""What Kedro-Viz is given to show: the kind by the return annotation, the content when it is called."""

from __future__ import annotations

import base64
import inspect
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from sep_pipeline.datasets import (
    ArtifactDataset,
    FigureDataset,
    FileDataset,
    FolderDataset,
    TextDataset,
    Weights,
    WeightsDataset,
)

TABLE = pd.DataFrame({"arm": ["pretrained", "scratch", "zero"], "value": [1.5, float("nan"), 0.0]})


def kind(dataset: Any) -> str:
    """The name of the annotation, as Kedro-Viz finds it."""
    annotation = inspect.signature(dataset.preview).return_annotation
    return str(getattr(annotation, "__name__", annotation))


def file_at(path: Path, type_name: str, dataset_type: type[FileDataset] = FileDataset) -> FileDataset:
    return dataset_type(dataset={"type": type_name, "filepath": str(path)})


@pytest.mark.parametrize(
    "dataset",
    [
        file_at(Path("absent/table_1.csv"), "pandas.CSVDataset"),
        file_at(Path("absent/figure_a.png"), "matplotlib.MatplotlibDataset", FigureDataset),
        TextDataset(filepath="absent/result.txt"),
        FolderDataset(filepath="absent/estimates"),
        WeightsDataset(filepath="absent/weights.safetensors"),
    ],
)
def test_what_is_not_there_yet_has_no_preview(dataset: ArtifactDataset[Any, Any]) -> None:
    assert not hasattr(dataset, "preview")
    assert dataset.statistics() == {}


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_shows_as_many_rows_as_asked(tmp_path: Path, suffix: str) -> None:
    name = {"csv": "pandas.CSVDataset", "parquet": "pandas.ParquetDataset"}[suffix]
    path = tmp_path / f"table_1.{suffix}"
    getattr(TABLE, f"to_{suffix}")(path, index=False)
    dataset = file_at(path, name)
    assert kind(dataset) == "TablePreview"
    shown = dataset.preview(nrows=2)
    assert shown["columns"] == ["arm", "value"]
    assert shown["data"][0] == ["pretrained", 1.5]
    assert len(shown["data"]) == 2
    assert dataset.statistics() == {"rows": 3, "columns": 2, "file_size": path.stat().st_size}


def test_a_figure_shows_its_file(tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    path = tmp_path / "figure_a.png"
    dataset = file_at(path, "matplotlib.MatplotlibDataset", FigureDataset)
    dataset.save(Figure())
    assert kind(dataset) == "ImagePreview"
    assert base64.b64decode(dataset.preview()) == path.read_bytes()
    assert dataset.statistics() == {"file_size": path.stat().st_size}


def test_markdown_shows_as_it_is_meant_to_look(tmp_path: Path) -> None:
    dataset = TextDataset(filepath=str(tmp_path / "table_1.md"))
    dataset.save("# Table 1\n\n| arm | drums |\n|---|---:|\n| scratch | 1.5 |\n")
    assert kind(dataset) == "HTMLPreview"
    assert "<h1>Table 1</h1>" in dataset.preview()
    assert "<td>scratch</td>" in dataset.preview()


def test_other_text_keeps_its_lines_and_is_no_html(tmp_path: Path) -> None:
    dataset = TextDataset(filepath=str(tmp_path / "result.txt"))
    dataset.save("a  < b\nc")
    assert dataset.preview() == "<pre>a  &lt; b\nc</pre>"


def test_a_folder_shows_its_first_entries_without_side_files(tmp_path: Path) -> None:
    for name in ("test/song_b/drums.wav", "test/song_a/drums.wav", "faults.csv", ".hidden"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("four")
    dataset = FolderDataset(filepath=str(tmp_path))
    assert kind(dataset) == "TablePreview"
    shown = dataset.preview()
    assert shown["columns"] == ["name", "entries", "bytes"]
    assert shown["data"] == [["faults.csv", "", 4], ["test/", 2, ""]]
    assert dataset.preview(nrows=1)["data"] == shown["data"][:1]


def test_weights_show_what_is_known_about_them(tmp_path: Path) -> None:
    dataset = WeightsDataset(filepath=str(tmp_path / "weights.safetensors"))
    dataset.save(Weights({"codebook": torch.zeros(3, 2)}, {"steps": "7"}))
    assert kind(dataset) == "JSONPreview"
    assert json.loads(dataset.preview()) == {"steps": "7", "shapes": {"codebook": [3, 2]}}
