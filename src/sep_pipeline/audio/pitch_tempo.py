"""Change pitch and tempo of signals independently, by a phase vocoder with phase resets and by resampling.

Pitch and tempo are one operation: the vocoder lasts the signal longer or shorter by tempo / 2^(n/12) and leaves
the pitch, then resampling by 2^(n/12) raises pitch and tempo together. The vocoder follows Laroche and Dolson
(IEEE Trans. Speech Audio Process. 7(3), 1999) without their phase locking; where a transient begins it takes
over the phases of the signal, as Röbel proposed (DAFx 2003), since smeared onsets are its one loud fault.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sep_pipeline.errors import ConfigurationError

WINDOW_SECONDS = 0.064
HOPS_PER_WINDOW = 8
# Share of a frame's magnitude that is new, above which the frame begins a transient.
TRANSIENT_SHARE = 0.2
# The resampling ratio is the nearest fraction with a denominator up to this: wrong by 0.1 cent at most.
MAX_DENOMINATOR = 200
RESAMPLING_ZERO_CROSSINGS = 32
RESAMPLING_ROLLOFF = 0.97


def changed(
    audio: npt.NDArray[np.float32], *, semitones: float, tempo: float, sample_rate: int, num_frames: int
) -> npt.NDArray[np.float32]:
    """Change pitch and tempo of one signal; see `pitch_tempo`, which does the same to tensors.

    Args:
        audio: float32, (..., time).
        semitones: Pitch change, any real number.
        tempo: Speed; above 1 is faster and shorter.
        sample_rate: Hz.
        num_frames: Length of the result in samples.

    Returns:
        float32, (..., num_frames).

    Raises:
        ConfigurationError: The tempo or the sample rate is not positive.
    """
    tensor = torch.from_numpy(np.ascontiguousarray(audio))
    with torch.no_grad():
        result = pitch_tempo(
            tensor, semitones=semitones, tempo=tempo, sample_rate=sample_rate, num_frames=num_frames
        )
    return result.numpy()


def pitch_tempo_batch(
    audio: Tensor, semitones: Sequence[float], tempi: Sequence[float], *, sample_rate: int, num_frames: int
) -> Tensor:
    """Change pitch and tempo of every item by its own amounts, on the device where the audio lies.

    Args:
        audio: float32, (item, ..., time); of each item the first round(num_frames * tempo) samples are used.
        semitones: Pitch change per item, (item,).
        tempi: Speed per item, (item,).
        sample_rate: Hz.
        num_frames: Length of the results in samples.

    Returns:
        float32, (item, ..., num_frames).

    Raises:
        ConfigurationError: A tempo or the sample rate is not positive, or the amounts are not one per item.
    """
    if not len(audio) == len(semitones) == len(tempi):
        raise ConfigurationError(
            "every item needs its own pitch and tempo",
            parameter="semitones, tempi",
            expected=len(audio),
            found=(len(semitones), len(tempi)),
        )
    items = [
        pitch_tempo(
            item[..., : round(num_frames * tempo)],
            semitones=shift,
            tempo=tempo,
            sample_rate=sample_rate,
            num_frames=num_frames,
        )
        for item, shift, tempo in zip(audio, semitones, tempi, strict=True)
    ]
    return torch.stack(items)


def pitch_tempo(
    audio: Tensor, *, semitones: float, tempo: float, sample_rate: int, num_frames: int
) -> Tensor:
    """Change pitch and tempo of one signal.

    What happens at time t happens at t / tempo in the result, in every row alike. Rows of the last axis but
    one are the channels of one sound and share their phase resets.

    Args:
        audio: float32, (..., time), on any device.
        semitones: Pitch change, any real number.
        tempo: Speed; above 1 is faster and shorter.
        sample_rate: Hz.
        num_frames: Length of the result in samples; it is cut or filled with zeros at the end.

    Returns:
        float32, (..., num_frames); the samples themselves when nothing is to be changed.

    Raises:
        ConfigurationError: The tempo or the sample rate is not positive.
    """
    _check(tempo, sample_rate)
    ratio = Fraction(2.0 ** (semitones / 12)).limit_denominator(MAX_DENOMINATOR)
    # Half a sample more than there is: callers read round(num_frames * tempo) samples.
    num_changed = min(num_frames, int((audio.shape[-1] + 0.5) / tempo))
    if audio.numel() and num_changed:
        sounds = audio.reshape(-1, audio.shape[-2] if audio.ndim > 1 else 1, audio.shape[-1])
        num_stretched = math.ceil(num_changed * ratio)
        window_samples = window_samples_at(sample_rate)
        stretched = stretch(sounds, tempo / float(ratio), num_stretched, window_samples=window_samples)
        audio = _resampled(stretched, ratio).reshape(*audio.shape[:-1], -1)
    return _of_length(audio[..., :num_changed], num_frames)


def window_samples_at(sample_rate: int) -> int:
    """Length of the vocoder's window at a sample rate: the multiple of 256 nearest to `WINDOW_SECONDS`."""
    return max(1, round(WINDOW_SECONDS * sample_rate / 256)) * 256


