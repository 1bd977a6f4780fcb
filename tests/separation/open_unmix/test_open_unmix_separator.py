"""The Open-Unmix separator against the package's, for every length, in one piece and in many."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sep_pipeline.audio.io import read_audio, write_audio
from sep_pipeline.errors import ConfigurationError, DataError, StemMismatchError, TooShortError
from sep_pipeline.models.open_unmix import OpenUnmix, OpenUnmixConfig, SpectrogramConfig
from sep_pipeline.separation import separate
from sep_pipeline.separation.em_wiener import EMWienerConfig
from sep_pipeline.separation.open_unmix import OpenUnmixSeparator
from sep_pipeline.separation.songs import SongOptions, separate_file

SeparatorMaker = Callable[..., OpenUnmixSeparator]
SongMaker = Callable[..., np.ndarray]


def close(found: np.ndarray, expected: np.ndarray, tolerance: float = 1e-6) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def blocks(separator: OpenUnmixSeparator, song: np.ndarray, **settings: Any) -> list[np.ndarray]:
    return list(separator.separate_blocks(lambda first, last: song[:, first:last], song.shape[1], **settings))


def package_estimates(models: dict[str, OpenUnmix], song: np.ndarray, **settings: Any) -> np.ndarray:
    """What the package's separator makes of the same weights."""
    from openunmix.model import OpenUnmix as PackageModel
    from openunmix.model import Separator

    packaged = {}
    for name, model in models.items():
        config = model.config
        packaged[name] = PackageModel(
            nb_bins=config.num_bins,
            nb_channels=config.num_channels,
            hidden_size=config.hidden_size,
            nb_layers=config.num_layers,
            unidirectional=config.is_unidirectional,
            max_bin=config.num_read_bins,
        )
        packaged[name].load_state_dict(model.state_dict())
    separator = Separator(
        packaged,
        n_fft=config.spectrogram.n_fft,
        n_hop=config.spectrogram.hop_length,
        nb_channels=config.num_channels,
        **settings,
    )
    separator.freeze()
    return separator(torch.from_numpy(song)[None])[0].numpy()


@pytest.mark.parametrize("number", range(6))
def test_it_gives_the_golden_audio(
    number: int, golden: dict[str, Tensor], golden_numbers: dict[str, Any]
) -> None:
    shape, case = golden_numbers["config"], golden_numbers["cases"][number]
    config = OpenUnmixConfig(
        spectrogram=SpectrogramConfig(n_fft=shape["n_fft"], hop_length=shape["hop"]),
        hidden_size=shape["hidden"],
        num_layers=shape["nb_layers"],
        num_input_bins=shape["max_bin"],
        is_unidirectional=shape["unidirectional"],
    )
    models = {}
    for target in shape["targets"]:
        models[target] = OpenUnmix(config)
        prefix = f"separator.state.{target}."
        state = {key.removeprefix(prefix): value for key, value in golden.items() if key.startswith(prefix)}
        left_out = models[target].load_state_dict(state, strict=False)
        assert not left_out.unexpected_keys
        assert all(key.endswith("num_batches_tracked") for key in left_out.missing_keys)
    wiener = EMWienerConfig(
        num_iterations=case["niter"],
        softmask=case["softmask"],
        residual=case["residual"],
        block_frames=case["wiener_win_len"],
    )
    separator = OpenUnmixSeparator(name="golden", models=models, sample_rate=44_100, wiener=wiener)
    expected = golden[case["tensor"]][0].numpy()
    close(separator.separate(golden["separator.audio"][0].numpy()), expected)


@pytest.mark.parametrize("num_samples", [65, 127, 128, 1000, 1024, 3333])
@pytest.mark.parametrize("num_iterations", [0, 1])
@pytest.mark.parametrize("is_unidirectional", [False, True])
def test_it_gives_the_package_audio(
    num_samples: int,
    num_iterations: int,
    is_unidirectional: bool,
    make_model: Callable[..., OpenUnmix],
    make_song: SongMaker,
) -> None:
    song = make_song(num_samples)
    models = {
        target: make_model(seed, is_unidirectional=is_unidirectional)
        for seed, target in enumerate(("drums", "bass", "other"))
    }
    wiener = EMWienerConfig(num_iterations=num_iterations, block_frames=30)
    separator = OpenUnmixSeparator(name="tiny", models=models, sample_rate=8000, wiener=wiener)
    expected = package_estimates(models, song, niter=num_iterations, wiener_win_len=30)
    assert np.abs(expected).max() > 0.01
    close(separator.separate(song), expected)


