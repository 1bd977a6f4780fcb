"""Separators on disk, each way they can be broken, and separation of any recording."""

import json

import numpy as np
import pytest
import torch

from sep_pipeline.errors import (
    CheckpointMismatchError,
    ConfigurationError,
    DataError,
    MissingCheckpointError,
    StemMismatchError,
    TooShortError,
    TruncatedCheckpointError,
)
from sep_pipeline.models.chimera import ChimeraConfig, ChimeraNet
from sep_pipeline.models.vqvae import VQVAE, VQVAEConfig
from sep_pipeline.models.weights import load_weights
from sep_pipeline.separation import Separator, load_separator, read_card, save_separator, separate
from sep_pipeline.separation.blocks import told
from sep_pipeline.separation.chimera_separator import ChimeraSeparator
from sep_pipeline.separation.vqvae_separator import VqvaeSeparator

CONFIG = VQVAEConfig(width=4, num_blocks=2, embedding_width=4, num_codes=8)
RATE = 8000


def _models():
    models = {stem: VQVAE(CONFIG, seed=index) for index, stem in enumerate(("drums", "bass"))}
    for model in models.values():
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            latents = model.encode(torch.randn(1, 1, 800, generator=generator))
            model.quantise(latents, generator=generator, update=True)
    return models


def _save(folder, models=None, **changes):
    facts = {
        "name": "tiny",
        "model": "vqvae",
        "config": CONFIG,
        "sample_rate": RATE,
        "channels": 1,
        "seed": 7,
        "steps": 30,
        "data_hash": "abc",
        "licence": "CC0-1.0",
        "metadata": {"arm": "scratch", "chunk_samples": 256},
    }
    return save_separator(folder, models or _models(), **(facts | changes))


@pytest.fixture
def folder(tmp_path):
    _save(tmp_path / "tiny")
    return tmp_path / "tiny"


@pytest.fixture
def separator(folder):
    return load_separator(folder)


def _noise(*shape):
    return (0.1 * np.random.default_rng(0).standard_normal(shape)).astype(np.float32)


def _edit(folder, **changes):
    path = folder / "separator.json"
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in content.items() if value != "removed"}))


def test_a_folder_comes_back_as_it_was_saved(folder, separator):
    mixture = _noise(1, 1000)
    assert isinstance(separator, Separator)
    assert (separator.name, separator.stems, separator.sample_rate) == ("tiny", ("drums", "bass"), RATE)
    with torch.no_grad():
        expected = [m.eval()(torch.from_numpy(mixture)[None])[0].numpy() for m in _models().values()]
    np.testing.assert_allclose(separator.separate(mixture), np.stack(expected), atol=1e-6)
    card = read_card(folder)
    assert card.metadata == {"arm": "scratch", "chunk_samples": 256}
    assert (card.seed, card.steps, card.data_hash, card.licence) == (7, 30, "abc", "CC0-1.0")


def test_the_card_is_plain_json_with_the_model_configuration(folder):
    content = json.loads((folder / "separator.json").read_text())
    assert content["config"]["num_codes"] == 8
    assert content["weights"] == {"drums": "drums.safetensors", "bass": "bass.safetensors"}
    assert sorted(path.name for path in folder.iterdir()) == [
        "bass.safetensors",
        "drums.safetensors",
        "separator.json",
    ]


def _chimera(seed):
    config = ChimeraConfig(num_sources=2, window_length=64, hop_length=16, hidden_size=4, num_layers=1)
    return ChimeraNet(config, seed=seed), {"model": "chimera", "config": config}


def test_one_model_of_several_stems_has_one_file(tmp_path):
    network, kind = _chimera(0)
    card = _save(tmp_path / "tiny", dict.fromkeys(("vocals", "drums"), network), **kind)
    assert card.weights == dict.fromkeys(("vocals", "drums"), "weights.safetensors")
    names = sorted(path.name for path in (tmp_path / "tiny").iterdir())
    assert names == ["separator.json", "weights.safetensors"]
    state, text = load_weights(tmp_path / "tiny" / "weights.safetensors")
    assert text["stem"] == "vocals+drums"
    assert all(torch.equal(state[name], tensor) for name, tensor in network.state_dict().items())


def test_one_model_of_several_stems_is_loaded(tmp_path):
    network, kind = _chimera(0)
    stems, mixture = ("vocals", "drums"), _noise(1, 500)
    _save(tmp_path / "tiny", dict.fromkeys(stems, network), **kind, metadata={})
    loaded = load_separator(tmp_path / "tiny")
    expected = ChimeraSeparator(name="tiny", network=network, stems=stems, sample_rate=RATE)
    assert (loaded.stems, loaded.sample_rate) == (stems, RATE)
    np.testing.assert_array_equal(loaded.separate(mixture), expected.separate(mixture))


