"""The separators of the contrastive study: golden masks, every length, long songs, their folders."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from sep_pipeline.errors import CheckpointMismatchError, ConfigurationError, StemMismatchError
from sep_pipeline.models.deep_demix import (
    BaselineConfig,
    BaselineNetwork,
    DeepDemix,
    DeepDemixConfig,
    EmbeddingMaskNetwork,
    EncoderConfig,
    MaskNetworkConfig,
)
from sep_pipeline.models.mask_spectrogram import spectrum, waveform
from sep_pipeline.separation import SeparatorCard, load_separator, save_separator, separate
from sep_pipeline.separation.deep_demix_separator import (
    REGISTERED_NAMES,
    DeepDemixSeparator,
    build_deep_demix_separator,
)
from sep_pipeline.separation.separator import MODEL_CLASSES, Separator

GOLDEN = Path(__file__).parents[1] / "golden" / "contrastive_demix_small.safetensors"
SEGMENT = 624
AUTOENCODER_CONFIG = DeepDemixConfig(
    num_sources=4,
    encoder=EncoderConfig(
        segment_samples=SEGMENT,
        window_length=64,
        hop_length=16,
        channels=(3, 4, 5, 6),
        pools=((4, 2), (3, 2)),
        hidden_sizes=(20, 12),
        embedding_size=10,
    ),
    decoder_grid=(4, 4),
    decoder_channels=(6, 5),
    decoder_kernels=((3, 3), (4, 8), (3, 3)),
)
BASELINE_CONFIG = BaselineConfig(num_sources=4, window_length=32, hop_length=8, hidden_size=6)
MASK_NETWORK_CONFIG = MaskNetworkConfig(num_sources=4, encoder=AUTOENCODER_CONFIG.encoder, hidden_size=6)
AUTOENCODER, BASELINE = REGISTERED_NAMES["autoencoder"], REGISTERED_NAMES["baseline"]
MASK_NETWORK = REGISTERED_NAMES["mask_network"]
CONFIGS = {
    AUTOENCODER: AUTOENCODER_CONFIG,
    BASELINE: BASELINE_CONFIG,
    MASK_NETWORK: MASK_NETWORK_CONFIG,
}
STEMS = ("bass", "drums", "other", "vocals")


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def golden():
    return load_file(GOLDEN)


def _state(golden, name):
    prefix = f"{name}.state."
    return {key.removeprefix(prefix): golden[key] for key in golden if key.startswith(prefix)}


@pytest.fixture(params=[AUTOENCODER, BASELINE, MASK_NETWORK])
def model(request):
    return request.param


@pytest.fixture
def network(golden, model):
    if model == BASELINE:
        network = BaselineNetwork(BASELINE_CONFIG)
        network.load_state_dict(_state(golden, "baseline_one_layer"))
    elif model == MASK_NETWORK:
        network = EmbeddingMaskNetwork(MASK_NETWORK_CONFIG)
        network.encoder.load_state_dict(_state(golden, "encoder"))
    else:
        network = DeepDemix(AUTOENCODER_CONFIG)
        network.encoder.load_state_dict(_state(golden, "encoder"))
        network.decoder.load_state_dict(_state(golden, "decoder"))
    return network.eval()


@pytest.fixture
def card(model):
    return SeparatorCard(
        name="tiny",
        model=model,
        config=dataclasses.asdict(CONFIGS[model]),
        stems=STEMS,
        weights=dict.fromkeys(STEMS, "weights.safetensors"),
        sample_rate=8000,
        channels=1,
        seed=0,
        steps=0,
        data_hash="abc",
        licence="CC0-1.0",
        metadata={"chunk_samples": SEGMENT},
    )


def _built(card, network, precision="fp32"):
    states = dict.fromkeys(card.stems, network.state_dict())
    return build_deep_demix_separator(card, states, device="cpu", precision=precision)


@pytest.fixture
def separator(card, network):
    return _built(card, network)


@pytest.fixture
def halving(network):
    """A separator whose masks are one half everywhere."""
    if isinstance(network, BaselineNetwork):
        last = network.embedding["linear"]
    elif isinstance(network, EmbeddingMaskNetwork):
        last = network.masking["linear"]
    else:
        last = network.decoder.upsample_conv_block_3["conv2d"]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.zero_()
    return DeepDemixSeparator(
        name="half", network=network, stems=STEMS, sample_rate=8000, segment_samples=SEGMENT
    )


def _noise(num_samples):
    return (0.1 * np.random.default_rng(0).standard_normal((1, num_samples))).astype(np.float32)


@pytest.mark.parametrize("mode", ["context", "published"])
def test_one_segment_is_masked_with_its_phase(separator, network, model, mode):
    mixture, sizes = _noise(SEGMENT), CONFIGS[model]
    transformed = spectrum(torch.from_numpy(mixture), sizes)
    with torch.no_grad():
        masks = network(transformed.abs().float()[None])[0]
    expected = waveform(masks * transformed, sizes, SEGMENT)
    np.testing.assert_allclose(separator.separate(mixture, mode=mode), expected.numpy(), atol=1e-6)


@pytest.mark.parametrize("num_samples", [1, 2, 15, 16, 17, 64, 623, 624, 625, 936, 937, 2500, 9001])
@pytest.mark.parametrize("mode", ["context", "published"])
def test_estimates_are_as_long_as_the_mixture(separator, num_samples, mode):
    found = separator.separate(_noise(num_samples), mode=mode)
    assert found.shape == (4, 1, num_samples)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


@pytest.mark.parametrize("num_samples", [1, 300, 3333])
def test_masks_of_one_half_give_half_the_mixture_at_any_length(halving, num_samples):
    mixture = _noise(num_samples)
    np.testing.assert_allclose(halving.separate(mixture), np.stack([mixture / 2] * 4), atol=1e-6)


def test_long_mixtures_are_computed_in_segments_that_overlap_by_half(separator, network, model):
    lengths = []
    own = separator._network
    original = own.forward
    own.forward = lambda magnitude: lengths.append(magnitude.shape[2]) or original(magnitude)
    separator.separate(_noise(10 * SEGMENT))
    assert lengths == [-(-SEGMENT // CONFIGS[model].hop_length) + 1] * 19


def test_the_overlap_is_that_of_the_card(card, network):
    mixture = _noise(3 * SEGMENT)
    found = _built(dataclasses.replace(card, metadata={**card.metadata, "overlap": 0.0}), network)
    first = found.separate(mixture)[..., :SEGMENT]
    np.testing.assert_allclose(first, found.separate(mixture[:, :SEGMENT]), atol=1e-6)
    assert np.abs(first - _built(card, network).separate(mixture)[..., :SEGMENT]).max() > 1e-5


@pytest.mark.parametrize("model", [BASELINE], indirect=True)
def test_the_published_baseline_computes_songs_in_one_pass(separator):
    lengths = []
    own = separator._network
    original = own.forward
    own.forward = lambda magnitude: lengths.append(magnitude.shape[2]) or original(magnitude)
    separator.separate(_noise(5 * SEGMENT), mode="published")
    assert lengths == [5 * SEGMENT // 8 + 1]


@pytest.mark.parametrize("model", [AUTOENCODER, MASK_NETWORK], indirect=True)
def test_networks_with_an_encoder_take_its_segment(card, network):
    mixture = _noise(1000)
    other = dataclasses.replace(card, metadata={"chunk_samples": 99})
    assert np.array_equal(_built(other, network).separate(mixture), _built(card, network).separate(mixture))


def test_a_silent_mixture_gives_silence(separator):
    assert not separator.separate(np.zeros((1, 3000), dtype=np.float32)).any()


def test_half_precision_is_near_full_precision(card, network, separator):
    mixture = _noise(1500)
    expected = separator.separate(mixture)
    found = _built(card, network, precision="bf16").separate(mixture)
    assert np.abs(found - expected).max() < 0.03 * np.abs(expected).max()
    assert not np.array_equal(found, expected)


def test_a_stereo_song_of_another_rate_comes_back_mono_and_as_long(separator):
    found = separate(separator, np.repeat(_noise(4410), 2, axis=0), 11_025)
    assert found.shape == (4, 1, 4410)


def test_a_saved_folder_gives_the_same_estimates(tmp_path, monkeypatch, card, network, separator):
    monkeypatch.setitem(MODEL_CLASSES, card.model, build_deep_demix_separator)
    names = ("name", "model", "sample_rate", "channels", "seed", "steps", "data_hash", "licence", "metadata")
    facts = {name: getattr(card, name) for name in names}
    save_separator(tmp_path / "tiny", dict.fromkeys(STEMS, network), config=CONFIGS[card.model], **facts)
    loaded = load_separator(tmp_path / "tiny")
    assert isinstance(loaded, Separator)
    mixture = _noise(2500)
    assert np.array_equal(loaded.separate(mixture), separator.separate(mixture))


def test_stems_with_other_weights_are_refused(card, network):
    state = network.state_dict()
    name = list(state)[-1]
    states = dict.fromkeys(STEMS, state) | {"vocals": state | {name: state[name] + 1}}
    with pytest.raises(CheckpointMismatchError, match="others for vocals"):
        build_deep_demix_separator(card, states, device="cpu", precision="fp32")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"stems": ("a", "b"), "weights": dict.fromkeys("ab", "n.safetensors")}, "num_sources"),
        ({"channels": 2}, "channels"),
        ({"model": "chimera"}, "deep_demix, deep_demix_baseline, deep_demix_mask_network"),
        ({"config": {"num_sources": 4, "hiden_size": 3}}, "hiden_size"),
        ({"config": {"num_sources": 4, "encoder": 3}}, "config"),
        ({"config": {"num_sources": 4}}, r"weights\.safetensors"),
    ],
)
def test_cards_that_do_not_fit_are_refused_by_name(card, network, changes, named):
    with pytest.raises(CheckpointMismatchError, match=named):
        _built(dataclasses.replace(card, **changes), network)


def test_an_unknown_precision_is_named(card, network):
    with pytest.raises(ConfigurationError, match="fp8"):
        _built(card, network, precision="fp8")


@pytest.mark.parametrize("metadata", [{"chunk_samples": 0}, {"overlap": 1.0}])
def test_segments_out_of_range_are_named(card, network, metadata):
    with pytest.raises(ConfigurationError, match="segment_samples, overlap"):
        _built(dataclasses.replace(card, metadata=metadata), network)


def test_an_unknown_mode_is_named(separator):
    with pytest.raises(ConfigurationError, match="fast"):
        separator.separate(_noise(100), mode="fast")


def test_stereo_is_refused(separator):
    with pytest.raises(StemMismatchError, match="mono"):
        separator.separate(np.zeros((2, 100), dtype=np.float32))


def test_every_stem_needs_a_mask(network):
    with pytest.raises(StemMismatchError, match="masks"):
        DeepDemixSeparator(name="tiny", network=network, stems=("vocals",), sample_rate=8000)


def test_a_stereo_baseline_is_refused():
    network = BaselineNetwork(dataclasses.replace(BASELINE_CONFIG, num_channels=2))
    with pytest.raises(StemMismatchError, match="not mono"):
        DeepDemixSeparator(name="tiny", network=network, stems=STEMS, sample_rate=8000)
