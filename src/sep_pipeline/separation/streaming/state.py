"""All that a stream remembers between two blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sep_pipeline.errors import ConfigurationError
from sep_pipeline.models.open_unmix import OpenUnmixConfig


@dataclass(frozen=True, kw_only=True)
class StreamState:
    """Where a stream is; tensors are float32 on the CPU.

    Attributes:
        targets: Names of the targets, in order.
        hidden: Hidden state of the LSTMs, (layer, target, unit).
        cell: Cell state of the LSTMs, (layer, target, unit).
        samples: Input that further frames will read, (channel, time), fewer samples than one frame; the zeros
            at the start of the stream are part of it.
        tails: Sums of frames that further frames will be added to, (target, channel, frame less a hop).
        num_frames: Frames computed so far.
        num_received: Input samples so far.
        num_given: Output samples so far.
    """

    targets: tuple[str, ...]
    hidden: Tensor
    cell: Tensor
    samples: Tensor
    tails: Tensor
    num_frames: int
    num_received: int
    num_given: int

    def copy(self) -> StreamState:
        """The same state in tensors of its own."""
        return replace(
            self,
            hidden=self.hidden.clone(),
            cell=self.cell.clone(),
            samples=self.samples.clone(),
            tails=self.tails.clone(),
        )


def initial_state(targets: tuple[str, ...], config: OpenUnmixConfig) -> StreamState:
    """The state before the first sample: half a frame of zeros, and LSTMs at rest."""
    sizes, channels = config.spectrogram, config.num_channels
    lstm = torch.zeros(config.num_layers, len(targets), config.hidden_size)
    return StreamState(
        targets=targets,
        hidden=lstm,
        cell=lstm.clone(),
        samples=torch.zeros(channels, sizes.n_fft // 2),
        tails=torch.zeros(len(targets), channels, sizes.n_fft - sizes.hop_length),
        num_frames=0,
        num_received=0,
        num_given=0,
    )


def require_fitting_state(state: StreamState, targets: tuple[str, ...], config: OpenUnmixConfig) -> None:
    """Refuse a state that comes from other models.

    Raises:
        ConfigurationError: Targets or shapes differ.
    """
    wanted = initial_state(targets, config)
    if state.targets != targets:
        raise ConfigurationError(
            "the state is that of other targets", parameter="state", expected=targets, found=state.targets
        )
    for name in ("hidden", "cell", "tails"):
        expected, found = tuple(getattr(wanted, name).shape), tuple(getattr(state, name).shape)
        if expected != found:
            raise ConfigurationError(
                "the state is that of another model",
                parameter=f"state.{name}",
                expected=expected,
                found=found,
            )
    found_samples = tuple(state.samples.shape)
    fits = len(found_samples) == 2 and found_samples[0] == config.num_channels
    if not fits or found_samples[1] >= config.spectrogram.n_fft:
        raise ConfigurationError(
            "the state is that of another model",
            parameter="state.samples",
            expected=f"({config.num_channels}, fewer than {config.spectrogram.n_fft})",
            found=found_samples,
        )
