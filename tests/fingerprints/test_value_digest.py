import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest

from sep_pipeline.configuration.execution import ExecutionParameters, ProcessParameters
from sep_pipeline.configuration.strict import Strict, WithoutEffect
from sep_pipeline.fingerprints import digest
from sep_pipeline.training.config import TrainingConfig


@dataclass(frozen=True)
class Point:
    x: int
    y: int = 0


class Block(Strict):
    width: int
    num_processes: Annotated[int, WithoutEffect] = 1


def test_the_order_of_keys_does_not_matter() -> None:
    assert digest({"a": 1, "b": {"c": 2, "d": 3}}) == digest({"b": {"d": 3, "c": 2}, "a": 1})


def test_the_order_of_lists_matters() -> None:
    assert digest([1, 2]) != digest([2, 1])


def test_tuples_and_lists_are_the_same() -> None:
    assert digest({"a": (1, 2)}) == digest({"a": [1, 2]})


@pytest.mark.parametrize(
    ("first", "second"),
    [(1, "1"), (None, "None"), (0, False), ({"a": 1}, ["a", 1]), (1, 1.5), ([], [[]]), ("ab", ["a", "b"])],
)
def test_different_values_have_different_digests(first: Any, second: Any) -> None:
    assert digest(first) != digest(second)


def test_a_dataclass_counts_by_its_fields() -> None:
    assert digest(Point(1)) == digest(Point(1, 0)) != digest(Point(1, 2))


def test_a_field_of_a_training_counts() -> None:
    first = TrainingConfig(num_steps=1, batch_size=2)
    assert digest(first) != digest(TrainingConfig(num_steps=1, batch_size=2, betas=(0.8, 0.99)))


def test_a_field_without_effect_is_left_out() -> None:
    assert digest(Block(width=1, num_processes=1)) == digest(Block(width=1, num_processes=8))


def test_a_field_with_effect_counts() -> None:
    assert digest(Block(width=1)) != digest(Block(width=2))


def test_a_block_inside_a_list_is_read_the_same_way() -> None:
    assert digest([Block(width=1, num_processes=1)]) == digest([Block(width=1, num_processes=8)])


def test_the_number_of_processes_redoes_nothing() -> None:
    assert digest(ProcessParameters(num_processes=1)) == digest(ProcessParameters(num_processes=2))


def test_the_precision_redoes_the_work() -> None:
    assert digest(ExecutionParameters(precision="fp32")) != digest(ExecutionParameters(precision="bf16"))


def test_a_file_counts_by_its_content(tmp_path: Path) -> None:
    for name, content in (("a", "one"), ("b", "one"), ("c", "two")):
        (tmp_path / name).write_text(content)
    assert digest(tmp_path / "a") == digest(tmp_path / "b") != digest(tmp_path / "c")


def test_a_folder_counts_by_its_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    before = digest({"root": tmp_path})
    (tmp_path / "b").touch()
    assert digest({"root": tmp_path}) != before


def test_a_file_that_appears_changes_the_digest(tmp_path: Path) -> None:
    before = digest(tmp_path / "a")
    (tmp_path / "a").touch()
    assert digest(tmp_path / "a") != before


def test_a_value_without_a_canonical_form_is_refused() -> None:
    with pytest.raises(TypeError, match="no canonical form for object"):
        digest({"a": object()})


def test_another_process_finds_the_same_digest() -> None:
    program = "from sep_pipeline.fingerprints.values import digest; print(digest({'a': [1, 2.5], 'b': None}))"
    said = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "7"},
    )
    assert said.stdout.strip() == digest({"b": None, "a": (1, 2.5)})
