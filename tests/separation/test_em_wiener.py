"""The multichannel Wiener filter against the numbers of the `openunmix` package, and its properties."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from sep_pipeline.errors import ConfigurationError, StemMismatchError
from sep_pipeline.separation import em_wiener as module
from sep_pipeline.separation.em_wiener import EMStretch, EMWienerConfig, em_wiener

GOLDEN = Path(__file__).parents[1] / "golden" / "open_unmix_separator"
NUMBERS: dict[str, Any] = json.loads(GOLDEN.with_suffix(".json").read_text())["wiener"]
CASES = [(name, case) for name, content in NUMBERS.items() for case in content["cases"]]
IDENTIFIERS = [case["tensor"] for _, case in CASES]
WHOLE = EMWienerConfig(block_frames=None)


@pytest.fixture(scope="module")
def golden() -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in load_file(GOLDEN.with_suffix(".safetensors")).items()}


def inputs(golden: dict[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    """Magnitudes, (source, channel, frame, bin), and mixture, (channel, frame, bin)."""
    magnitudes = golden[f"wiener.{name}.targets"].permute(3, 2, 0, 1).contiguous()
    mixture = torch.view_as_complex(golden[f"wiener.{name}.mix"]).permute(2, 0, 1).contiguous()
    return magnitudes, mixture


def as_sources(estimates: Tensor) -> Tensor:
    """The package's (frame, bin, channel, real and imaginary part, source) as (source, channel, frame, bin)."""
    return torch.view_as_complex(estimates.permute(4, 2, 0, 1, 3).contiguous())


def random_inputs(num_sources: int = 3, num_frames: int = 40, num_channels: int = 2) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    shape = (num_channels, num_frames, 6)
    mixture = 3 * torch.randn(shape, generator=generator, dtype=torch.complex128)
    magnitudes = torch.rand((num_sources, *shape), generator=generator, dtype=torch.float64) * mixture.abs()
    return magnitudes, mixture


def close(found: Tensor, expected: Tensor, tolerance: float) -> None:
    """Equal relative to the largest value."""
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance * float(expected.abs().max()))


@pytest.mark.parametrize(("name", "case"), CASES, ids=IDENTIFIERS)
def test_it_gives_the_package_estimates(name: str, case: dict[str, Any], golden: dict[str, Tensor]) -> None:
    config = EMWienerConfig(
        num_iterations=case["iterations"],
        softmask=case["softmask"],
        residual=case["residual"],
        block_frames=None,
        compatible_silent_bins=True,
    )
    close(em_wiener(*inputs(golden, name), config), as_sources(golden[case["tensor"]]), 1e-6)


@pytest.mark.parametrize(("name", "case"), CASES, ids=IDENTIFIERS)
def test_single_precision_gives_them_too(name: str, case: dict[str, Any], golden: dict[str, Tensor]) -> None:
    config = EMWienerConfig(
        num_iterations=case["iterations"],
        softmask=case["softmask"],
        residual=case["residual"],
        block_frames=None,
        compatible_silent_bins=True,
    )
    magnitudes, mixture = inputs(golden, name)
    found = em_wiener(magnitudes.float(), mixture.to(torch.complex64), config)
    assert found.dtype == torch.complex64
    close(found.to(torch.complex128), as_sources(golden[case["tensor"]]), 2e-6)


@pytest.mark.parametrize("name", [name for name, content in NUMBERS.items() if content["em_iterations"]])
def test_unscaled_iterations_give_the_package_estimates(name: str, golden: dict[str, Tensor]) -> None:
    magnitudes, mixture = inputs(golden, name)
    config = EMWienerConfig(num_iterations=NUMBERS[name]["em_iterations"])
    stretch = EMStretch(config, loudest=0.0)
    output = mixture.new_empty(len(magnitudes), *mixture.shape)
    for _ in range(config.num_iterations):
        stretch.add(magnitudes, mixture)
        stretch.finish_iteration()
    stretch.apply(magnitudes, mixture, output)
    close(output, as_sources(golden[f"wiener.{name}.em_y"]), 1e-6)


def test_a_stretch_in_pieces_is_the_stretch_in_one_piece() -> None:
    magnitudes, mixture = random_inputs()
    config = EMWienerConfig(num_iterations=2, block_frames=None)
    stretch = EMStretch(config, loudest=float(mixture.abs().max()))
    pieces = [slice(0, 7), slice(7, 8), slice(8, 40)]
    for _ in range(2):
        for frames in pieces:
            stretch.add(magnitudes[:, :, frames], mixture[:, frames])
        stretch.finish_iteration()
    found = mixture.new_empty(3, *mixture.shape)
    for frames in pieces:
        stretch.apply(magnitudes[:, :, frames], mixture[:, frames], found[:, :, frames])
    close(found, em_wiener(magnitudes, mixture, config), 1e-12)


