"""Several processes that train one model."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from sep_pipeline.errors import ConfigurationError
from sep_pipeline.training import replicas
from sep_pipeline.training.config import TrainingConfig
from sep_pipeline.training.loop import train


def test_two_processes_train_what_one_does(tmp_path: Path) -> None:
    """Weights, codebook, curves, schedule, resumption and the stop on a bad loss: see the program."""
    program = Path(__file__).with_name("replicated_training.py")
    outcome = subprocess.run(
        [sys.executable, program, tmp_path], capture_output=True, text=True, timeout=120, check=False
    )
    assert outcome.returncode == 0, outcome.stderr


def test_a_single_process_is_the_first_of_one() -> None:
    assert (replicas.world_size(), replicas.rank()) == (1, 0)
    batch = {"audio": torch.ones(3)}
    assert replicas.own_share(batch) is batch
    assert replicas.from_first(lambda: 7) == 7
    gradient = torch.ones(2)
    replicas.average([gradient])
    replicas.broadcast_module(nn.Linear(2, 2))
    assert torch.equal(gradient, torch.ones(2))


def test_a_share_is_cut_from_every_tensor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicas, "world_size", lambda: 2)
    monkeypatch.setattr(replicas, "rank", lambda: 1)
    share = replicas.own_share({"a": torch.arange(4), "b": (torch.arange(6), "name")})
    assert share["a"].tolist() == [2, 3]
    assert share["b"][0].tolist() == [3, 4, 5]
    assert share["b"][1] == "name"


def test_a_batch_that_does_not_divide_is_refused(
    toy_task: type, make_config: type[TrainingConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "world_size", lambda: 3)
    with pytest.raises(ConfigurationError, match=r"batch_size; expected: a multiple of 3; found: 8"):
        train(toy_task(), make_config(), workspace=tmp_path, identity="toy", seed=0)