def test_equal_models_that_are_not_the_same_have_a_file_each(tmp_path):
    (first, kind), (second, _) = _chimera(0), _chimera(0)
    card = _save(tmp_path / "tiny", {"vocals": first, "drums": second}, **kind)
    assert card.weights == {"vocals": "vocals.safetensors", "drums": "drums.safetensors"}
    assert (tmp_path / "tiny" / "drums.safetensors").exists()


def test_a_model_of_some_stems_has_a_file_beside_that_of_the_others(tmp_path):
    (shared, kind), (own, _) = _chimera(0), _chimera(1)
    card = _save(tmp_path / "tiny", {"vocals": shared, "drums": own, "bass": shared}, **kind)
    assert card.weights == {
        "vocals": "vocals.safetensors",
        "drums": "drums.safetensors",
        "bass": "vocals.safetensors",
    }


def test_a_single_stem_has_a_file_of_its_name(tmp_path):
    network, kind = _chimera(0)
    assert _save(tmp_path / "tiny", {"vocals": network}, **kind).weights == {"vocals": "vocals.safetensors"}


def test_saving_again_replaces_the_folder(folder):
    (folder / "stale.txt").write_text("old")
    _save(folder, steps=60)
    assert read_card(folder).steps == 60
    assert not (folder / "stale.txt").exists()


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(MissingCheckpointError, match="nowhere"):
        load_separator(tmp_path / "nowhere")


def test_a_card_that_does_not_parse_is_named(folder):
    (folder / "separator.json").write_text('{"name": ')
    with pytest.raises(TruncatedCheckpointError, match=r"separator\.json"):
        load_separator(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stepz": 3}, "stepz"),
        ({"licence": "removed"}, "licence"),
        ({"sample_rate": "fast"}, "sample_rate"),
        ({"sample_rate": 0}, "sample_rate"),
        ({"stems": ["drums"]}, "weights"),
        ({"weights": {"drums": "../drums.safetensors", "bass": "bass.safetensors"}}, "beside the card"),
        ({"model": "transformer"}, "vqvae"),
        ({"config": {"widht": 4}}, "widht"),
        ({"config": {"width": 4}}, "configuration"),
        ({"channels": 2}, "mono"),
    ],
)
def test_a_wrong_card_says_what_is_wrong(folder, changes, message):
    _edit(folder, **changes)
    with pytest.raises(CheckpointMismatchError, match=message):
        load_separator(folder)


def test_missing_weights_are_named(folder):
    (folder / "bass.safetensors").unlink()
    with pytest.raises(MissingCheckpointError, match=r"bass\.safetensors"):
        load_separator(folder)


