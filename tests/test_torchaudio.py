import json
import subprocess
import sys
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import pytest

from sep_pipeline import _torchaudio

PROGRAM = """
import json, sys
import sep_pipeline
light = [name for name in ("torch", "numpy", "kedro", "mlflow", "pydantic") if name in sys.modules]
import torch, torchaudio
torch.set_num_threads(1)
tone = torch.sin(torch.arange(8000) * 0.05)[None]
halved = torchaudio.transforms.Resample(8000, 4000)(tone)
print(json.dumps({
    "imported_with_the_package": light,
    "resampled": list(halved.shape),
    "spectrogram": list(torchaudio.transforms.Spectrogram(n_fft=64)(tone).shape),
}))
"""


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """What a fresh process says that imports the package, then torchaudio."""
    said = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(said.stdout)
    return result


def test_importing_the_package_imports_nothing_heavy(answers: dict[str, Any]) -> None:
    assert answers["imported_with_the_package"] == []


def test_resampling_runs(answers: dict[str, Any]) -> None:
    assert answers["resampled"] == [1, 4000]


def test_spectrogram_runs(answers: dict[str, Any]) -> None:
    assert answers["spectrogram"] == [1, 33, 251]


class StandIn(Loader):
    """Loads an extension that is there, or fails as a missing library does."""

    def __init__(self, *, is_complete: bool) -> None:
        self._is_complete = is_complete

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        if not self._is_complete:
            raise OSError("libc10_cuda.so: cannot open shared object file")
        module.__dict__["_IS_ALIGN_AVAILABLE"] = True


def loaded(*, is_complete: bool) -> ModuleType:
    module = ModuleType("torchaudio._extension")
    _torchaudio._TolerantLoader(StandIn(is_complete=is_complete)).exec_module(module)
    return module


def test_an_extension_that_loads_is_left_alone() -> None:
    module = loaded(is_complete=True)
    assert module._IS_ALIGN_AVAILABLE is True
    assert not hasattr(module, "fail_if_no_align")


def test_alignment_without_the_extension_says_what_is_missing() -> None:
    refused = loaded(is_complete=False).fail_if_no_align(len)
    with pytest.raises(RuntimeError, match="len needs torchaudio's compiled extension"):
        refused([])


def test_the_finder_is_installed_once() -> None:
    _torchaudio.install()
    finders = [finder for finder in sys.meta_path if isinstance(finder, _torchaudio._ExtensionFinder)]
    assert len(finders) == 1


def test_the_finder_answers_for_one_module_only() -> None:
    assert _torchaudio._ExtensionFinder().find_spec("torchaudio.transforms", None) is None