def stretch(
    sounds: Tensor,
    rate: float,
    num_frames: int,
    *,
    window_samples: int,
    hops_per_window: int = HOPS_PER_WINDOW,
    transient_share: float = TRANSIENT_SHARE,
) -> Tensor:
    """Let signals last longer or shorter at the same pitch.

    Args:
        sounds: float32, (sound, channel, time).
        rate: Speed; above 1 is faster and shorter.
        num_frames: Length of the result in samples.
        window_samples: Length of the Hann window, a multiple of `hops_per_window`.
        hops_per_window: Frames that overlap at any moment.
        transient_share: A frame of which a larger share of magnitude is new than this begins a transient;
            1 switches resets off.

    Returns:
        float32, (sound, channel, num_frames).
    """
    if rate == 1:
        return _of_length(sounds[..., :num_frames], num_frames)
    hop_samples = window_samples // hops_per_window
    place = torch.arange(-(-num_frames // hop_samples) + 1, dtype=torch.float64, device=sounds.device) * rate
    before, beyond = place.long(), place.frac().float()
    spectra = _analysed(sounds, window_samples, hop_samples, num_spectra=int(before[-1]) + 2)
    magnitude, turns = spectra.abs(), spectra.angle() / (2 * torch.pi)
    is_reset = _new_share(magnitude)[:, before] > transient_share
    phase = _phases(turns, before, beyond, is_reset, hops_per_window)
    between = torch.lerp(magnitude[..., before], magnitude[..., before + 1], beyond)
    result: Tensor = torch.istft(
        torch.polar(between, phase).flatten(0, 1),
        window_samples,
        hop_samples,
        window=torch.hann_window(window_samples, device=sounds.device),
        length=num_frames,
    )
    return result.reshape(*sounds.shape[:2], num_frames)


def _analysed(sounds: Tensor, window_samples: int, hop_samples: int, *, num_spectra: int) -> Tensor:
    """Spectra of (sound, channel, time), at least `num_spectra` of them: complex, (sound, channel, bin, frame)."""
    spectra = torch.stft(
        sounds.flatten(0, 1),
        window_samples,
        hop_samples,
        window=torch.hann_window(window_samples, device=sounds.device),
        pad_mode="constant",
        return_complex=True,
    )
    spectra = _of_length(spectra, max(spectra.shape[-1], num_spectra))
    return spectra.reshape(*sounds.shape[:2], *spectra.shape[1:])


def _new_share(magnitude: Tensor) -> Tensor:
    """Rising over all magnitude of a frame and the one before, (sound, channel, bin, frame) to (sound, frame)."""
    loud = magnitude.sum(dim=(1, 2))
    rising = torch.relu(torch.diff(magnitude, dim=-1)).sum(dim=(1, 2))
    share = rising / (loud[:, 1:] + loud[:, :-1]).clamp_min(torch.finfo(loud.dtype).tiny)
    return torch.nn.functional.pad(share, (1, 0))


def _phases(turns: Tensor, before: Tensor, beyond: Tensor, is_reset: Tensor, hops_per_window: int) -> Tensor:
    """Phases of the frames to be added up.

    Each bin goes on by what it goes on by between the two analysed frames around its place. At a reset it has
    the phase of the signal there, so that what begins in the window begins at one moment.

    Args:
        turns: Phases of the analysed frames in turns, (sound, channel, bin, frame).
        before: Number of the analysed frame before each place, (place,).
        beyond: How far the place lies beyond it, in hops, (place,).
        is_reset: (sound, place).
        hops_per_window: Frames that overlap at any moment.

    Returns:
        Radians, (sound, channel, bin, place).
    """
    num_bins, num_places = turns.shape[2], before.numel()
    expected = (torch.arange(num_bins, device=turns.device) % hops_per_window / hops_per_window)[:, None]
    advance = torch.diff(turns, dim=-1) - expected
    advance = (advance - advance.round() + expected)[..., before]
    total = torch.cumsum(advance, dim=-1, dtype=torch.float64) - advance
    total = (total - total.floor()).float()
    numbers = torch.arange(num_places, device=turns.device)
    last_reset = torch.cummax(torch.where(is_reset, numbers, 0), dim=-1).values
    own = torch.addcmul(turns[..., before], advance, beyond) - total
    since = torch.gather(own, -1, last_reset[:, None, None].expand_as(own))
    return (total + since) * (2 * torch.pi)


def _resampled(audio: Tensor, ratio: Fraction) -> Tensor:
    if ratio == 1:
        return audio
    import torchaudio

    result: Tensor = torchaudio.functional.resample(
        audio,
        ratio.numerator,
        ratio.denominator,
        lowpass_filter_width=RESAMPLING_ZERO_CROSSINGS,
        rolloff=RESAMPLING_ROLLOFF,
    )
    return result


def _of_length(audio: Tensor, num_frames: int) -> Tensor:
    return torch.nn.functional.pad(audio, (0, num_frames - audio.shape[-1]))


def _check(tempo: float, sample_rate: int) -> None:
    for name, value in (("tempo", tempo), ("sample_rate", sample_rate)):
        if not value > 0:
            raise ConfigurationError("must be positive", parameter=name, expected="> 0", found=value)