def test_mono_models_give_the_package_audio(
    make_model: Callable[..., OpenUnmix], make_song: SongMaker
) -> None:
    models = {target: make_model(seed, num_channels=1) for seed, target in enumerate(("drums", "bass"))}
    separator = OpenUnmixSeparator(name="tiny", models=models, sample_rate=8000)
    song = make_song(2000, 1)
    close(separator.separate(song), package_estimates(models, song, niter=1))


@pytest.mark.parametrize("is_unidirectional", [False, True])
@pytest.mark.parametrize("mode", ["context", "published"])
def test_many_segments_give_what_one_gives(
    is_unidirectional: bool, mode: str, make_separator: SeparatorMaker, make_song: SongMaker
) -> None:
    song = make_song(5000)
    settings = {
        "is_unidirectional": is_unidirectional,
        "num_layers": 3,
        "wiener": EMWienerConfig(block_frames=20),
    }
    whole = make_separator(**settings).separate(song, mode=mode)
    pieces = make_separator(**settings, segment_frames=7, spill_bytes=0).separate(song, mode=mode)
    close(pieces, whole)


def test_what_lies_on_disk_has_no_influence(make_separator: SeparatorMaker, make_song: SongMaker) -> None:
    song = make_song(5000)
    in_memory = make_separator(segment_frames=50).separate(song)
    np.testing.assert_array_equal(make_separator(segment_frames=50, spill_bytes=0).separate(song), in_memory)


def test_published_filters_the_whole_song_at_once(
    make_separator: SeparatorMaker, make_song: SongMaker
) -> None:
    song = make_song(5000)
    separator = make_separator(wiener=EMWienerConfig(block_frames=20))
    whole = make_separator(wiener=EMWienerConfig(block_frames=10_000)).separate(song)
    close(separator.separate(song, mode="published"), whole)
    close(make_separator(wiener=EMWienerConfig(block_frames=None)).separate(song), whole)
    assert np.abs(separator.separate(song) - whole).max() > 1e-4


@pytest.mark.parametrize("num_samples", [1, 2, 3, 31, 32, 33, 63, 64, 65, 127, 128, 129, 640])
@pytest.mark.parametrize("num_iterations", [0, 1])
def test_every_length_comes_back(
    num_samples: int, num_iterations: int, make_separator: SeparatorMaker, make_song: SongMaker
) -> None:
    wiener = EMWienerConfig(num_iterations=num_iterations, block_frames=3, residual=True)
    found = make_separator(wiener=wiener).separate(make_song(num_samples))
    assert found.shape == (3, 2, num_samples)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


def test_the_residual_is_the_last_stem(make_separator: SeparatorMaker, make_song: SongMaker) -> None:
    song = make_song(1000)
    wiener = EMWienerConfig(num_iterations=0, residual=True)
    separator = make_separator(wiener=wiener)
    assert separator.stems == ("drums", "bass", "residual")
    found = separator.separate(song)
    plain = make_separator(wiener=EMWienerConfig(num_iterations=0)).separate(song)
    close(found[:2], plain)
    close(found[2], song - plain.sum(0))


def test_a_single_target_with_its_residual_may_bear_names(
    make_separator: SeparatorMaker, make_song: SongMaker
) -> None:
    separator = make_separator(
        targets=("vocals",), wiener=EMWienerConfig(residual=True), residual_name="accompaniment"
    )
    assert separator.stems == ("vocals", "accompaniment")
    assert separator.separate(make_song(500)).shape == (2, 2, 500)


def test_silence_stays_silent(make_separator: SeparatorMaker) -> None:
    wiener = EMWienerConfig(residual=True)
    assert not make_separator(wiener=wiener).separate(np.zeros((2, 1000), np.float32)).any()


def test_blocks_are_the_estimates_in_order(make_separator: SeparatorMaker, make_song: SongMaker) -> None:
    song = make_song(3000)
    separator = make_separator(wiener=EMWienerConfig(block_frames=20))
    found = blocks(separator, song)
    assert len(found) > 2
    np.testing.assert_array_equal(np.concatenate(found, axis=-1), separator.separate(song))