def test_truncated_weights_are_named(folder):
    content = (folder / "bass.safetensors").read_bytes()
    (folder / "bass.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(TruncatedCheckpointError, match=r"bass\.safetensors"):
        load_separator(folder)


def test_weights_of_another_size_are_named(folder):
    _edit(folder, config={**json.loads((folder / "separator.json").read_text())["config"], "width": 5})
    with pytest.raises(CheckpointMismatchError, match=r"drums\.safetensors"):
        load_separator(folder)


def test_an_unknown_model_class_is_not_saved(tmp_path):
    with pytest.raises(ConfigurationError, match="transformer"):
        _save(tmp_path / "tiny", model="transformer")
    assert not (tmp_path / "tiny").exists()


@pytest.mark.parametrize("mode", ["context", "published"])
@pytest.mark.parametrize("num_samples", [1, 7, 8, 255, 256, 257, 1000])
def test_every_length_comes_back(separator, num_samples, mode):
    estimates = separate(separator, _noise(2, num_samples), RATE, mode=mode)
    assert estimates.shape == (2, 1, num_samples)
    assert estimates.dtype == np.float32
    assert np.isfinite(estimates).all()


@pytest.mark.parametrize("sample_rate", [4000, 44100])
@pytest.mark.parametrize("num_samples", [1, 2, 5, 999])
def test_every_sample_rate_comes_back(separator, num_samples, sample_rate):
    assert separate(separator, _noise(1, num_samples), sample_rate).shape == (2, 1, num_samples)


def test_the_mean_of_the_channels_is_separated(separator):
    mixture = _noise(2, 600)
    expected = separator.separate(mixture.mean(axis=0, keepdims=True))
    np.testing.assert_allclose(separate(separator, mixture, RATE), expected, atol=1e-6)


def test_channels_are_separated_one_by_one(separator):
    mixture = _noise(2, 600)
    found = separate(separator, mixture, RATE, channels="per_channel")
    assert found.shape == (2, 2, 600)
    np.testing.assert_array_equal(found[:, 1:], separator.separate(mixture[1:]))


@pytest.mark.parametrize("options", [{"wiener": True}, {"mixture_consistency": True}])
def test_refined_estimates_sum_to_the_mixture(separator, options):
    mixture = _noise(2, 600)
    found = separate(separator, mixture, RATE, channels="per_channel", **options)
    np.testing.assert_allclose(found.sum(axis=0), mixture, atol=1e-5)


def test_published_mode_is_blind_across_chunks(separator):
    mixture = 10 * _noise(1, 512)
    changed = mixture.copy()
    changed[:, 256:] = 0.0
    found, other = (separate(separator, signal, RATE, mode="published") for signal in (mixture, changed))
    np.testing.assert_array_equal(found[..., :256], other[..., :256])
    context, other = (separate(separator, signal, RATE) for signal in (mixture, changed))
    assert not np.array_equal(context[..., :256], other[..., :256])


class _Identity(Separator):
    """Gives its input back as one stem, in one piece."""

    def __init__(self, num_channels=2):
        super().__init__(name="identity", stems=("all",), sample_rate=RATE, num_channels=num_channels)

    def _blocks(self, read, num_samples, *, is_published, progress):
        return told([read(0, num_samples)[None]], num_samples, progress)


@pytest.mark.parametrize("num_channels", [1, 2])
def test_a_stereo_separator_gives_back_the_channels_it_got(num_channels):
    mixture = _noise(num_channels, 50)
    np.testing.assert_array_equal(separate(_Identity(), mixture, RATE)[0], mixture)


def test_arguments_are_checked(separator):
    with pytest.raises(ConfigurationError, match="channels"):
        separate(separator, _noise(1, 50), RATE, channels="left")
    with pytest.raises(ConfigurationError, match="mode"):
        separate(separator, _noise(1, 50), RATE, mode="fast")
    with pytest.raises(TooShortError, match="nothing to separate"):
        separate(separator, _noise(1, 0), RATE)
    with pytest.raises(StemMismatchError, match="channels"):
        separate(_Identity(), _noise(5, 50), RATE)
    with pytest.raises(StemMismatchError, match="mono"):
        separator.separate(_noise(2, 50))


def _read_parts(separator, song, mode):
    """Estimates from parts of a song, and the longest part that was read."""
    lengths, shares = [], []

    def read(start, stop):
        lengths.append(stop - start)
        return song[:, start:stop]

    blocks = list(separator.separate_blocks(read, song.shape[1], mode=mode, progress=shares.append))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    return np.concatenate(blocks, axis=-1), max(lengths)


@pytest.mark.parametrize("mode", ["context", "published"])
def test_a_vqvae_separates_songs_that_are_not_in_memory(mode):
    separator = VqvaeSeparator(
        name="tiny",
        models=_models(),
        sample_rate=RATE,
        published_chunk_samples=256,
        context_chunk_samples=512,
    )
    song = np.random.default_rng(0).uniform(-1, 1, (1, 5003)).astype(np.float32)
    found, longest = _read_parts(separator, song, mode)
    np.testing.assert_array_equal(found, separator.separate(song, mode=mode))
    assert longest <= 512 + 2 * CONFIG.context_samples


def test_chimera_separates_songs_that_are_not_in_memory():
    config = ChimeraConfig(num_sources=2, window_length=64, hop_length=16, hidden_size=8, num_layers=1)
    separator = ChimeraSeparator(
        name="tiny", network=ChimeraNet(config), stems=("one", "two"), sample_rate=RATE, segment_samples=500
    )
    song = np.random.default_rng(0).uniform(-1, 1, (1, 5003)).astype(np.float32)
    found, longest = _read_parts(separator, song, "context")
    np.testing.assert_array_equal(found, separator.separate(song))
    assert longest <= 500


def test_a_separator_may_give_a_song_in_one_piece():
    song = np.ones((1, 10), dtype=np.float32)
    (block,) = _Identity(1).separate_blocks(lambda start, stop: song[:, start:stop], 10)
    np.testing.assert_array_equal(block, song[None])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_refused_by_every_separator(separator, value):
    mixture = _noise(1, 100)
    mixture[0, 60] = value
    with pytest.raises(DataError, match="no finite numbers"):
        separator.separate(mixture)


def test_what_is_read_must_have_the_shape_that_was_asked_for(separator):
    for signal in (_noise(2, 100), _noise(1, 99)):
        with pytest.raises(StemMismatchError, match="do not fit the separator"):
            list(separator.separate_blocks(lambda start, stop, signal=signal: signal[:, start:stop], 100))


def test_no_samples_are_too_few_for_every_separator(separator):
    with pytest.raises(TooShortError, match="at least 1 sample"):
        separator.separate(_noise(1, 0))


def test_a_configuration_that_is_wrong_is_refused_with_its_card(folder):
    _edit(folder, config={**json.loads((folder / "separator.json").read_text())["config"], "width": 0})
    with pytest.raises(CheckpointMismatchError, match="width") as caught:
        load_separator(folder)
    assert caught.value.file == folder / "separator.json"
