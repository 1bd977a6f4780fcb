"""The codebook: nearest-code search, straight-through quantisation and the moving-average update.

Not trained by gradients: the codes follow the mean of the encoder vectors assigned to them (van den Oord et
al. 2017, appendix A.1), and unused codes restart at random encoder vectors (arXiv:2005.00341, section 3.1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from sep_pipeline.models.vqvae import replicas

_SCORES_PER_CHUNK = {"cpu": 2**19}
_DEFAULT_SCORES_PER_CHUNK = 2**26
_TILING_NOISE = 0.01


@dataclass(frozen=True)
class Quantised:
    """What quantisation gives.

    Args:
        latents: float32, (batch, embedding, frames), rows of the codebook as it was before this step's
            update.
        codes: int64, (batch, frames), row numbers.
        commitment: Scalar, mean squared difference of encoder output and code; its gradient reaches only the
            encoder.
        metrics: Detached scalars. Always `fit` (mean squared distance to the nearest code) and `pn` (spread
            of the encoder output); in an updating step also `entropy` of the code use in nats, `used_curr`
            (codes met at least `dead_code_threshold` times in this step), `usage` (codes whose running count
            reaches it) and `dk` (root mean square change of the codebook).
    """

    latents: Tensor
    codes: Tensor
    commitment: Tensor
    metrics: dict[str, Tensor] = field(default_factory=dict)


class Codebook(nn.Module):
    """Rows of `num_codes` vectors with their running counts and sums, all of which are in the state dict.

    Args:
        num_codes: Number of rows.
        width: Dimensions of one row.
        momentum: Share of old statistics kept per update.
        dead_code_threshold: Running count below which a row restarts.
        mode: "ema" or "frozen". A frozen codebook is neither initialised nor updated; when it is all zeros,
            every vector maps to row 0 and the decoder cannot see its input.
    """

    codes: Tensor
    counts: Tensor
    sums: Tensor
    is_initialised: Tensor

    def __init__(
        self,
        *,
        num_codes: int,
        width: int,
        momentum: float = 0.99,
        dead_code_threshold: float = 1.0,
        mode: str = "ema",
    ) -> None:
        super().__init__()
        self.num_codes, self.width = num_codes, width
        self.momentum, self.dead_code_threshold, self.mode = momentum, dead_code_threshold, mode
        self.register_buffer("codes", torch.zeros(num_codes, width))
        self.register_buffer("counts", torch.zeros(num_codes))
        self.register_buffer("sums", torch.zeros(num_codes, width))
        self.register_buffer("is_initialised", torch.tensor(False))

    def reset_statistics(self, num_tokens: int) -> None:
        """Give every row the same running count after weights without statistics were loaded.

        The codebook counts as initialised afterwards, so a codebook of zeros stays without first-batch start.

        Args:
            num_tokens: Codes per chunk times number of replicas; the batch size does not enter.
        """
        expected_count = num_tokens / self.num_codes
        self.counts.fill_(expected_count)
        self.sums.copy_(self.codes * expected_count)
        self.is_initialised.fill_(True)

    def assign(self, rows: Tensor) -> Tensor:
        """Number of the nearest code for each row of a (num_rows, width) tensor; the lowest wins ties.

        Memory stays bounded: the scores of a limited number of rows exist at a time.
        """
        with torch.no_grad():
            # argmin |x - k|² = argmax x·k - |k|²/2, since |x|² is common to all codes.
            offsets = self.codes.square().sum(1).mul_(-0.5)
            budget = _SCORES_PER_CHUNK.get(rows.device.type, _DEFAULT_SCORES_PER_CHUNK)
            chunks = torch.split(rows.detach(), max(1, budget // self.num_codes))
            found = [torch.addmm(offsets, chunk, self.codes.t()).max(dim=1).indices for chunk in chunks]
            return torch.cat(found)

    def forward(
        self,
        latents: Tensor,
        *,
        update: bool = False,
        generator: torch.Generator | None = None,
        initial_rows: Tensor | None = None,
        restart_rows: Tensor | None = None,
        is_straight_through: bool | None = None,
    ) -> Quantised:
        """Replace every encoder vector by its nearest code.

        Args:
            latents: float32, (batch, embedding, frames), encoder output.
            update: Whether to initialise the codebook if it is not yet, collect usage metrics and, unless
                frozen, update the codebook after dequantising.
            generator: Source of the random rows; required when `update` is set and no rows are given.
            initial_rows: Row numbers of the flattened encoder output (batch, then frames) that become the
                first codebook, instead of drawn ones.
            restart_rows: Row numbers that replace dead codes, instead of drawn ones.
            is_straight_through: Whether the gradient of the quantised latents goes on to the encoder as if
                nothing were quantised; otherwise they are detached. By default as the module is training.

        Returns:
            Latents whose gradient goes straight through to the encoder while the module is in training mode,
            and which are detached otherwise.
        """
        rows = latents.transpose(1, 2).reshape(-1, self.width).to(self.codes.dtype)
        is_updating = update and self.mode == "ema"
        if is_updating and not bool(self.is_initialised):
            self._initialise(rows.detach(), generator, initial_rows)
        codes = self.assign(rows)
        dequantised = self.codes[codes]
        commitment = (rows - dequantised).square().mean()
        metrics = _encoder_metrics(rows.detach(), commitment.detach())
        if update:
            metrics |= self._update(rows.detach(), codes, generator, restart_rows, is_updating)
        if self.training if is_straight_through is None else is_straight_through:
            dequantised = rows + (dequantised - rows).detach()
        batch, _, frames = latents.shape
        quantised = dequantised.view(batch, frames, self.width).transpose(1, 2)
        return Quantised(quantised, codes.view(batch, frames), commitment, metrics)

    def dequantise(self, codes: Tensor) -> Tensor:
        """Rows of the codebook, (batch, embedding, frames), for row numbers (batch, frames)."""
        return self.codes[codes].transpose(1, 2)

    def _initialise(
        self, rows: Tensor, generator: torch.Generator | None, row_numbers: Tensor | None
    ) -> None:
        self.codes.copy_(self._drawn_rows(rows, generator, row_numbers))
        self.sums.copy_(self.codes)
        self.counts.fill_(1.0)
        self.is_initialised.fill_(True)

    def _drawn_rows(
        self, rows: Tensor, generator: torch.Generator | None, row_numbers: Tensor | None
    ) -> Tensor:
        """One random encoder vector per code, the same on every replica."""
        if row_numbers is None:
            if generator is None:
                raise ValueError("updating a codebook needs a generator for its random rows")
            rows = tiled_rows(rows, self.num_codes, generator)
            row_numbers = torch.randperm(len(rows), generator=generator, device=generator.device)
        drawn = rows[row_numbers[: self.num_codes].to(rows.device)]
        return replicas.broadcast_from_first(drawn)

    @torch.no_grad()
    def _update(
        self,
        rows: Tensor,
        codes: Tensor,
        generator: torch.Generator | None,
        restart_rows: Tensor | None,
        is_updating: bool,
    ) -> dict[str, Tensor]:
        hits = torch.bincount(codes, minlength=self.num_codes).to(rows.dtype)
        change = torch.zeros((), device=rows.device)
        if is_updating:
            hit_sums = torch.zeros_like(self.sums).index_add_(0, codes, rows)
            hits, hit_sums = replicas.summed(hits, hit_sums)
            change = self._move_codes(hits, hit_sums, self._drawn_rows(rows, generator, restart_rows))
        else:
            (hits,) = replicas.summed(hits)
        shares = hits / hits.sum()
        return {
            "entropy": -(shares * (shares + 1e-8).log()).sum(),
            "used_curr": (hits >= self.dead_code_threshold).sum().float(),
            "usage": (self.counts >= self.dead_code_threshold).sum().float(),
            "dk": change,
        }

    def _move_codes(self, hits: Tensor, hit_sums: Tensor, restarts: Tensor) -> Tensor:
        """Advance running statistics and codes; returns the root mean square change of the codebook."""
        self.counts.mul_(self.momentum).add_(hits, alpha=1 - self.momentum)
        self.sums.mul_(self.momentum).add_(hit_sums, alpha=1 - self.momentum)
        # A count underflows to zero after some 10 000 unused steps: divide only where the result is used.
        is_alive = (self.counts >= self.dead_code_threshold) & (self.counts > 0)
        means = self.sums / torch.where(is_alive, self.counts, 1.0)[:, None]
        moved = torch.where(is_alive[:, None], means, restarts)
        change: Tensor = torch.linalg.vector_norm(moved - self.codes) / math.sqrt(moved.numel())
        self.codes.copy_(moved)
        return change


def tiled_rows(rows: Tensor, num_rows: int, generator: torch.Generator) -> Tensor:
    """Repeat the rows with a little noise when there are fewer than `num_rows`; otherwise give them back."""
    num_copies = -(-num_rows // len(rows))
    if num_copies <= 1:
        return rows
    noise = torch.randn(num_copies * len(rows), rows.shape[1], generator=generator, device=generator.device)
    return tiled_with_noise(rows, noise.to(rows.device))


def tiled_with_noise(rows: Tensor, noise: Tensor) -> Tensor:
    """Repeat (num_rows, width) `rows` to the length of `noise` and add it at 0.01/√width of its size."""
    tiled = rows.repeat(len(noise) // len(rows), 1)
    return tiled + noise * (_TILING_NOISE / math.sqrt(rows.shape[1]))


def _encoder_metrics(rows: Tensor, commitment: Tensor) -> dict[str, Tensor]:
    # The mean squared distance to the nearest code is the commitment summed, not averaged, over the
    # dimensions.
    spread = rows.sub(rows.mean()).square_().mean().sqrt()
    return {"fit": commitment * rows.shape[1], "pn": spread}
