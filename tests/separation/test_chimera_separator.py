"""The separator of one network for all stems: golden audio, every length, long songs, its folder."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from sep_pipeline.errors import CheckpointMismatchError, ConfigurationError, StemMismatchError
from sep_pipeline.models.chimera import ChimeraConfig, ChimeraNet
from sep_pipeline.separation import SeparatorCard, load_separator, save_separator, separate
from sep_pipeline.separation.chimera_separator import ChimeraSeparator, build_chimera_separator
from sep_pipeline.separation.separator import MODEL_CLASSES

GOLDEN = Path(__file__).parents[1] / "golden" / "chimera_small.safetensors"
CONFIG = ChimeraConfig(
    num_sources=2,
    window_length=64,
    hop_length=16,
    hidden_size=12,
    num_layers=2,
    dropout=0.0,
    embedding_size=5,
)
STEMS = ("accompaniment", "vocals")
CARD = SeparatorCard(
    name="tiny",
    model="chimera",
    config=dataclasses.asdict(CONFIG),
    stems=STEMS,
    weights=dict.fromkeys(STEMS, "network.safetensors"),
    sample_rate=16_000,
    channels=1,
    seed=0,
    steps=0,
    data_hash="abc",
    licence="CC0-1.0",
    metadata={"chunk_samples": 2000},
)


@pytest.fixture(scope="module")
def golden():
    return load_file(GOLDEN)


@pytest.fixture(scope="module")
def state(golden):
    return {
        name.removeprefix("state/"): tensor for name, tensor in golden.items() if name.startswith("state/")
    }


@pytest.fixture
def network(state):
    network = ChimeraNet(CONFIG)
    network.load_state_dict(state)
    return network


def _built(state, card=CARD, precision="fp32"):
    return build_chimera_separator(card, dict.fromkeys(card.stems, state), device="cpu", precision=precision)


@pytest.fixture
def separator(state):
    return _built(state)


def _noise(num_samples):
    return (0.1 * np.random.default_rng(0).standard_normal((1, num_samples))).astype(np.float32)


@pytest.mark.parametrize("mode", ["context", "published"])
@pytest.mark.parametrize("item", [0, 1])
def test_audio_equals_the_golden_one(golden, separator, item, mode):
    mixture = golden["audio/sources"][item].double().sum(dim=0, keepdim=True).float().numpy()
    found = separator.separate(mixture, mode=mode)
    np.testing.assert_allclose(found[:, 0], golden["separated/audio"][item].numpy(), atol=1e-6)


@pytest.mark.parametrize("num_samples", [1, 2, 15, 16, 17, 64, 1999, 2000, 2001, 2500, 3507, 9001])
@pytest.mark.parametrize("mode", ["context", "published"])
def test_estimates_are_as_long_as_the_mixture(separator, num_samples, mode):
    found = separator.separate(_noise(num_samples), mode=mode)
    assert found.shape == (2, 1, num_samples)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


def test_masks_of_one_half_give_half_the_mixture_at_any_length(network):
    with torch.no_grad():
        network.mask.linear.weight.zero_()
        network.mask.linear.bias.zero_()
    separator = ChimeraSeparator(
        name="half", network=network, stems=STEMS, sample_rate=16_000, segment_samples=500
    )
    mixture = _noise(3333)
    np.testing.assert_allclose(separator.separate(mixture), np.stack([mixture / 2] * 2), atol=1e-6)


def test_long_mixtures_are_computed_in_segments(network):
    lengths = []
    original = network.forward
    network.forward = lambda magnitude: lengths.append(magnitude.shape[2]) or original(magnitude)
    separator = ChimeraSeparator(
        name="tiny", network=network, stems=STEMS, sample_rate=16_000, segment_samples=1000
    )
    separator.separate(_noise(10_050))
    assert len(set(lengths)) == 1
    assert 700 < (lengths[0] - 1) * 16 <= 1008
    assert len(lengths) == 14


def test_a_silent_mixture_gives_silence(separator):
    assert not separator.separate(np.zeros((1, 3000), dtype=np.float32)).any()


def test_half_precision_is_near_full_precision(state, separator):
    mixture = _noise(1500)
    expected = separator.separate(mixture)
    found = _built(state, precision="bf16").separate(mixture)
    assert np.abs(found - expected).max() < 0.02 * np.abs(expected).max()
    assert not np.array_equal(found, expected)


def test_a_stereo_song_of_another_rate_comes_back_mono_and_as_long(separator):
    mixture = np.repeat(_noise(4410), 2, axis=0)
    found = separate(separator, mixture, 22_050)
    assert found.shape == (2, 1, 4410)


def test_a_saved_folder_gives_the_same_estimates(tmp_path, monkeypatch, network, separator):
    monkeypatch.setitem(MODEL_CLASSES, "chimera", build_chimera_separator)
    facts = {name: getattr(CARD, name) for name in ("name", "model", "config", "sample_rate", "channels")}
    facts |= {name: getattr(CARD, name) for name in ("seed", "steps", "data_hash", "licence", "metadata")}
    save_separator(tmp_path / "tiny", dict.fromkeys(STEMS, network), **facts)
    mixture = _noise(2500)
    loaded = load_separator(tmp_path / "tiny")
    assert np.array_equal(loaded.separate(mixture), separator.separate(mixture))


def test_stems_may_name_one_file(tmp_path, monkeypatch, state, separator):
    monkeypatch.setitem(MODEL_CLASSES, "chimera", build_chimera_separator)
    save_file(state, tmp_path / "network.safetensors")
    (tmp_path / "separator.json").write_text(json.dumps(dataclasses.asdict(CARD)))
    mixture = _noise(900)
    assert np.array_equal(load_separator(tmp_path).separate(mixture), separator.separate(mixture))


def test_stems_with_other_weights_are_refused(state):
    other = state | {"mask.linear.bias": state["mask.linear.bias"] + 1}
    with pytest.raises(CheckpointMismatchError, match="others for vocals"):
        build_chimera_separator(
            CARD, {"accompaniment": state, "vocals": other}, device="cpu", precision="fp32"
        )


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"stems": ("a", "b", "c"), "weights": dict.fromkeys("abc", "n.safetensors")}, "num_sources"),
        ({"channels": 2}, "channels"),
        ({"config": CARD.config | {"hiden_size": 3}}, "hiden_size"),
        ({"config": CARD.config | {"hidden_size": 0}}, "hidden_size"),
        ({"config": CARD.config | {"hidden_size": 13}}, "weight_hh_l0"),
    ],
)
def test_cards_that_do_not_fit_are_refused_by_name(state, changes, named):
    with pytest.raises(CheckpointMismatchError, match=named):
        _built(state, dataclasses.replace(CARD, **changes))


def test_an_unknown_precision_is_named(state):
    with pytest.raises(ConfigurationError, match="fp8"):
        _built(state, precision="fp8")


def test_an_unknown_mode_is_named(separator):
    with pytest.raises(ConfigurationError, match="fast"):
        separator.separate(_noise(100), mode="fast")


def test_stereo_is_refused(separator):
    with pytest.raises(StemMismatchError, match="mono"):
        separator.separate(np.zeros((2, 100), dtype=np.float32))


def test_every_stem_needs_a_mask(network):
    with pytest.raises(StemMismatchError, match="masks"):
        ChimeraSeparator(name="tiny", network=network, stems=("vocals",), sample_rate=16_000)
