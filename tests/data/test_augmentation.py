"""Random changes of examples."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from sep_pipeline.data.augmentation import Blend, ChannelSwap, Gain, applied, blended
from sep_pipeline.errors import ConfigurationError, StemMismatchError

GOLDEN = Path(__file__).parents[1] / "golden" / "jukebox_small.safetensors"
STEREO = np.random.default_rng(0).standard_normal((3, 2, 20)).astype(np.float32)


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_blend_with_given_shares_equals_the_golden_values() -> None:
    golden = load_file(GOLDEN)
    stereo = golden["blend/x"].transpose(0, 2, 1)
    mono = blended(stereo, golden["blend/mix"][:, 0])
    np.testing.assert_allclose(mono, golden["blend/out"].transpose(0, 2, 1), rtol=0, atol=1e-7)


def test_blend_switched_off_is_the_golden_mean() -> None:
    golden = load_file(GOLDEN)
    mono = Blend("off")(golden["blend/x"].transpose(0, 2, 1), random())
    np.testing.assert_allclose(mono, golden["blend/out_no_aug"].transpose(0, 2, 1), rtol=0, atol=1e-7)


def test_shared_blend_keeps_the_mixture_the_sum_of_its_stems() -> None:
    audio = np.concatenate([STEREO.sum(axis=0, keepdims=True), STEREO])
    mono = Blend("shared")(audio, random())
    assert mono.shape == (4, 1, 20)
    np.testing.assert_allclose(mono[0], mono[1:].sum(axis=0), atol=1e-6)


def test_independent_blend_pans_equal_stems_differently() -> None:
    mono = Blend("independent")(np.stack([STEREO[0], STEREO[0]]), random())
    assert not np.allclose(mono[0], mono[1])


def test_shares_of_the_blend_fill_the_unit_interval() -> None:
    left_only = np.array([[[1.0], [0.0]]], dtype=np.float32)
    generator = random()
    shares = [float(Blend("shared")(left_only, generator)[0, 0, 0]) for _ in range(1000)]
    assert 0 <= min(shares) < 0.02
    assert 0.98 < max(shares) <= 1
    assert np.mean(shares) == pytest.approx(0.5, abs=0.05)


def test_blend_leaves_mono_alone() -> None:
    np.testing.assert_array_equal(Blend("shared")(STEREO[:, :1], random()), STEREO[:, :1])


def test_blend_refuses_more_than_two_channels() -> None:
    with pytest.raises(StemMismatchError, match="found: 4"):
        Blend("shared")(np.zeros((1, 4, 5), dtype=np.float32), random())


def test_an_unknown_way_to_blend_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="blend"):
        Blend("loud")  # type: ignore[arg-type]


def test_gain_scales_each_stem_by_one_factor_in_range() -> None:
    factors = Gain(low=0.25, high=1.25)(STEREO, random()) / STEREO
    assert factors.dtype == np.float32
    np.testing.assert_allclose(factors, np.broadcast_to(factors[:, :1, :1], factors.shape), rtol=1e-5)
    assert len(np.unique(factors[:, 0, 0])) == 3
    assert np.all((factors >= 0.25 - 1e-6) & (factors <= 1.25 + 1e-6))


@pytest.mark.parametrize(("low", "high"), [(-0.1, 1.0), (1.0, 0.5)])
def test_a_gain_range_out_of_order_is_refused(low: float, high: float) -> None:
    with pytest.raises(ConfigurationError, match="gain"):
        Gain(low=low, high=high)


def test_channel_swap_with_certainty_reverses_channels() -> None:
    np.testing.assert_array_equal(ChannelSwap(probability=1.0)(STEREO, random()), STEREO[:, ::-1])
    np.testing.assert_array_equal(ChannelSwap(probability=0.0)(STEREO, random()), STEREO)


def test_a_probability_above_one_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="probability"):
        ChannelSwap(probability=1.5)


def test_a_chain_depends_on_nothing_but_its_generator() -> None:
    chain = (Gain(low=0.5, high=1.5), ChannelSwap(), Blend("independent"))
    before = STEREO.copy()
    first, second = applied(chain, STEREO, random(7)), applied(chain, STEREO, random(7))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(STEREO, before)
    assert not np.array_equal(first, applied(chain, STEREO, random(8)))
