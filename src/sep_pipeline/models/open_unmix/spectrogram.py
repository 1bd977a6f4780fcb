"""Short-time Fourier transforms laid out as Open-Unmix uses them, bins innermost in memory."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from sep_pipeline.errors import TooShortError
from sep_pipeline.models.open_unmix.config import SpectrogramConfig

_BLOCK_FRAMES = 512
_CACHED_SAMPLES = 2**17


def spectrum(audio: Tensor, config: SpectrogramConfig) -> Tensor:
    """Transform frames that lie wholly inside the signal, without any padding.

    This is what training, validation and statistics look at. For separation pad first, see `centred`.

    Args:
        audio: float, (..., time), at least `n_fft` samples.
        config: Sizes.

    Returns:
        complex, (..., frame, bin); 255 frames of 6 s at 44.1 kHz and the usual sizes.

    Raises:
        TooShortError: The signal is shorter than one frame.
    """
    _check_length(audio, config)
    frames = audio.unfold(-1, config.n_fft, config.hop_length)
    transformed: Tensor = torch.fft.rfft(frames * window(config, audio))
    return transformed


def magnitude(audio: Tensor, config: SpectrogramConfig, *, is_mono: bool = False) -> Tensor:
    """Modulus of `spectrum` to float32 rounding, without a gradient.

    In memory frames lie outermost and channels beside their bins, the order in which the model works through
    them, so that none of its layers has to rearrange them.

    Args:
        audio: float, (..., channel, time), at least `n_fft` samples.
        config: Sizes.
        is_mono: Whether the channels' magnitudes are averaged, which is what a model of one channel hears.

    Returns:
        float, (..., channel, frame, bin).

    Raises:
        TooShortError: The signal is shorter than one frame.
    """
    _check_length(audio, config)
    with torch.no_grad():
        signals = audio.detach().reshape(-1, *audio.shape[-2:])
        frames = signals.unfold(-1, config.n_fft, config.hop_length).permute(2, 0, 1, 3)
        shape = (*frames.shape[:2], 1 if is_mono else frames.shape[2], config.num_bins)
        magnitudes = frames.new_empty(shape)
        per_block = _frames_at_once(frames)
        shaped_by = window(config, audio)
        for first in range(0, len(frames), per_block):
            block = slice(first, first + per_block)
            windowed = torch.mul(frames[block], shaped_by, out=frames.new_empty(frames[block].shape))
            modulus = _modulus(torch.fft.rfft(windowed))
            magnitudes[block] = modulus.mean(2, keepdim=True) if is_mono else modulus
        return magnitudes.permute(1, 2, 0, 3).reshape(*audio.shape[:-2], shape[2], shape[0], shape[3])


def frame_blocks(
    audio: Tensor, config: SpectrogramConfig, num_frames: int = _BLOCK_FRAMES
) -> Iterator[Tensor]:
    """Cut a long signal into pieces whose frames are, in order, those of the whole signal.

    Args:
        audio: float, (..., time), at least `n_fft` samples.
        config: Sizes.
        num_frames: Frames per piece; the last one has what is left.

    Yields:
        Views of the audio, which overlap.

    Raises:
        TooShortError: The signal is shorter than one frame.
    """
    _check_length(audio, config)
    total = (audio.shape[-1] - config.n_fft) // config.hop_length + 1
    for first in range(0, total, num_frames):
        last = min(first + num_frames, total) - 1
        yield audio[..., first * config.hop_length : last * config.hop_length + config.n_fft]


def centred(audio: Tensor, config: SpectrogramConfig) -> Tensor:
    """Extend both ends by half a window: mirrored where there are samples enough, as torch's stft does.

    A signal shorter than that is mirrored as far as it goes and extended by zeros.

    Args:
        audio: float, (channel, time) or (batch, channel, time), at least one sample.
        config: Sizes.

    Returns:
        float, `n_fft` samples longer.
    """
    half = config.n_fft // 2
    mirrored = min(half, audio.shape[-1] - 1)
    reflected = functional.pad(audio, (mirrored, mirrored), mode="reflect") if mirrored else audio
    return functional.pad(reflected, (half - mirrored, half - mirrored))


def window(config: SpectrogramConfig, like: Tensor) -> Tensor:
    """The periodic Hann window in the number format and on the device of `like`."""
    return torch.hann_window(config.n_fft, dtype=like.dtype, device=like.device)


def _modulus(transformed: Tensor) -> Tensor:
    """Modulus of complex values to some 1e-7, in a quarter of the time of `abs`, which avoids overflow."""
    squares = torch.view_as_real(transformed).square_()
    return torch.add(squares[..., 0], squares[..., 1]).sqrt_()


def _frames_at_once(frames: Tensor) -> int:
    """Frames per pass: on a CPU what stays in its cores' caches between windowing, transform and modulus."""
    if frames.device.type != "cpu":
        return len(frames)
    return max(1, _CACHED_SAMPLES * torch.get_num_threads() // frames[0].numel())


def _check_length(audio: Tensor, config: SpectrogramConfig) -> None:
    if audio.shape[-1] < config.n_fft:
        raise TooShortError(
            "audio is shorter than one frame of the spectrogram",
            expected=f"{config.n_fft} samples",
            found=audio.shape[-1],
        )
