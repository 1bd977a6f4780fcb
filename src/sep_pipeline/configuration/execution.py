"""Where and how fast the work is done."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from sep_pipeline.configuration.strict import Strict, WithoutEffect
from sep_pipeline.models.devices import resolved_device


class ProcessParameters(Strict):
    """How many processes share the work; no number depends on it.

    Attributes:
        num_processes: Worker processes; None takes one per core.
    """

    num_processes: Annotated[int | None, WithoutEffect, Field(ge=1)] = None


class ExecutionParameters(Strict):
    """Device and precision of training and separation.

    Attributes:
        device: `auto` takes the first CUDA device when there is one.
        precision: `auto` takes bf16 where the processor or GPU computes in it, else fp32.
    """

    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"

    def resolved_device(self) -> str:
        """`cpu` or `cuda`.

        Raises:
            ConfigurationError: A CUDA device is asked for and there is none.
        """
        return resolved_device(self.device)

    def resolved_precision(self) -> Literal["fp32", "bf16"]:
        """`fp32` or `bf16`."""
        if self.precision != "auto":
            return self.precision
        if self.resolved_device() == "cuda":
            import torch

            return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
        return "bf16" if processor_computes_bf16() else "fp32"


def processor_computes_bf16() -> bool:
    """Whether the processor says that it has AVX-512 or AMX instructions for bf16."""
    information = Path("/proc/cpuinfo")
    if not information.is_file():
        return False
    flags = information.read_text(encoding="utf-8", errors="replace")
    return "amx_bf16" in flags or "avx512_bf16" in flags
