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


def context_and_crop(
    function: SignalFunction,
    mixture: Tensor,
    *,
    chunk_samples: int,
    context_samples: int,
    hop_samples: int,
) -> Tensor:
    """Apply a convolutional function chunk by chunk, equal to one pass over the whole signal.

    Every chunk is computed with real samples on both sides, which are cropped afterwards. At the borders of
    the song no zeros are put in front of or behind the signal: there the padding is what the function's own
    layers do, as in a single pass. Only an end that does not fill a hop is padded with zeros to its next
    multiple.

    Args:
        function: Maps (..., time) to (..., time) of the same length for lengths that are multiples of
            `hop_samples`; a sample depends on no more than `context_samples` on each side.
        mixture: (..., time), at least one sample.
        chunk_samples: Samples computed per pass, a multiple of `hop_samples`.
        context_samples: Samples of context on each side, a multiple of `hop_samples`.
        hop_samples: The grid on which the function may be shifted.

    Returns:
        The output, as long as `mixture`.

    Raises:
        ConfigurationError: The sizes do not fit the grid.
    """
    _check_grid(chunk_samples, context_samples, hop_samples)
    num_samples = mixture.shape[-1]
    padded = functional.pad(mixture, (0, -num_samples % hop_samples))
    output = _Output(num_samples)
    for start, stop in _bounds(padded.shape[-1], chunk_samples):
        first = max(0, start - context_samples)
        last = min(padded.shape[-1], stop + context_samples)
        result = function(padded[..., first:last])
        output.put(start, result[..., start - first : stop - first])
    return output.finished()


def bare_chunks(function: SignalFunction, mixture: Tensor, *, chunk_samples: int, hop_samples: int) -> Tensor:
    """Apply a function to chunks without context, as the transfer study did.

    The remainder of r samples goes through un-padded; its output of `hop_samples` * floor(r / `hop_samples`)
    samples is padded at its end with zeros. Unlike the study's program, chunk starts do not drift.

    Args:
        function: Maps (..., time) to (..., `hop_samples` * floor(time / `hop_samples`)).
        mixture: (..., time), at least one sample.
        chunk_samples: Length of a chunk, a multiple of `hop_samples`; 393 216 in the study.
        hop_samples: Samples per code.

    Returns:
        The output, as long as `mixture`.

    Raises:
        ConfigurationError: The sizes do not fit the grid.
    """
    _check_grid(chunk_samples, 0, hop_samples)
    num_samples = mixture.shape[-1]
    output = _Output(num_samples)
    for start, stop in _bounds(num_samples, chunk_samples):
        usable = (stop - start) // hop_samples * hop_samples
        if usable:
            output.put(start, function(mixture[..., start:stop])[..., :usable])
    return output.finished(like=mixture)


def overlap_add(
    function: SignalFunction, mixture: Tensor, *, segment_samples: int, overlap: float = 0.25
) -> Tensor:
    """Apply a function to overlapping segments of one size and cross-fade the outputs.

    Args:
        function: Maps (..., `segment_samples`) to (..., `segment_samples`).
        mixture: (..., time), at least one sample.
        segment_samples: Length of every segment; the last one is padded with zeros.
        overlap: Fraction of a segment shared with the next one, below 1.

    Returns:
        The output, as long as `mixture`; a function that returns its input gives the mixture back.

    Raises:
        ConfigurationError: `segment_samples` or `overlap` is out of range.
    """
    if segment_samples < 1 or not 0.0 <= overlap < 1.0:
        raise ConfigurationError(
            "segments need at least one sample and an overlap in [0, 1)",
            parameter="segment_samples, overlap",
            found=(segment_samples, overlap),
        )
    num_samples = mixture.shape[-1]
    hop = max(1, round(segment_samples * (1.0 - overlap)))
    fade = _triangle(segment_samples).to(mixture)
    total: Tensor | None = None
    weight = torch.zeros(num_samples, dtype=mixture.dtype, device=mixture.device)
    for start in range(0, max(1, num_samples - (segment_samples - hop)), hop):
        stop = min(start + segment_samples, num_samples)
        segment = functional.pad(mixture[..., start:stop], (0, segment_samples - (stop - start)))
        result = function(segment)[..., : stop - start] * fade[: stop - start]
        total = result.new_zeros(*result.shape[:-1], num_samples) if total is None else total
        total[..., start:stop] += result
        weight[start:stop] += fade[: stop - start]
    assert total is not None
    return total / weight


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


class _Output:
    """A signal that is filled piece by piece; its leading axes are those of the first piece."""

    def __init__(self, num_samples: int) -> None:
        self._num_samples = num_samples
        self._signal: Tensor | None = None

    def put(self, start: int, piece: Tensor) -> None:
        if self._signal is None:
            self._signal = piece.new_zeros(*piece.shape[:-1], self._num_samples)
        stop = min(start + piece.shape[-1], self._num_samples)
        self._signal[..., start:stop] = piece[..., : stop - start]

    def finished(self, like: Tensor | None = None) -> Tensor:
        if self._signal is None:
            assert like is not None
            return torch.zeros_like(like)
        return self._signal


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
