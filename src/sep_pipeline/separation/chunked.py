"""Run a function over a signal of any length in pieces, so that memory does not grow with the song.

Four ways: with real context that is cropped away (equal to one pass over the whole song for convolutional
functions), bare chunks without context (the transfer study as published), overlap-add with a cross-fade (for
functions that take segments of one size or carry a state), and overlapping pieces without their edges, for
songs that are read piece by piece, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional

from sep_pipeline.errors import ConfigurationError

SignalFunction = Callable[[Tensor], Tensor]
PieceFunction = Callable[[int, int], Tensor]

ReadSignal = Callable[[int, int], Tensor]
"""Gives the samples from the first to before the second number, (..., time)."""


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
        _reader(mixture),
        mixture.shape[-1],
        chunk_samples=chunk_samples,
        context_samples=context_samples,
        hop_samples=hop_samples,
    )
    return _joined(blocks, mixture.shape[-1])


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
        _reader(mixture),
        mixture.shape[-1],
        chunk_samples=chunk_samples,
        hop_samples=hop_samples,
    )
    return _joined(blocks, mixture.shape[-1])


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


def overlap_add(
    function: SignalFunction, mixture: Tensor, *, segment_samples: int, overlap: float = 0.25
) -> Tensor:
    """Apply a function to overlapping segments; `overlap_add_blocks` for a signal in memory.

    Args:
        function: As for `overlap_add_blocks`.
        mixture: (..., time), at least one sample.
        segment_samples: As for `overlap_add_blocks`.
        overlap: As for `overlap_add_blocks`.

    Returns:
        The output, as long as `mixture`; a function that returns its input gives the mixture back.

    Raises:
        ConfigurationError: `segment_samples` or `overlap` is out of range.
    """
    blocks = overlap_add_blocks(
        function,
        _reader(mixture),
        mixture.shape[-1],
        segment_samples=segment_samples,
        overlap=overlap,
    )
    return _joined(blocks, mixture.shape[-1])


def overlap_add_blocks(
    function: SignalFunction,
    read: ReadSignal,
    num_samples: int,
    *,
    segment_samples: int,
    overlap: float = 0.25,
) -> Iterator[Tensor]:
    """Apply a function to overlapping segments of one size and cross-fade the outputs.

    Args:
        function: Maps (..., `segment_samples`) to (..., `segment_samples`).
        read: Gives parts of the signal, each starting no earlier than the one before.
        num_samples: Length of the signal, at least 1.
        segment_samples: Length of every segment; the last one is padded with zeros.
        overlap: Fraction of a segment shared with the next one, below 1.

    Returns:
        Successive pieces of the output, `num_samples` samples in all.

    Raises:
        ConfigurationError: `segment_samples` or `overlap` is out of range.
    """
    if segment_samples < 1 or not 0.0 <= overlap < 1.0:
        raise ConfigurationError(
            "segments need at least one sample and an overlap in [0, 1)",
            parameter="segment_samples, overlap",
            found=(segment_samples, overlap),
        )
    hop = max(1, round(segment_samples * (1.0 - overlap)))
    return _cross_faded(function, read, num_samples, segment_samples, hop)


def _cross_faded(
    function: SignalFunction, read: ReadSignal, num_samples: int, segment_samples: int, hop: int
) -> Iterator[Tensor]:
    """Weighted sums of segments; what later segments reach into is carried on."""
    fade = _triangle(segment_samples)
    starts = range(0, max(1, num_samples - (segment_samples - hop)), hop)
    total: Tensor | None = None
    weight = torch.zeros(0)
    for start in starts:
        stop = min(start + segment_samples, num_samples)
        segment = functional.pad(read(start, stop), (0, segment_samples - (stop - start)))
        fade, weight = fade.to(segment), weight.to(segment)
        result = function(segment)[..., : stop - start] * fade[: stop - start]
        if total is not None:
            result[..., : total.shape[-1]] += total
        weight = functional.pad(weight, (0, stop - start - len(weight))) + fade[: stop - start]
        num_ready = stop - start if start == starts[-1] else hop
        yield result[..., :num_ready] / weight[:num_ready]
        total, weight = result[..., num_ready:], weight[num_ready:]


def cross_faded_pieces(
    estimate: PieceFunction, num_samples: int, *, piece_samples: int, edge_samples: int, fade_samples: int
) -> Iterator[Tensor]:
    """Estimate a signal in overlapping pieces, drop what is near their inner edges and cross-fade the rest linearly.

    Where what is dropped is as long as the function's context, the pieces agree, and the result is that of one
    pass over the whole signal. The ends of the signal are never dropped.

    Args:
        estimate: Maps the first sample of a piece and the one behind its last to its output, (..., time).
        num_samples: Length of the signal, at least 1.
        piece_samples: Length of a piece; the last one may be shorter.
        edge_samples: What is dropped at both ends of a piece.
        fade_samples: What is left of two neighbours in common, over which one fades into the other.

    Yields:
        Successive stretches of the output, together as long as the signal.

    Raises:
        ConfigurationError: A size is negative, or nothing would be left of a piece.
    """
    step = piece_samples - 2 * edge_samples - fade_samples
    if min(edge_samples, fade_samples) < 0 or step < 1:
        raise ConfigurationError(
            "nothing is left of a piece",
            parameter="piece_samples, edge_samples, fade_samples",
            expected="a piece longer than two edges and the fade",
            found=(piece_samples, edge_samples, fade_samples),
        )
    fading: Tensor | None = None
    for start in range(0, num_samples, step):
        stop = min(start + piece_samples, num_samples)
        is_last = stop == num_samples
        kept = estimate(start, stop)[..., edge_samples if start else 0 :]
        if fading is not None:
            share = torch.arange(1, fade_samples + 1, device=kept.device) / (fade_samples + 1)
            faded = torch.lerp(fading, kept[..., :fade_samples], share.to(kept))
            kept = torch.cat([faded, kept[..., fade_samples:]], -1)
        if is_last:
            yield kept
            return
        finished = kept.shape[-1] - edge_samples - fade_samples
        yield kept[..., :finished]
        fading = kept[..., finished : finished + fade_samples]


def _triangle(num_samples: int) -> Tensor:
    """Positive weights that rise to the middle and fall again."""
    ramp = torch.arange(1, num_samples + 1, dtype=torch.float64)
    return torch.minimum(ramp, ramp.flip(0)) / ((num_samples + 1) // 2)


def _reader(signal: Tensor) -> ReadSignal:
    return lambda start, stop: signal[..., start:stop]


def _joined(blocks: Iterator[Tensor], num_samples: int) -> Tensor:
    """One signal out of its pieces, which need not be kept all at once."""
    start, signal = 0, None
    for block in blocks:
        if signal is None:
            signal = block.new_empty(*block.shape[:-1], num_samples)
        signal[..., start : start + block.shape[-1]] = block
        start += block.shape[-1]
    assert signal is not None
    return signal


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
