"""The fast engine against museval: golden numbers, and both engines on made material."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sep_pipeline.metrics.bsseval import bss_eval, fit_length

CASES = ("main", "overlap_partial_mono", "identical_channels")


def _golden_signals(tensors: dict[str, Any], case: str) -> tuple[Any, Any]:
    references, estimates = (tensors[f"{case}/{kind}"].transpose(0, 2, 1) / 32768 for kind in ("ref", "est"))
    return references, fit_length(estimates, references.shape[-1])


def _settings(golden_settings: dict[str, Any], case: str) -> dict[str, int]:
    return {name: golden_settings[case][name] for name in ("window", "hop")}


@pytest.mark.parametrize("case", CASES)
def test_scores_equal_the_golden_ones(golden_tensors, golden_settings, table, case: str) -> None:
    found = table(bss_eval(*_golden_signals(golden_tensors, case), **_settings(golden_settings, case)))
    np.testing.assert_allclose(found, golden_tensors[f"{case}/scores"], rtol=0, atol=1e-9)


def test_scores_of_frame_filters_equal_the_golden_ones(golden_tensors, golden_settings, table) -> None:
    case = "overlap_partial_mono"
    signals = _golden_signals(golden_tensors, case)
    found = table(bss_eval(*signals, **_settings(golden_settings, case), mode="v3"))
    np.testing.assert_allclose(found, golden_tensors[f"{case}/scores_v3"], rtol=0, atol=1e-9)


def test_the_museval_engine_gives_the_golden_scores(golden_tensors, golden_settings, table) -> None:
    case = "identical_channels"
    signals = _golden_signals(golden_tensors, case)
    found = table(bss_eval(*signals, **_settings(golden_settings, case), engine="museval"))
    np.testing.assert_allclose(found, golden_tensors[f"{case}/scores"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("num_stems", [1, 2, 4])
@pytest.mark.parametrize("num_channels", [1, 2])
def test_noise(make_stems, leak, both, num_stems: int, num_channels: int) -> None:
    references = make_stems(num_stems, num_channels)
    fast, museval = both(references, leak(references))
    np.testing.assert_allclose(fast, museval, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("window", "hop"),
    [(1000, 500), (700, 650), (400, 900), (999, 1000), (3000, 10), (10**9, 1), (64, 301), (40, 300)],
)
def test_any_window_and_hop(make_stems, leak, both, window: int, hop: int) -> None:
    references = make_stems(2)
    fast, museval = both(references, leak(references), window=window, hop=hop)
    np.testing.assert_allclose(fast, museval, rtol=0, atol=1e-8)


@pytest.mark.parametrize("num_taps", [1, 2, 63, 64, 65, 200])
def test_any_number_of_taps(make_stems, leak, both, num_taps: int) -> None:
    references = make_stems(2)
    fast, museval = both(references, leak(references), num_filter_taps=num_taps)
    np.testing.assert_allclose(fast, museval, rtol=0, atol=1e-8)


def test_filters_of_full_length(make_stems, leak, both) -> None:
    references = make_stems(2, 2, 8000)
    fast, museval = both(references, leak(references), num_filter_taps=512)
    np.testing.assert_allclose(fast, museval, rtol=0, atol=1e-8)


def test_frame_filters(make_stems, leak, both) -> None:
    references = make_stems()
    fast, museval = both(references, leak(references), mode="v3")
    np.testing.assert_allclose(fast, museval, rtol=0, atol=1e-8)


def test_a_track_shorter_than_the_filters(make_stems, leak, both) -> None:
    references = make_stems(2, 1, 90)
    fast, museval = both(references, leak(references), num_filter_taps=120, window=1000, hop=1000)
    assert fast.shape == (4, 2, 1)
    np.testing.assert_allclose(fast[:3], museval[:3], rtol=0, atol=1e-3)


def _tones(num_samples: int = 3000) -> Any:
    time = np.arange(num_samples) / 1000.0
    harmonics = np.arange(1, 5)[:, None]
    waves = [(0.2 / harmonics * np.sin(2 * np.pi * harmonics * f * time)).sum(axis=0) for f in (40.3, 61.7)]
    return np.stack([np.stack([wave, 0.7 * wave]) for wave in waves])


def _with(change: Callable[[Any], None]) -> Callable[[Any], Any]:
    def build(stems: Any) -> Any:
        changed = stems.copy()
        change(changed)
        return changed

    return build


def _copy_channel(stems: Any) -> None:
    stems[0, 1] = stems[0, 0]


def _pan_all(stems: Any) -> None:
    stems[:, 1] = 0.3 * stems[:, 0]


def _leave_one_side(stems: Any) -> None:
    stems[1, 0] = 0.0


def _make_nearly_mono(stems: Any) -> None:
    stems[0, 1] = stems[0, 0] + 2e-5 * stems[1, 1]


def _silence_a_frame(stems: Any) -> None:
    stems[1, :, 1000:2000] = 0.0


def _cancel_in_a_frame(stems: Any) -> None:
    stems[1, 1, 1000:2000] = -stems[1, 0, 1000:2000]


MATERIALS: dict[str, tuple[Callable[[Any], Any], float]] = {
    "identical channels": (_with(_copy_channel), 1e-9),
    "all stems panned": (_with(_pan_all), 1e-9),
    "one side only": (_with(_leave_one_side), 1e-9),
    "channels 2e-5 apart": (_with(_make_nearly_mono), 1e-5),
    "panned, 16 bit": (lambda stems: np.round(_with(_pan_all)(stems) * 32768) / 32768, 1e-6),
    "delayed, 16 bit": (lambda stems: np.round(_delayed(stems) * 32768) / 32768, 1e-6),
    "tones and some noise": (lambda stems: _tones() + 1e-3 * stems[:2], 1e-6),
    "panned tones, 16 bit": (lambda stems: np.round(_tones() * 32768) / 32768, 1e-4),
    "very quiet": (lambda stems: 1e-7 * stems, 1e-9),
    "stems 80 dB apart": (lambda stems: stems * np.array([1.0, 1e-2, 1e-4])[:, None, None], 1e-6),
    "a silent frame": (_with(_silence_a_frame), 1e-9),
    "a frame in antiphase": (_with(_cancel_in_a_frame), 1e-9),
}


def _delayed(stems: Any) -> Any:
    delayed = stems.copy()
    delayed[:, 1] = 0.7 * np.roll(stems[:, 0], 7, axis=-1)
    delayed[:, 1, :7] = 0.0
    return delayed


@pytest.mark.parametrize("material", MATERIALS)
def test_difficult_material(make_stems, leak, both, material: str) -> None:
    build, tolerance = MATERIALS[material]
    references = build(make_stems())
    estimates = leak(references, noise=0.2 * float(np.std(references)))
    fast, museval = both(references, estimates)
    np.testing.assert_allclose(fast, museval, rtol=0, atol=tolerance)


def test_float32_signals(make_stems, leak, both) -> None:
    references = make_stems().astype(np.float32)
    fast, museval = both(references, leak(references).astype(np.float32))
    np.testing.assert_allclose(fast, museval, rtol=0, atol=1e-9)


def test_the_mixture_as_estimate(make_stems, both) -> None:
    references = make_stems()
    mixtures = np.broadcast_to(references.sum(axis=0), references.shape)
    fast, museval = both(references, mixtures)
    np.testing.assert_allclose(fast[:3], museval[:3], rtol=0, atol=1e-9)
    assert fast[3].min() > 200.0


def test_small_artefacts_keep_their_digits(make_stems, both) -> None:
    references = make_stems()
    noise = np.random.default_rng(3).standard_normal(references.shape)
    fast, museval = both(references, references + 0.5 * references.sum(axis=0) + 1e-7 * noise)
    assert museval[3].min() > 100.0
    np.testing.assert_allclose(fast, museval, rtol=0, atol=1e-6)
