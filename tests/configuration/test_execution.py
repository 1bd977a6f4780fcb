from pathlib import Path

import pytest
import torch

from sep_pipeline.configuration import execution
from sep_pipeline.configuration.execution import ExecutionParameters, processor_computes_bf16
from sep_pipeline.errors import ConfigurationError


def with_flags(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, flags: str | None) -> None:
    """Make the processor's description say `flags`; None takes the description away."""
    information = tmp_path / "cpuinfo"
    if flags is not None:
        information.write_text(f"flags : fpu sse2 {flags}\n")
    monkeypatch.setattr(execution, "Path", lambda _: information)


def test_a_named_device_is_taken_as_it_is() -> None:
    assert ExecutionParameters(device="cpu").resolved_device() == "cpu"


@pytest.mark.parametrize(("has_gpu", "device"), [(False, "cpu"), (True, "cuda")])
def test_auto_takes_the_gpu_when_there_is_one(
    monkeypatch: pytest.MonkeyPatch, has_gpu: bool, device: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_gpu)
    assert ExecutionParameters().resolved_device() == device


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigurationError, match="no GPU") as caught:
        ExecutionParameters(device="cuda").resolved_device()
    assert caught.value.parameter == "device"


def test_a_named_precision_is_taken_as_it_is() -> None:
    assert ExecutionParameters(device="cpu", precision="bf16").resolved_precision() == "bf16"


@pytest.mark.parametrize(
    ("flags", "precision"), [("amx_bf16", "bf16"), ("avx512_bf16", "bf16"), ("avx2", "fp32"), (None, "fp32")]
)
def test_auto_precision_follows_the_processor(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, flags: str | None, precision: str
) -> None:
    with_flags(monkeypatch, tmp_path, flags)
    assert ExecutionParameters(device="cpu").resolved_precision() == precision


@pytest.mark.parametrize(("has_bf16", "precision"), [(True, "bf16"), (False, "fp32")])
def test_auto_precision_follows_the_gpu(
    monkeypatch: pytest.MonkeyPatch, has_bf16: bool, precision: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: has_bf16)
    assert ExecutionParameters(device="cuda").resolved_precision() == precision


def test_a_system_without_a_processor_description_has_no_bf16(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with_flags(monkeypatch, tmp_path, None)
    assert processor_computes_bf16() is False
