"""Shape of the VQ-VAE, and how far one of its samples sees."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from sep_pipeline.models.config_checks import check_counts, require_valid

STRIDE = 2
RESAMPLE_KERNEL = 2 * STRIDE
RESAMPLE_PADDING = STRIDE // 2
CODEBOOK_MODES = ("ema", "frozen")

_require = partial(require_valid, "a VQ-VAE parameter is out of range")


@dataclass(frozen=True, kw_only=True)
class VQVAEConfig:
    """Everything that fixes the parameters of the network and the rule of its codebook.

    Jukebox (arXiv:2005.00341, section 3) calls this the bottom level. The effective sizes are given here: its
    level multiplier is already applied to width and depth.

    Args:
        num_stages: Number of down-sampling stages, each of stride 2.
        width: Channels between the stages and inside the residual blocks.
        num_blocks: Residual blocks per stage.
        dilation_growth: Factor of the dilation from one block to the next; the first has dilation 1.
        embedding_width: Dimensions of one code.
        num_codes: Rows of the codebook.
        codebook_momentum: Share of the old statistics kept in one codebook update.
        dead_code_threshold: Running count below which a code is replaced by a random encoder vector.
        codebook_mode: "ema" updates the codebook while training, "frozen" never does.

    Raises:
        ConfigurationError: A value is out of range.
    """

    num_stages: int = 3
    width: int
    num_blocks: int
    dilation_growth: int = 3
    embedding_width: int
    num_codes: int
    codebook_momentum: float = 0.99
    dead_code_threshold: float = 1.0
    codebook_mode: str = "ema"

    def __post_init__(self) -> None:
        counts = ("num_stages", "width", "num_blocks", "dilation_growth", "embedding_width", "num_codes")
        check_counts(_require, self, *counts)
        _require(0 <= self.codebook_momentum < 1, "codebook_momentum", "in [0, 1)", self.codebook_momentum)
        _require(self.dead_code_threshold >= 0, "dead_code_threshold", "at least 0", self.dead_code_threshold)
        _require(self.codebook_mode in CODEBOOK_MODES, "codebook_mode", CODEBOOK_MODES, self.codebook_mode)

    @property
    def hop_samples(self) -> int:
        """Samples of audio per code."""
        return int(STRIDE**self.num_stages)

    @property
    def dilations(self) -> tuple[int, ...]:
        """Dilations of one encoder stage in order; the decoder runs them in reverse."""
        return tuple(self.dilation_growth**block for block in range(self.num_blocks))

    @property
    def code_span_samples(self) -> tuple[int, int]:
        """First and last sample, relative to sample `hop_samples * q`, that code q depends on."""
        first, last = -1, 1
        for _ in range(self.num_stages):
            first, last = first - sum(self.dilations), last + sum(self.dilations)
            first, last = (
                STRIDE * first - RESAMPLE_PADDING,
                STRIDE * last - RESAMPLE_PADDING + RESAMPLE_KERNEL - 1,
            )
        return first, last

    @property
    def frame_span_codes(self) -> tuple[int, int]:
        """First and last code, relative to q, that the `hop_samples` output samples of frame q depend on."""
        first, last = -1, self.hop_samples
        for _ in range(self.num_stages):
            # Input m reaches outputs stride * m - padding + k, 0 <= k < kernel.
            first = -((RESAMPLE_KERNEL - 1 - RESAMPLE_PADDING - first) // STRIDE)
            last = (last + RESAMPLE_PADDING) // STRIDE
            first, last = first - sum(self.dilations), last + sum(self.dilations)
        return first - 1, last + 1

    @property
    def context_samples(self) -> int:
        """Real samples needed on each side of a chunk so that its cropped output equals the whole song's.

        The farthest that any output sample sees, rounded up to a multiple of `hop_samples`: 91 880 for the
        `jukebox` preset. Chunks have to begin at multiples of `hop_samples`.
        """
        first_code, last_code = self.frame_span_codes
        first_sample, last_sample = self.code_span_samples
        before = self.hop_samples - 1 - (first_code * self.hop_samples + first_sample)
        after = last_code * self.hop_samples + last_sample
        return -(-max(before, after) // self.hop_samples) * self.hop_samples

    def num_frames(self, num_samples: int) -> int:
        """Number of codes that `num_samples` samples give."""
        return num_samples // self.hop_samples


VQVAE_PRESETS: dict[str, VQVAEConfig] = {
    "jukebox": VQVAEConfig(width=64, num_blocks=8, embedding_width=64, num_codes=2048),
    "compact": VQVAEConfig(width=32, num_blocks=5, embedding_width=32, num_codes=512),
}