@pytest.mark.parametrize("mode", ["context", "published"])
def test_what_is_in_memory_does_not_grow_with_the_song(
    mode: str, make_separator: SeparatorMaker, make_song: SongMaker
) -> None:
    largest = []
    for num_samples in (40_000, 80_000):
        song, lengths = make_song(num_samples), [0]

        def read(first: int, last: int, song: np.ndarray = song, lengths: list[int] = lengths) -> np.ndarray:
            lengths.append(last - first)
            return song[:, first:last]

        found = list(make_separator().separate_blocks(read, num_samples, mode=mode))
        largest.append((max(lengths), max(block.shape[-1] for block in found)))
    assert largest[0] == largest[1] == (299 * 32 + 128, 300 * 32)


def test_a_file_is_separated_as_its_samples_are(
    make_separator: SeparatorMaker, make_song: SongMaker, tmp_path: Path
) -> None:
    song, separator = make_song(3000), make_separator(wiener=EMWienerConfig(block_frames=20))
    source = tmp_path / "song.wav"
    write_audio(source, song, separator.sample_rate, subtype="FLOAT")
    written = separate_file(separator, source, tmp_path / "stems", options=SongOptions(bits=32))
    found = np.stack([read_audio(path)[0] for path in written.files.values()])
    np.testing.assert_array_equal(found, separator.separate(song))


@pytest.mark.parametrize("mode", ["context", "published"])
def test_progress_rises_to_one(mode: str, make_separator: SeparatorMaker, make_song: SongMaker) -> None:
    shares: list[float] = []
    separator = make_separator(wiener=EMWienerConfig(block_frames=20))
    blocks(separator, make_song(3000), mode=mode, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[0] > 0
    assert shares[-1] == pytest.approx(1.0)


def test_the_models_are_copied(make_model: Callable[..., OpenUnmix], make_song: SongMaker) -> None:
    models = {"drums": make_model(0), "bass": make_model(1)}
    separator = OpenUnmixSeparator(name="tiny", models=models, sample_rate=8000)
    song = make_song(1000)
    before = separator.separate(song)
    for parameter in models["drums"].parameters():
        parameter.data.zero_()
    np.testing.assert_array_equal(separator.separate(song), before)


def test_mixed_precision_is_plain_on_a_processor(
    make_separator: SeparatorMaker, make_song: SongMaker
) -> None:
    song = make_song(1000)
    np.testing.assert_array_equal(
        make_separator(precision="bf16").separate(song), make_separator().separate(song)
    )


def test_any_recording_can_be_separated(make_separator: SeparatorMaker, make_song: SongMaker) -> None:
    assert separate(make_separator(), make_song(700, 1), 4000).shape == (2, 1, 700)


def test_bad_input_is_refused(make_separator: SeparatorMaker, make_song: SongMaker) -> None:
    separator, song = make_separator(), make_song(1000)
    for wrong in (song[:1], song[0], np.concatenate([song, song])):
        with pytest.raises(StemMismatchError, match=r"expected: \(2, time\)"):
            separator.separate(wrong)
    with pytest.raises(TooShortError, match="at least 1 sample"):
        separator.separate(song[:, :0])
    with pytest.raises(ConfigurationError, match="mode"):
        separator.separate(song, mode="fast")
    with pytest.raises(StemMismatchError, match="do not fit"):
        list(separator.separate_blocks(lambda first, last: song[:1, first:last], 1000))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 500, 999])
def test_samples_that_are_no_numbers_are_refused(
    value: float, place: int, make_separator: SeparatorMaker, make_song: SongMaker
) -> None:
    song = make_song(1000)
    song[1, place] = value
    with pytest.raises(DataError, match="finite"):
        make_separator().separate(song)


def test_settings_that_do_not_fit_are_refused(
    make_separator: SeparatorMaker, make_model: Callable[..., OpenUnmix]
) -> None:
    with pytest.raises(ConfigurationError, match="precision"):
        make_separator(precision="fp16")
    with pytest.raises(ConfigurationError, match="no target"):
        make_separator(targets=())
    with pytest.raises(ConfigurationError, match="counterpart"):
        make_separator(targets=("drums",))
    with pytest.raises(ConfigurationError, match="residual_name"):
        make_separator(wiener=EMWienerConfig(residual=True), residual_name="bass")
    models = {"drums": make_model(0), "bass": make_model(1, hidden_size=6)}
    with pytest.raises(ConfigurationError, match=r"models\.bass"):
        OpenUnmixSeparator(name="tiny", models=models, sample_rate=8000)
