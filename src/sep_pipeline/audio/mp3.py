"""MP3 in memory, for pages that carry their sound with them."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import numpy.typing as npt

from sep_pipeline.audio.channels import to_channels
from sep_pipeline.audio.resampling import resample

KILOBITS_PER_SECOND = 64
"""Of one channel; the same in every second, so that the length of a file follows from that of its sound."""

_SAMPLE_RATES_HZ = (32000, 44100, 48000)
_LOWEST_KILOBITS, _HIGHEST_KILOBITS = 32, 320


def encode_mp3(audio: npt.NDArray[np.float32], sample_rate: int) -> bytes:
    """Compress the mean of the channels; equal input gives equal bytes.

    Args:
        audio: float32, (channel, time), full scale 1.0; what lies beyond it is clipped.
        sample_rate: Hz; a rate at which MP3 has no 64 kbit/s with full bandwidth becomes 44.1 kHz.

    Returns:
        An MP3 file of `KILOBITS_PER_SECOND` at a constant rate.
    """
    import soundfile

    rate = sample_rate if sample_rate in _SAMPLE_RATES_HZ else 44100
    mono = resample(to_channels(audio, 1), sample_rate, rate)[0]
    file = BytesIO()
    soundfile.write(
        file,
        np.clip(mono, -1.0, 1.0),
        rate,
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="CONSTANT",
        # libsndfile counts compression from the highest rate, 0, to the lowest, 1.
        compression_level=(_HIGHEST_KILOBITS - KILOBITS_PER_SECOND) / (_HIGHEST_KILOBITS - _LOWEST_KILOBITS),
    )
    return file.getvalue()
