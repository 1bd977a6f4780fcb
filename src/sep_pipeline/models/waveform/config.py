"""Shapes of the networks that map a mixture's samples to those of every source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from sep_pipeline.errors import ConfigurationError, TooShortError
from sep_pipeline.models.config_checks import check_counts, require_valid
from sep_pipeline.models.config_values import config_of_values

_require = partial(require_valid, "a parameter of a waveform network is out of range")


@dataclass(frozen=True, kw_only=True)
class ConvolutionConfig:
    """Everything that fixes the parameters of the baseline, a stack of convolutions.

    Args:
        num_sources: Sources that the network gives.
        num_filters: Channels between the convolutions.
        kernels: Length of every convolution in samples, odd.

    Raises:
        ConfigurationError: A value is out of range.
    """

    num_sources: int
    num_filters: int = 50
    kernels: tuple[int, ...] = (551, 141, 37, 11)

    num_channels = 1
    grid_samples = 1
    margin_samples = 0

    def __post_init__(self) -> None:
        check_counts(_require, self, "num_sources", "num_filters")
        _require(len(self.kernels) >= 2, "kernels", "at least 2", self.kernels)
        _check_kernels("kernels", *self.kernels)

    @property
    def context_samples(self) -> int:
        """Samples on each side of an output sample that it depends on: 368 of the study's."""
        return sum(kernel // 2 for kernel in self.kernels)

    def input_samples(self, num_samples: int) -> int:
        """Samples of input that give so many of output."""
        return num_samples


@dataclass(frozen=True, kw_only=True)
class WaveNetConfig:
    """Everything that fixes the parameters of the WaveNet-based network; the defaults are the study's.

    Args:
        num_sources: Sources that the network gives.
        num_stacks: Stacks of blocks, in each of which the dilation starts anew at 1.
        num_blocks: Blocks of a stack, each of twice the dilation of the one before.
        num_filters: Channels of the blocks.
        head_filters: Channels between the three convolutions behind the blocks.

    Raises:
        ConfigurationError: A value is out of range.
    """

    num_sources: int
    num_stacks: int = 4
    num_blocks: int = 10
    num_filters: int = 128
    head_filters: tuple[int, int] = (512, 256)

    num_channels = 1
    grid_samples = 1
    margin_samples = 0

    def __post_init__(self) -> None:
        check_counts(_require, self, "num_sources", "num_stacks", "num_blocks", "num_filters")
        is_valid = len(self.head_filters) == 2 and min(self.head_filters) >= 1
        _require(is_valid, "head_filters", "2 counts of at least 1", self.head_filters)

    @property
    def context_samples(self) -> int:
        """Samples on each side of an output sample that it depends on: 4094 of the study's."""
        return self.num_stacks * ((1 << self.num_blocks) - 1) + 2

    def input_samples(self, num_samples: int) -> int:
        """Samples of input that give so many of output."""
        return num_samples


@dataclass(frozen=True, kw_only=True)
class WaveUNetConfig:
    """Everything that fixes the parameters of a Wave-U-Net (Stoller, Ewert, Dixon 2018).

    Args:
        num_sources: Sources that the network gives.
        num_channels: Audio channels of mixture and sources.
        num_levels: Times that the signal is decimated by 2.
        num_filters: Further filters of every level.
        down_kernel: Length of the convolutions before a decimation, odd.
        up_kernel: Length of those behind an upsampling, odd.
        has_context: Convolutions without padding, so that the input is longer than the output.
        has_learned_upsampling: The weights of the two neighbours of an inserted sample are learnt.
        has_difference_output: The last source is the mixture minus the others.

    Raises:
        ConfigurationError: A value is out of range.
    """

    num_sources: int
    num_channels: int = 1
    num_levels: int = 12
    num_filters: int = 24
    down_kernel: int = 15
    up_kernel: int = 5
    has_context: bool = False
    has_learned_upsampling: bool = False
    has_difference_output: bool = False

    def __post_init__(self) -> None:
        check_counts(_require, self, "num_sources", "num_channels", "num_levels", "num_filters")
        _check_kernels("down_kernel, up_kernel", self.down_kernel, self.up_kernel)
        has_rest = not self.has_difference_output or self.num_sources >= 2
        _require(has_rest, "num_sources", "at least 2 for a difference output", self.num_sources)

    @property
    def grid_samples(self) -> int:
        """The grid on which the network may be shifted; padded inputs are multiples of it."""
        return 1 << self.num_levels

    @cached_property
    def context_samples(self) -> int:
        """Samples on each side of an output sample that it depends on, at most: 69 622 of the published ones."""
        places = np.arange(self.grid_samples)
        first, last, heard = places, places, []
        for _ in range(self.num_levels):
            first, last = first - self.up_kernel // 2, last + self.up_kernel // 2
            heard.append((first, last))
            # An inserted sample needs the coarser ones before and behind it.
            first, last = first // 2, (last + 1) // 2
        first, last = first - self.down_kernel // 2, last + self.down_kernel // 2
        for skip_first, skip_last in reversed(heard):
            first = np.minimum(2 * first, skip_first) - self.down_kernel // 2
            last = np.maximum(2 * last, skip_last) + self.down_kernel // 2
        return int(max((places - first).max(), (last - places).max()))

    @property
    def margin_samples(self) -> int:
        """Samples of the input on each side that have no output: 65 527 of the published ones with context."""
        num_outputs, num_inputs = self._lengths(1)
        return (num_inputs - num_outputs) // 2 if self.has_context else 0

    def input_samples(self, num_samples: int) -> int:
        """Samples of the shortest input that gives at least so many of output."""
        if not self.has_context:
            return -(-num_samples // self.grid_samples) * self.grid_samples
        return self._lengths(num_samples)[1]

    def output_samples(self, num_inputs: int) -> int:
        """Samples of output of an input.

        Raises:
            TooShortError: No input of this length is possible.
        """
        num_outputs = num_inputs - 2 * self.margin_samples
        if num_outputs < 1 or self.input_samples(num_outputs) != num_inputs:
            raise TooShortError(
                "the network takes no input of this length",
                expected=f"such as {self.input_samples(max(1, num_outputs))} samples",
                found=num_inputs,
            )
        return num_outputs

    def _lengths(self, num_samples: int) -> tuple[int, int]:
        """Output and input with context for at least so many samples of output."""
        lost_down, lost_up = self.down_kernel - 1, self.up_kernel - 1
        coarse = float(num_samples)
        for _ in range(self.num_levels):
            coarse = (coarse + lost_up + 1) / 2
        bottom = max(2, int(-(-coarse // 1)))
        num_outputs, num_inputs = bottom, bottom + lost_down
        for _ in range(self.num_levels):
            num_outputs = 2 * num_outputs - 1 - lost_up
            num_inputs = 2 * num_inputs - 1 + lost_down
        return num_outputs, num_inputs


WaveformConfig = ConvolutionConfig | WaveNetConfig | WaveUNetConfig

MODELS: Mapping[str, type[WaveformConfig]] = {
    "convolution": ConvolutionConfig,
    "wavenet": WaveNetConfig,
    "wave_unet": WaveUNetConfig,
}
"""Name of a network to its configuration."""

_CONTEXT = {"has_difference_output": True, "has_context": True}
PRESETS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "convolution": {"paper": {}, "small": {"num_filters": 15}, "tiny": {"num_filters": 2}},
    "wavenet": {
        "paper": {},
        "small": {"num_stacks": 2, "num_blocks": 9, "num_filters": 32, "head_filters": (64, 32)},
        "tiny": {"num_stacks": 1, "num_blocks": 3, "num_filters": 4, "head_filters": (16, 16)},
    },
    "wave_unet": {
        "paper": {},
        "small": {"num_levels": 8, "num_filters": 8},
        "tiny": {"num_levels": 3, "num_filters": 2},
        # The variants of table 1 of the paper; M6 is M4 with four sources, M5-HighSR is M5 at 44.1 kHz.
        "m1": {"num_sources": 2},
        "m2": {"num_sources": 2, "has_difference_output": True},
        "m3": {"num_sources": 2, **_CONTEXT},
        "m4": {"num_sources": 2, "num_channels": 2, **_CONTEXT},
        "m5": {"num_sources": 2, "num_channels": 2, "has_learned_upsampling": True, **_CONTEXT},
        "m5_high_sr": {"num_sources": 2, "num_channels": 2, "has_learned_upsampling": True, **_CONTEXT},
        "m6": {"num_sources": 4, "num_channels": 2, **_CONTEXT},
    },
}
"""Network to preset to what it changes of the network's defaults; "tiny" learns nothing but runs in no time."""


def preset(model: str, name: str, **values: Any) -> WaveformConfig:
    """A named size of a network.

    Args:
        model: A name in `MODELS`.
        name: One of its presets.
        values: What differs from the preset, `num_sources` where it names none.

    Raises:
        ConfigurationError: A name is unknown, or a value is out of range.
    """
    known = PRESETS.get(model, {})
    if name not in known:
        raise ConfigurationError(
            "unknown preset of a waveform network",
            parameter="model, preset",
            expected={each: sorted(names) for each, names in PRESETS.items()},
            found=(model, name),
        )
    return config_of_values(MODELS[model], {**known[name], **values})


def _check_kernels(name: str, *kernels: int) -> None:
    _require(all(kernel >= 1 and kernel % 2 for kernel in kernels), name, "odd lengths", kernels)