def test_what_is_worked_on_at_once_has_no_influence(monkeypatch: pytest.MonkeyPatch) -> None:
    magnitudes, mixture = random_inputs()
    config = EMWienerConfig(num_iterations=2, softmask=True, residual=True)
    expected = em_wiener(magnitudes, mixture, config)
    monkeypatch.setattr(module, "PLANE_VALUES", 5 * mixture.shape[-1])
    close(em_wiener(magnitudes, mixture, config), expected, 1e-12)


def test_blocks_are_filtered_on_their_own() -> None:
    magnitudes, mixture = random_inputs()
    found = em_wiener(magnitudes, mixture, EMWienerConfig(block_frames=15))
    for start in (0, 15, 30):
        frames = slice(start, start + 15)
        expected = em_wiener(magnitudes[:, :, frames], mixture[:, frames], WHOLE)
        torch.testing.assert_close(found[:, :, frames], expected, rtol=0, atol=0)


def test_estimates_with_the_residual_sum_to_the_mixture() -> None:
    magnitudes, mixture = random_inputs()
    for num_iterations in (0, 1, 3):
        config = EMWienerConfig(num_iterations=num_iterations, residual=True, block_frames=None)
        total = em_wiener(magnitudes, mixture, config).sum(0)
        # The regulariser keeps a share of 1e-5 over the power back.
        close(total, mixture, 1e-12 if num_iterations == 0 else 1e-3)


def test_the_soft_mask_divides_the_mixture() -> None:
    magnitudes, mixture = random_inputs()
    found = em_wiener(magnitudes, mixture, EMWienerConfig(num_iterations=0, softmask=True))
    close(found, magnitudes / magnitudes.sum(0) * mixture, 1e-9)


def test_magnitudes_of_one_channel_serve_both() -> None:
    magnitudes, mixture = random_inputs()
    shared = magnitudes[:, :1]
    found = em_wiener(shared, mixture, WHOLE)
    torch.testing.assert_close(
        found, em_wiener(shared.expand_as(magnitudes).contiguous(), mixture, WHOLE), rtol=0, atol=0
    )


@pytest.mark.parametrize("residual", [False, True])
def test_silence_stays_silent(residual: bool) -> None:
    magnitudes, mixture = random_inputs()
    found = em_wiener(
        torch.zeros_like(magnitudes), torch.zeros_like(mixture), EMWienerConfig(residual=residual)
    )
    assert not found.any()


def test_silent_bins_stay_silent_unless_compatible(golden: dict[str, Tensor]) -> None:
    magnitudes, mixture = inputs(golden, "silent_bins")
    is_silent = mixture == 0
    assert is_silent.any()
    settings = {"num_iterations": 0, "residual": True}
    residual = em_wiener(magnitudes, mixture, EMWienerConfig(**settings))[-1]
    assert not residual[is_silent].any()
    compatible = em_wiener(magnitudes, mixture, EMWienerConfig(**settings, compatible_silent_bins=True))[-1]
    torch.testing.assert_close(compatible[is_silent], torch.ones_like(compatible[is_silent]))


def test_the_inputs_are_left_alone(golden: dict[str, Tensor]) -> None:
    magnitudes, mixture = inputs(golden, "silent_bins")
    before = magnitudes.clone(), mixture.clone()
    em_wiener(magnitudes, mixture, EMWienerConfig(residual=True, compatible_silent_bins=True))
    assert torch.equal(magnitudes, before[0])
    assert torch.equal(mixture, before[1])


def test_a_single_target_needs_a_counterpart() -> None:
    magnitudes, mixture = random_inputs(num_sources=1)
    with pytest.raises(ConfigurationError, match="residual"):
        em_wiener(magnitudes, mixture)
    assert len(em_wiener(magnitudes, mixture, EMWienerConfig(num_iterations=0))) == 1
    assert len(em_wiener(magnitudes, mixture, EMWienerConfig(residual=True))) == 2


@pytest.mark.parametrize("values", [{"num_iterations": -1}, {"block_frames": 0}])
def test_settings_out_of_range_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(values))):
        EMWienerConfig(**values)


def test_shapes_that_do_not_fit_are_refused() -> None:
    magnitudes, mixture = random_inputs()
    for wrong in (magnitudes[:, :, :-1], magnitudes[..., :-1], magnitudes[0], magnitudes[:0]):
        with pytest.raises(StemMismatchError, match="magnitudes"):
            em_wiener(wrong, mixture)
    three = torch.cat([mixture, mixture[:1]])
    for wrong in (three, mixture.real, mixture[0]):
        with pytest.raises(StemMismatchError, match="one or two channels"):
            em_wiener(magnitudes, wrong)
    with pytest.raises(StemMismatchError, match="precision"):
        em_wiener(magnitudes.float(), mixture)
