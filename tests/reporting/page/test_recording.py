from io import BytesIO

import numpy as np
import pytest
import soundfile
from PIL import Image

from sep_pipeline.reporting.page import MIXTURE, REFERENCE, Recording, cut_clips, excerpt_seconds

RATE = 44100


def recording(mixture, *, estimate=None):
    drums = 0.5 * mixture
    return Recording(
        mixture=mixture,
        references={"drums": drums},
        estimates={"scratch": {"drums": drums if estimate is None else estimate}},
        sample_rate=RATE,
    )


def with_burst(seconds, at, *, length=1.0):
    """Soft noise with a loud stretch."""
    mixture = 0.01 * np.random.default_rng(0).standard_normal((2, int(seconds * RATE))).astype(np.float32)
    mixture[:, int(at * RATE) : int((at + length) * RATE)] *= 20
    return mixture


def sound(clip):
    return soundfile.read(BytesIO(clip.audio), dtype="float32")[0]


def test_the_excerpt_holds_the_loudest_part():
    start_seconds, _ = cut_clips(recording(with_burst(6, at=3.25)), 2.0, lambda arm, stem: None)
    assert 2.25 <= start_seconds <= 3.25


def test_all_clips_have_one_length_and_their_own_place():
    _, clips = cut_clips(recording(with_burst(3, at=1)), 1.5, lambda arm, stem: {"drums": 2.5}[stem])
    assert [(clip.row, clip.stem, clip.score) for clip in clips] == [
        (MIXTURE, "", None),
        (REFERENCE, "drums", None),
        ("scratch", "drums", 2.5),
    ]
    assert {len(sound(clip)) for clip in clips} == {int(1.5 * RATE)}


def test_a_shorter_song_is_taken_whole():
    start_seconds, clips = cut_clips(recording(with_burst(1, at=0)), 10.0, lambda arm, stem: None)
    assert start_seconds == 0.0
    assert len(sound(clips[0])) == RATE


def test_levels_between_clips_are_kept():
    _, clips = cut_clips(recording(with_burst(2, at=0, length=2.0)), 2.0, lambda arm, stem: None)
    mixture, reference = (np.sqrt(np.mean(sound(clip) ** 2)) for clip in clips[:2])
    assert reference / mixture == pytest.approx(0.5, abs=0.01)


def test_an_estimate_beyond_full_scale_makes_all_quieter_alike():
    mixture = np.full((1, RATE), 0.2, np.float32) * np.sin(np.arange(RATE) / 20).astype(np.float32)
    _, clips = cut_clips(recording(mixture, estimate=20 * mixture), 1.0, lambda arm, stem: None)
    middle = slice(5000, -5000)
    peaks = [np.abs(sound(clip)[middle]).max() for clip in clips]
    # The encoder takes another 5 % off everything.
    assert peaks[2] == pytest.approx(0.95 * 0.98, abs=0.01)
    assert peaks[0] == pytest.approx(0.95 * 0.98 / 20, abs=0.01)


def test_silence_can_be_cut():
    silence = np.zeros((1, RATE), np.float32)
    _, clips = cut_clips(recording(silence), 1.0, lambda arm, stem: None)
    assert np.abs(sound(clips[0])).max() < 1e-3


def test_a_picture_is_dark_where_the_sound_is_silent():
    mixture = with_burst(4, at=0, length=2.0)
    mixture[:, 2 * RATE :] = 0
    picture = np.asarray(
        Image.open(BytesIO(cut_clips(recording(mixture), 4.0, lambda arm, stem: None)[1][0].picture)).convert(
            "L"
        )
    )
    width = picture.shape[1]
    assert picture[:, : width // 2 - 10].mean() > 100
    assert picture[:, width // 2 + 10 :].max() == picture.min()


def test_equal_songs_give_equal_clips():
    first, second = (cut_clips(recording(with_burst(1, at=0)), 1.0, lambda arm, stem: None) for _ in range(2))
    assert first == second


def test_few_clips_are_as_long_as_asked():
    assert excerpt_seconds(10, longest_seconds=10, max_megabytes=12) == 10


@pytest.mark.parametrize("num_clips", [100, 252])
def test_the_sound_of_many_clips_keeps_its_share_of_the_page(num_clips):
    seconds = excerpt_seconds(num_clips, longest_seconds=10, max_megabytes=12)
    assert num_clips * seconds * 8000 * 4 / 3 == pytest.approx(0.65 * 12e6)
