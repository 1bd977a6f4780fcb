"""A stream goes on from its state, in the same separator or another, and refuses the state of other models."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from sep_pipeline.errors import ConfigurationError
from sep_pipeline.models.open_unmix import OpenUnmixConfig, SpectrogramConfig
from sep_pipeline.separation.streaming import StreamingSeparator

RATE = 44_100


def test_another_separator_goes_on_where_a_stream_was(make_models, make_signal) -> None:
    models, mixture = make_models(), make_signal(400)
    first, second = StreamingSeparator(models, RATE), StreamingSeparator(models, RATE)
    first.process(mixture[:, :150])
    second.load_state(first.state)
    np.testing.assert_array_equal(second.process(mixture[:, 150:]), first.process(mixture[:, 150:]))
    np.testing.assert_array_equal(second.finish(), first.finish())


def test_a_stream_goes_back_to_an_earlier_state(make_models, make_signal) -> None:
    separator, mixture = StreamingSeparator(make_models(), RATE), make_signal(400)
    separator.process(mixture[:, :150])
    kept = separator.state
    expected = separator.process(mixture[:, 150:])
    for _ in range(2):
        separator.load_state(kept)
        np.testing.assert_array_equal(separator.process(mixture[:, 150:]), expected)


def test_the_state_says_where_the_stream_is(make_models, make_signal) -> None:
    separator = StreamingSeparator(make_models(), RATE)
    separator.process(make_signal(100))
    state = separator.state
    # Frames of 64 every 16 samples over 32 zeros and 100 samples: 5; of 80 finished samples 32 are zeros.
    assert (state.num_received, state.num_frames, state.num_given) == (100, 5, 48)
    assert state.samples.shape == (2, 32 + 100 - 80)
    assert state.hidden.shape == state.cell.shape == (3, 2, 12)
    assert state.tails.shape == (2, 2, 48)
    assert state.targets == ("drums", "bass")


def test_numbers_of_the_usual_sizes(make_models) -> None:
    for hidden, expected in ((512, 3072), (256, 1536)):
        config = OpenUnmixConfig(hidden_size=hidden, is_unidirectional=True)
        state = StreamingSeparator(make_models(config, "vocals"), RATE).state
        assert state.hidden.numel() + state.cell.numel() == expected
        assert state.tails.shape == (1, 2, 3072)


def test_a_state_is_not_changed_by_the_stream(make_models, make_signal) -> None:
    separator = StreamingSeparator(make_models(), RATE)
    separator.process(make_signal(100))
    state, kept = separator.state, separator.state
    separator.process(make_signal(100))
    separator.load_state(state)
    separator.process(make_signal(100))
    for entry in dataclasses.fields(state):
        before, after = getattr(kept, entry.name), getattr(state, entry.name)
        assert torch.equal(before, after) if isinstance(before, torch.Tensor) else before == after


def test_states_of_other_models_are_refused(make_models) -> None:
    separator = StreamingSeparator(make_models(), RATE)
    sizes = SpectrogramConfig(n_fft=64, hop_length=16)
    wider = OpenUnmixConfig(spectrogram=sizes, hidden_size=13, is_unidirectional=True, num_input_bins=24)
    denser = OpenUnmixConfig(
        spectrogram=SpectrogramConfig(n_fft=64, hop_length=8),
        hidden_size=12,
        is_unidirectional=True,
        num_input_bins=24,
    )
    with pytest.raises(ConfigurationError, match="other targets"):
        separator.load_state(StreamingSeparator(make_models(wider, "bass", "drums"), RATE).state)
    with pytest.raises(ConfigurationError, match=r"state\.hidden"):
        separator.load_state(StreamingSeparator(make_models(wider), RATE).state)
    with pytest.raises(ConfigurationError, match=r"state\.tails"):
        separator.load_state(StreamingSeparator(make_models(denser), RATE).state)
    longer = dataclasses.replace(separator.state, samples=torch.zeros(2, 64))
    with pytest.raises(ConfigurationError, match=r"state\.samples"):
        separator.load_state(longer)
