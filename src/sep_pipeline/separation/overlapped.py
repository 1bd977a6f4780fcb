"""Run a function over a signal of any length in overlapping pieces that are cross-faded.

Two ways: segments of one size, for functions that take no other or carry a state, and pieces without their edges, which
agree with one pass over the whole signal where the edges are as long as the function's context.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional

from sep_pipeline.errors import ConfigurationError
from sep_pipeline.separation.blocks import ReadSignal, SignalFunction, joined, signal_reader

PieceFunction = Callable[[int, int], Tensor]


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
        signal_reader(mixture),
        mixture.shape[-1],
        segment_samples=segment_samples,
        overlap=overlap,
    )
    return joined(blocks, mixture.shape[-1])


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
