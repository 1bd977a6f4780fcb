from io import BytesIO

import numpy as np
import pytest
import soundfile

from sep_pipeline.audio.mp3 import KILOBITS_PER_SECOND, encode_mp3


def tone(seconds, rate, hertz=440.0, level=0.5):
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)[
        None
    ]


def decoded(content):
    samples, rate = soundfile.read(BytesIO(content), dtype="float32")
    return samples, rate


def test_equal_sounds_give_equal_bytes():
    assert encode_mp3(tone(1, 44100), 44100) == encode_mp3(tone(1, 44100), 44100)


def test_the_size_follows_from_the_length():
    content = encode_mp3(np.random.default_rng(0).standard_normal((1, 10 * 44100)).astype(np.float32), 44100)
    assert len(content) == pytest.approx(10 * KILOBITS_PER_SECOND * 1000 / 8, rel=0.02)


def test_the_sound_comes_back():
    samples, rate = decoded(encode_mp3(tone(1, 44100), 44100))
    assert rate == 44100
    assert len(samples) == 44100
    given, found = tone(1, 44100)[0, 4410:-4410], samples[4410:-4410]
    gain = found @ given / (given @ given)
    # The encoder makes every sound a little quieter.
    assert gain == pytest.approx(0.95, abs=0.01)
    assert np.sqrt(np.mean((found - gain * given) ** 2)) < 1e-3


def test_channels_become_one():
    both = np.concatenate([tone(1, 44100), -tone(1, 44100)])
    samples, _ = decoded(encode_mp3(both, 44100))
    assert samples.ndim == 1
    assert np.abs(samples).max() < 1e-3


@pytest.mark.parametrize(("given", "used"), [(16000, 44100), (96000, 44100), (48000, 48000)])
def test_a_rate_without_mp3_is_resampled(given, used):
    samples, rate = decoded(encode_mp3(tone(1, given), given))
    assert rate == used
    assert len(samples) == pytest.approx(used, abs=1)


def test_what_is_too_loud_is_clipped():
    samples, _ = decoded(encode_mp3(tone(1, 44100, level=4.0), 44100))
    assert np.abs(samples).max() < 1.5
