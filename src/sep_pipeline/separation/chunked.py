"""Run a function over a signal of any length in pieces, so that memory does not grow with the song.

Two ways: with real context that is cropped away (equal to one pass over the whole song for convolutional functions),
and bare chunks without context (the transfer study as published). `overlapped` has ways that cross-fade.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from sep_pipeline.errors import ConfigurationError
from sep_pipeline.separation.blocks import ReadSignal, SignalFunction, joined, signal_reader


def context_and_crop(
    function: SignalFunction,
    mixture: Tensor,
    *,
    chunk_samples: int,
    context_samples: int,
    hop_samples: int,
) -> Tensor:
    """Apply a convolutional function chunk by chunk; `context_blocks` for a signal in memory.

    Args:
        function: As for `context_blocks`.
        mixture: (..., time), at least one sample.
        chunk_samples: As for `context_blocks`.
        context_samples: As for `context_blocks`.
        hop_samples: As for `context_blocks`.

    Returns:
        The output, as long as `mixture`.

    Raises:
        ConfigurationError: The sizes do not fit the grid.
    """
    blocks = context_blocks(
        function,
        signal_reader(mixture),
        mixture.shape[-1],
        chunk_samples=chunk_samples,
        context_samples=context_samples,
        hop_samples=hop_samples,
    )
    return joined(blocks, mixture.shape[-1])


def context_blocks(
    function: SignalFunction,
    read: ReadSignal,
    num_samples: int,
    *,
    chunk_samples: int,
    context_samples: int,
    hop_samples: int,
) -> Iterator[Tensor]:
    """Apply a convolutional function chunk by chunk, equal to one pass over the whole signal.

    Every chunk is computed with real samples on both sides, which are cropped afterwards. At the borders of
    the song no zeros are put in front of or behind the signal: there the padding is what the function's own
    layers do, as in a single pass. Only an end that does not fill a hop is padded with zeros to its next
    multiple.

    Args:
        function: Maps (..., time) to (..., time) of the same length for lengths that are multiples of
            `hop_samples`; a sample depends on no more than `context_samples` on each side.
        read: Gives parts of the signal, each starting no earlier than the one before.
        num_samples: Length of the signal, at least 1.
        chunk_samples: Samples computed per pass, a multiple of `hop_samples`.
        context_samples: Samples of context on each side, a multiple of `hop_samples`.
        hop_samples: The grid on which the function may be shifted.

    Returns:
        Successive pieces of the output, `num_samples` samples in all.

    Raises:
        ConfigurationError: The sizes do not fit the grid.
    """
    _check_grid(chunk_samples, context_samples, hop_samples)
    num_padded = num_samples + -num_samples % hop_samples

    def piece(start: int, stop: int) -> Tensor:
        first = max(0, start - context_samples)
        last = min(num_padded, stop + context_samples)
        signal = functional.pad(read(first, min(last, num_samples)), (0, max(0, last - num_samples)))
        return function(signal)[..., start - first : min(stop, num_samples) - first]

    return (piece(start, stop) for start, stop in _bounds(num_padded, chunk_samples))


def bare_chunks(function: SignalFunction, mixture: Tensor, *, chunk_samples: int, hop_samples: int) -> Tensor:
    """Apply a function to chunks without context; `bare_blocks` for a signal in memory.

    Args:
        function: As for `bare_blocks`.
        mixture: (..., time), at least one sample.
        chunk_samples: As for `bare_blocks`.
        hop_samples: Samples per code.

    Returns:
        The output, as long as `mixture`.

    Raises:
        ConfigurationError: The sizes do not fit the grid.
    """
    blocks = bare_blocks(
        function,
        signal_reader(mixture),
        mixture.shape[-1],
        chunk_samples=chunk_samples,
        hop_samples=hop_samples,
    )
    return joined(blocks, mixture.shape[-1])


def bare_blocks(
    function: SignalFunction, read: ReadSignal, num_samples: int, *, chunk_samples: int, hop_samples: int
) -> Iterator[Tensor]:
    """Apply a function to chunks without context, as the transfer study did.

    The remainder of r samples goes through un-padded; its output of `hop_samples` * floor(r / `hop_samples`)
    samples is padded at its end with zeros. Unlike the study's program, chunk starts do not drift.

    Args:
        function: Maps (..., time) to (..., `hop_samples` * floor(time / `hop_samples`)).
        read: Gives parts of the signal, one after another.
        num_samples: Length of the signal, at least 1.
        chunk_samples: Length of a chunk, a multiple of `hop_samples`; 393 216 in the study.
        hop_samples: Samples per code.

    Returns:
        Successive pieces of the output, `num_samples` samples in all.

    Raises:
        ConfigurationError: The sizes do not fit the grid.
    """
    _check_grid(chunk_samples, 0, hop_samples)

    def piece(start: int, stop: int) -> Tensor:
        chunk = read(start, stop)
        usable = (stop - start) // hop_samples * hop_samples
        if not usable:
            return torch.zeros_like(chunk)
        return functional.pad(function(chunk)[..., :usable], (0, stop - start - usable))

    return (piece(start, stop) for start, stop in _bounds(num_samples, chunk_samples))


def _bounds(num_samples: int, chunk_samples: int) -> Iterator[tuple[int, int]]:
    for start in range(0, num_samples, chunk_samples):
        yield start, min(start + chunk_samples, num_samples)


def _check_grid(chunk_samples: int, context_samples: int, hop_samples: int) -> None:
    if hop_samples < 1 or chunk_samples < 1 or context_samples < 0:
        raise ConfigurationError(
            "chunk and hop must be positive and the context not negative",
            parameter="chunk_samples, context_samples, hop_samples",
            found=(chunk_samples, context_samples, hop_samples),
        )
    for name, value in (("chunk_samples", chunk_samples), ("context_samples", context_samples)):
        if value % hop_samples:
            raise ConfigurationError(
                "must be a multiple of the hop",
                parameter=name,
                expected=f"multiple of {hop_samples}",
                found=value,
            )
