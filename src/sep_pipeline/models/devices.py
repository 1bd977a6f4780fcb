"""Where networks run, by the names that users give."""

from __future__ import annotations

from sep_pipeline.errors import ConfigurationError


def resolved_device(name: str) -> str:
    """`cpu` or `cuda`.

    Args:
        name: One of these, or "auto", which takes the first CUDA device where there is one.

    Raises:
        ConfigurationError: A CUDA device is asked for and there is none.
    """
    if name == "cpu":
        return name
    import torch

    has_gpu = torch.cuda.is_available()
    if name == "cuda" and not has_gpu:
        raise ConfigurationError(
            "there is no GPU that torch can use", parameter="device", expected="cpu or auto", found=name
        )
    return "cuda" if has_gpu else "cpu"
