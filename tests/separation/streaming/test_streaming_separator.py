"""Streams of any block size come to what one pass over the whole signal gives, and end where they should."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from sep_pipeline.errors import ConfigurationError, DataError, StemMismatchError, TooShortError
from sep_pipeline.models.open_unmix import OpenUnmixConfig, SpectrogramConfig
from sep_pipeline.separation.streaming import StreamingSeparator, reference_separate

RATE = 44_100
USUAL = OpenUnmixConfig(hidden_size=8, is_unidirectional=True)
SHAPES = {
    "usual overlap": {"spectrogram": SpectrogramConfig(n_fft=64, hop_length=16)},
    "half overlap": {"spectrogram": SpectrogramConfig(n_fft=64, hop_length=32)},
    "odd frames, mono": {"spectrogram": SpectrogramConfig(n_fft=15, hop_length=5), "num_channels": 1},
    "one layer": {"spectrogram": SpectrogramConfig(n_fft=64, hop_length=16), "num_layers": 1},
}


def cut(signal, size):
    return (signal[:, start : start + size] for start in range(0, signal.shape[1], size))


def whole(separator, blocks):
    return np.concatenate(list(separator.stream(blocks)), axis=-1)


@pytest.fixture(scope="module")
def usual(make_models, make_signal):
    models, mixture = make_models(USUAL), make_signal(9000)
    return StreamingSeparator(models, RATE), mixture, reference_separate(models, mixture)


@pytest.mark.parametrize("size", [1, 7, 1023, 1024, 1025, 5000, 9000])
def test_block_sizes_do_not_change_the_stems(usual, size) -> None:
    separator, mixture, expected = usual
    stems = whole(separator, cut(mixture, size))
    assert stems.shape == expected.shape == (2, 2, 9000)
    assert stems.dtype == np.float32
    np.testing.assert_allclose(stems, expected, atol=1e-5)


@pytest.mark.parametrize("ratio_mask", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("num_samples", [1, 2, 15, 16, 63, 64, 65, 700])
def test_any_length_and_transform(make_models, make_signal, shape, num_samples, ratio_mask) -> None:
    config = OpenUnmixConfig(
        **{"hidden_size": 8, "is_unidirectional": True, "num_input_bins": None, **SHAPES[shape]}
    )
    models, mixture = make_models(config), make_signal(num_samples, config.num_channels)
    separator = StreamingSeparator(models, RATE, ratio_mask=ratio_mask)
    expected = reference_separate(models, mixture, ratio_mask=ratio_mask)
    assert expected.shape == (2, config.num_channels, num_samples)
    for size in (7, num_samples):
        np.testing.assert_allclose(whole(separator, cut(mixture, size)), expected, atol=1e-5)


def test_long_blocks_are_computed_in_parts_with_the_same_result(make_models, make_signal) -> None:
    models, mixture = make_models(), make_signal(16 * 200)
    separator = StreamingSeparator(models, RATE)
    np.testing.assert_allclose(whole(separator, [mixture]), reference_separate(models, mixture), atol=1e-5)


def test_uneven_and_empty_blocks(make_models, make_signal) -> None:
    models, mixture = make_models(), make_signal(500)
    bounds = [0, 0, 3, 3, 200, 201, 450, 500, 500]
    blocks = (mixture[:, first:last] for first, last in itertools.pairwise(bounds))
    stems = whole(StreamingSeparator(models, RATE), blocks)
    np.testing.assert_allclose(stems, reference_separate(models, mixture), atol=1e-5)


def test_samples_are_given_as_soon_as_they_are_final(usual) -> None:
    separator, mixture, expected = usual
    separator.reset()
    assert separator.latency_samples == 4096
    assert separator.process(mixture[:, :4095]).shape == (2, 2, 0)
    first = separator.process(mixture[:, 4095:4096])
    assert first.shape == (2, 2, 1024)
    np.testing.assert_allclose(first, expected[..., :1024], atol=1e-5)
    assert separator.process(mixture[:, 4096:5119]).shape == (2, 2, 0)
    assert separator.process(mixture[:, 5119:5120]).shape == (2, 2, 1024)


def test_later_input_does_not_change_what_was_given(usual, make_signal) -> None:
    separator, mixture, _ = usual
    separator.reset()
    expected = separator.process(mixture)
    changed = mixture.copy()
    changed[:, 6000:] = make_signal(3000, seed=1)
    separator.reset()
    given = np.concatenate([separator.process(changed[:, :6000]), separator.process(changed[:, 6000:])], -1)
    final = (6000 - 4096) // 1024 * 1024 + 1024
    np.testing.assert_allclose(given[..., :final], expected[..., :final], atol=1e-6)
    assert np.abs(given - expected)[..., final:].max() > 0.01


def test_masks_of_one_give_the_mixture_from_its_first_sample_to_its_last(make_models, make_signal) -> None:
    models, mixture = make_models(), make_signal(333)
    for model in models.values():
        with torch.no_grad():
            model.output_scale.zero_()
            model.output_mean.fill_(1.0)
    stems = whole(StreamingSeparator(models, RATE), cut(mixture, 50))
    np.testing.assert_allclose(stems, np.stack([mixture, mixture]), atol=1e-6)


def test_ratio_masks_make_stems_that_add_up_to_the_mixture(make_models, make_signal) -> None:
    models, mixture = make_models(), make_signal(400)
    for model in models.values():
        with torch.no_grad():
            model.output_mean.add_(3.0)
    stems = whole(StreamingSeparator(models, RATE, ratio_mask=True), cut(mixture, 16))
    np.testing.assert_allclose(stems.sum(axis=0), mixture, atol=1e-6)


def test_a_separator_serves_one_stream_after_the_other(make_models, make_signal) -> None:
    separator = StreamingSeparator(make_models(), RATE)
    first = whole(separator, cut(make_signal(300), 16))
    whole(separator, cut(make_signal(100, seed=1), 16))
    np.testing.assert_array_equal(whole(separator, cut(make_signal(300), 16)), first)


def test_warming_up_leaves_the_stream_as_it_was(make_models, make_signal) -> None:
    separator, mixture = StreamingSeparator(make_models(), RATE), make_signal(300)
    expected = whole(separator, cut(mixture, 30))
    parts = [separator.process(mixture[:, :100])]
    separator.warm_up()
    parts += [separator.process(mixture[:, 100:]), separator.finish()]
    np.testing.assert_allclose(np.concatenate(parts, axis=-1), expected, atol=1e-6)


def test_samples_near_the_smallest_numbers_count_as_silence(make_models) -> None:
    separator = StreamingSeparator(make_models(), RATE)
    block = np.full((2, 300), 1e-39, dtype=np.float32)
    assert not whole(separator, [block]).any()


@pytest.mark.parametrize(("precision", "least_db"), [("fp16", 60.0), ("int8", 30.0)])
def test_fewer_bits_lose_little(make_models, make_signal, precision, least_db) -> None:
    models, mixture = make_models(), make_signal(3000)
    expected = reference_separate(models, mixture)
    for size in (16, 3000):
        stems = whole(StreamingSeparator(models, RATE, precision=precision), cut(mixture, size))
        errors = np.square(stems - expected).sum(axis=(1, 2))
        assert (10 * np.log10(np.square(expected).sum(axis=(1, 2)) / errors) > least_db).all()
        assert errors.min() > 0


def test_an_empty_stream_is_refused(make_models) -> None:
    separator = StreamingSeparator(make_models(), RATE)
    with pytest.raises(TooShortError, match="the stream is empty"):
        separator.finish()
    with pytest.raises(TooShortError, match="the stream is empty"):
        list(separator.stream([np.zeros((2, 0), dtype=np.float32)]))
    with pytest.raises(TooShortError, match="nothing to separate"):
        reference_separate(make_models(), np.zeros((2, 0), dtype=np.float32))


@pytest.mark.parametrize("shape", [(1, 10), (3, 10), (10,), (1, 2, 10)])
def test_blocks_of_other_shapes_are_refused(make_models, shape) -> None:
    with pytest.raises(StemMismatchError, match="2 channels"):
        StreamingSeparator(make_models(), RATE).process(np.zeros(shape, dtype=np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_refused_and_leave_no_trace(make_models, make_signal, value) -> None:
    separator, mixture = StreamingSeparator(make_models(), RATE), make_signal(200)
    expected = whole(separator, [mixture[:, :100], mixture[:, 100:]])
    first = separator.process(mixture[:, :100])
    with pytest.raises(DataError, match="NaN or infinite"):
        separator.process(np.full((2, 5), value, dtype=np.float32))
    rest = [separator.process(mixture[:, 100:]), separator.finish()]
    np.testing.assert_array_equal(np.concatenate([first, *rest], axis=-1), expected)


def test_models_that_cannot_stream_together_are_refused(make_models) -> None:
    sizes = {"spectrogram": SpectrogramConfig(n_fft=64, hop_length=16), "num_input_bins": 24}
    both_ways = make_models(OpenUnmixConfig(hidden_size=12, **sizes))
    with pytest.raises(ConfigurationError, match="bidirectional"):
        StreamingSeparator(both_ways, RATE)
    wider = make_models(OpenUnmixConfig(hidden_size=16, is_unidirectional=True, **sizes), "vocals")
    with pytest.raises(ConfigurationError, match=r"one configuration.*models\.vocals"):
        StreamingSeparator({**make_models(), **wider}, RATE)
    with pytest.raises(ConfigurationError, match="needs models"):
        StreamingSeparator({}, RATE)


@pytest.mark.parametrize(
    ("rate", "options", "named"),
    [
        (0, {}, "sample_rate"),
        (RATE, {"precision": "fp8"}, "precision"),
        (RATE, {"ratio_mask": True}, "ratio_mask"),
    ],
)
def test_options_out_of_range_are_refused(make_models, rate, options, named) -> None:
    (model,) = make_models(USUAL, "vocals").values()
    with pytest.raises(ConfigurationError) as caught:
        StreamingSeparator({"vocals": model}, rate, **options)
    assert caught.value.parameter == named
