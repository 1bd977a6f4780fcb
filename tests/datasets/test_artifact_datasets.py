import json
import pickle
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from kedro.io import DataCatalog, DatasetError

from sep_pipeline.datasets import (
    ArtifactDataset,
    FigureDataset,
    FileDataset,
    FolderDataset,
    TextDataset,
    Weights,
    WeightsDataset,
)
from sep_pipeline.datasets import artifact as artifact_module
from sep_pipeline.errors import MissingCheckpointError, NoInputError, StorageError, TruncatedCheckpointError
from sep_pipeline.files import write_text

RECIPE = {"code": "1", "params:steps": "2"}


def text_at(folder: Path) -> TextDataset:
    return TextDataset(filepath=str(folder / "note.txt"))


def side_file(folder: Path, name: str = "note.txt") -> Path:
    return folder / f".{name}.fingerprint.json"


class TestKinds:
    def test_text(self, tmp_path: Path) -> None:
        dataset = text_at(tmp_path)
        dataset.save("über ♪")
        assert dataset.load() == "über ♪"

    def test_json(self, tmp_path: Path) -> None:
        config = {"type": "json.JSONDataset", "filepath": str(tmp_path / "a.json")}
        dataset = FileDataset(dataset=config)
        dataset.save({"a": [1, 2]})
        assert dataset.load() == {"a": [1, 2]}

    def test_table(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        config = {
            "type": "pandas.CSVDataset",
            "filepath": str(path),
            "save_args": {"index": False},
        }
        table = pd.DataFrame({"stem": ["drums", "bass"], "value": [1.5, -2.0]})
        FileDataset(dataset=config).save(table)
        assert path.read_text() == "stem,value\ndrums,1.5\nbass,-2.0\n"
        pd.testing.assert_frame_equal(FileDataset(dataset=config).load(), table)

    def test_figure_comes_back_as_its_file(self, tmp_path: Path) -> None:
        from matplotlib.figure import Figure

        path = tmp_path / "figure.png"
        dataset = FigureDataset(dataset={"type": "matplotlib.MatplotlibDataset", "filepath": str(path)})
        dataset.save(Figure())
        assert dataset.load() == path
        assert path.read_bytes().startswith(b"\x89PNG")

    def test_a_file_that_nobody_made_is_named(self, tmp_path: Path) -> None:
        config = {"type": "json.JSONDataset", "filepath": str(tmp_path / "a.json")}
        with pytest.raises(NoInputError, match=r"this result is not there yet.*a\.json"):
            FileDataset(dataset=config).load()

    def test_parquet(self, tmp_path: Path) -> None:
        config = {"type": "pandas.ParquetDataset", "filepath": str(tmp_path / "a.parquet")}
        table = pd.DataFrame({"step": [1, 2], "loss": [0.5, 0.25]})
        FileDataset(dataset=config).save(table)
        pd.testing.assert_frame_equal(FileDataset(dataset=config).load(), table)

    def test_figure(self, tmp_path: Path) -> None:
        from matplotlib.figure import Figure

        config = {"type": "matplotlib.MatplotlibDataset", "filepath": str(tmp_path / "a.png")}
        FileDataset(dataset=config).save(Figure(figsize=(1, 1)))
        assert (tmp_path / "a.png").read_bytes()[1:4] == b"PNG"

    def test_folder(self, tmp_path: Path) -> None:
        dataset = FolderDataset(filepath=str(tmp_path / "songs"))
        dataset.save(lambda folder: (folder / "a.txt").write_text("a"))
        assert dataset.load() == tmp_path / "songs"
        assert (tmp_path / "songs" / "a.txt").read_text() == "a"

    def test_weights(self, tmp_path: Path) -> None:
        dataset = WeightsDataset(filepath=str(tmp_path / "a.safetensors"))
        dataset.save(Weights({"bias": torch.arange(3.0)}, {"steps": "7"}))
        loaded = dataset.load()
        assert loaded.metadata == {"steps": "7"}
        assert torch.equal(loaded.state["bias"], torch.arange(3.0))


class TestFreshness:
    def test_without_an_expectation_a_file_that_is_there_exists(self, tmp_path: Path) -> None:
        dataset = text_at(tmp_path)
        assert not dataset.exists()
        dataset.save("a")
        assert dataset.exists()

    def test_a_saved_artifact_exists_under_its_fingerprint(self, tmp_path: Path) -> None:
        dataset = text_at(tmp_path)
        dataset.expect("f1", RECIPE)
        dataset.save("a")
        assert dataset.exists()

    def test_another_process_sees_the_fingerprint(self, tmp_path: Path) -> None:
        saved, later = text_at(tmp_path), text_at(tmp_path)
        saved.expect("f1", RECIPE)
        saved.save("a")
        later.expect("f1", RECIPE)
        assert later.exists()

    def test_another_fingerprint_makes_it_stale(self, tmp_path: Path) -> None:
        dataset = text_at(tmp_path)
        dataset.expect("f1", RECIPE)
        dataset.save("a")
        dataset.expect("f2", RECIPE)
        assert not dataset.exists()

    def test_a_file_without_side_file_is_stale(self, tmp_path: Path) -> None:
        (tmp_path / "note.txt").write_text("from elsewhere")
        dataset = text_at(tmp_path)
        dataset.expect("f1", RECIPE)
        assert not dataset.exists()

    def test_a_side_file_without_file_is_stale(self, tmp_path: Path) -> None:
        dataset = text_at(tmp_path)
        dataset.expect("f1", RECIPE)
        dataset.save("a")
        (tmp_path / "note.txt").unlink()
        assert not dataset.exists()

    @pytest.mark.parametrize("content", ["", "{", "[]", '{"recipe": {}}'])
    def test_a_damaged_side_file_is_stale(self, tmp_path: Path, content: str) -> None:
        dataset = text_at(tmp_path)
        dataset.expect("f1", RECIPE)
        dataset.save("a")
        side_file(tmp_path).write_text(content)
        assert not dataset.exists()

    def test_saving_without_an_expectation_leaves_no_fingerprint(self, tmp_path: Path) -> None:
        first, second = text_at(tmp_path), text_at(tmp_path)
        first.expect("f1", RECIPE)
        first.save("a")
        second.save("made by hand")
        assert not first.exists()

    def test_the_side_file_is_written_after_the_artifact(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        there: list[bool] = []

        def note(path: Path, text: str) -> None:
            there.append((tmp_path / "note.txt").exists())
            write_text(path, text)

        monkeypatch.setattr(artifact_module, "write_text", note)
        dataset = text_at(tmp_path)
        dataset.expect("f1", RECIPE)
        dataset.save("a")
        assert there == [True]

    def test_the_side_file_keeps_the_recipe(self, tmp_path: Path) -> None:
        dataset = text_at(tmp_path)
        dataset.expect("f1", RECIPE)
        dataset.save("a")
        assert json.loads(side_file(tmp_path).read_text()) == {"fingerprint": "f1", "recipe": RECIPE}

    def test_the_expectation_reaches_worker_processes(self, tmp_path: Path) -> None:
        dataset = text_at(tmp_path)
        dataset.expect("f1", RECIPE)
        copy = pickle.loads(pickle.dumps(dataset))
        copy.save("a")
        assert dataset.exists()


class TestReasons:
    def test_nothing_there_yet(self, tmp_path: Path) -> None:
        dataset = text_at(tmp_path)
        dataset.expect("f1", RECIPE)
        assert dataset.why_stale() == "not made yet"

    @pytest.mark.parametrize(
        ("recipe", "reason"),
        [
            ({"code": "1", "params:steps": "3"}, "changed: params:steps"),
            ({"code": "9", "params:steps": "3"}, "changed: code, params:steps"),
            ({"code": "1"}, "changed: params:steps"),
            ({"code": "1", "params:steps": "2", "songs": "5"}, "changed: songs"),
        ],
        ids=["value", "two values", "ingredient gone", "new ingredient"],
    )
    def test_changed_ingredients_are_named(self, tmp_path: Path, recipe: dict[str, str], reason: str) -> None:
        dataset = text_at(tmp_path)
        dataset.expect("f1", RECIPE)
        dataset.save("a")
        dataset.expect("f2", recipe)
        assert dataset.why_stale() == reason


class FailingTextDataset(TextDataset):
    """Fails as a full disk does, before anything is replaced."""

    def _write(self, path: Path, data: str) -> None:
        raise StorageError("the disk is full", file=path)


class HalvingTextDataset(TextDataset):
    """Fails when the new content already stands."""

    def _write(self, path: Path, data: str) -> None:
        path.write_text(data)
        raise RuntimeError("the writer broke")


class TestFailures:
    @pytest.mark.parametrize("kind", [FailingTextDataset, HalvingTextDataset])
    def test_a_failed_write_leaves_the_artifact_stale(self, tmp_path: Path, kind: type[TextDataset]) -> None:
        good, bad = text_at(tmp_path), kind(filepath=str(tmp_path / "note.txt"))
        for dataset in (good, bad):
            dataset.expect("f1", RECIPE)
        good.save("old")
        with pytest.raises((StorageError, DatasetError)):
            bad.save("new")
        assert not good.exists()

    def test_a_failing_file_writer_leaves_the_old_file(self, tmp_path: Path) -> None:
        config = {"type": "json.JSONDataset", "filepath": str(tmp_path / "a.json")}
        dataset = FileDataset(dataset=config)
        dataset.save({"a": 1})
        with pytest.raises(DatasetError):
            dataset.save({"a": object()})
        assert dataset.load() == {"a": 1}

    def test_a_failing_file_writer_leaves_nothing_new(self, tmp_path: Path) -> None:
        config = {"type": "json.JSONDataset", "filepath": str(tmp_path / "a.json")}
        with pytest.raises(DatasetError):
            FileDataset(dataset=config).save({"a": object()})
        assert list(tmp_path.iterdir()) == []

    def test_a_failed_folder_is_stale_but_keeps_what_is_finished(self, tmp_path: Path) -> None:
        def fail_after_one(folder: Path) -> None:
            (folder / "one.txt").touch()
            raise NoInputError("there is no second song")

        dataset = FolderDataset(filepath=str(tmp_path / "songs"))
        dataset.expect("f1", RECIPE)
        with pytest.raises(NoInputError):
            dataset.save(fail_after_one)
        assert not dataset.exists()
        assert (tmp_path / "songs" / "one.txt").exists()

    def test_a_folder_goes_on_where_it_stopped(self, tmp_path: Path) -> None:
        seen: list[str] = []
        dataset = FolderDataset(filepath=str(tmp_path / "songs"))
        dataset.save(lambda folder: (folder / "one.txt").touch())
        dataset.save(lambda folder: seen.extend(path.name for path in folder.iterdir()))
        assert seen == ["one.txt"]

    @pytest.mark.parametrize(
        ("content", "error"), [(None, MissingCheckpointError), (b"\x10", TruncatedCheckpointError)]
    )
    def test_weights_that_cannot_be_read_raise_the_projects_errors(
        self, tmp_path: Path, content: bytes | None, error: type[Exception]
    ) -> None:
        path = tmp_path / "a.safetensors"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(error, match=r"a\.safetensors"):
            WeightsDataset(filepath=str(path)).load()

    def test_a_catalog_passes_the_projects_errors_on(self, tmp_path: Path) -> None:
        catalog = DataCatalog({"weights": WeightsDataset(filepath=str(tmp_path / "a.safetensors"))})
        with pytest.raises(MissingCheckpointError):
            catalog.load("weights")

    def test_other_failures_are_told_in_kedros_way(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match=r"TextDataset.*note\.txt"):
            text_at(tmp_path).load()

    def test_a_folder_that_cannot_be_written_is_a_storage_error(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: Any, **__: Any) -> None:
            raise PermissionError(13, "Permission denied")

        dataset = text_at(tmp_path)
        monkeypatch.setattr(Path, "unlink", refuse)
        with pytest.raises(StorageError, match=r"not writable .*note\.txt"):
            dataset.save("a")


def test_the_catalog_makes_artifacts_from_its_configuration(tmp_path: Path) -> None:
    catalog = DataCatalog.from_config(
        {
            "{arm}.note": {
                "type": "sep_pipeline.datasets.TextDataset",
                "filepath": f"{tmp_path}/{{arm}}/note.txt",
                "metadata": {"kedro-viz": {"layer": "reporting"}},
            }
        }
    )
    catalog.save("scratch.note", "a")
    assert (tmp_path / "scratch" / "note.txt").read_text() == "a"
    assert isinstance(catalog.get("scratch.note"), ArtifactDataset)
