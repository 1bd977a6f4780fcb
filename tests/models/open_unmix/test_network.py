"""Open-Unmix against the numbers of the `openunmix` package, and what streaming relies on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from sep_pipeline.errors import ConfigurationError, StemMismatchError
from sep_pipeline.models.open_unmix import (
    OpenUnmix,
    OpenUnmixConfig,
    SpectrogramConfig,
    require_unidirectional,
)

NAMES = ["bi", "uni", "mono_bi"]
SMALL = OpenUnmixConfig(
    spectrogram=SpectrogramConfig(n_fft=32, hop_length=8), hidden_size=8, num_layers=2, num_input_bins=10
)
ModelMaker = Callable[[str], OpenUnmix]


def close(found: Tensor, expected: Tensor, tolerance: float = 1e-6) -> None:
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)


def frames_first(magnitudes: Tensor) -> Tensor:
    """The package's (batch, channel, bin, frame) as (batch, channel, frame, bin)."""
    return magnitudes.transpose(-1, -2)


@pytest.mark.parametrize("name", NAMES)
def test_evaluation_gives_the_package_estimate(
    name: str, golden: dict[str, Tensor], golden_numbers: dict[str, Any], golden_model: ModelMaker
) -> None:
    estimate = golden_model(name).eval()(frames_first(golden[f"{name}.in"]))
    close(frames_first(estimate), golden[f"{name}.eval.out"])
    error = functional.mse_loss(estimate, frames_first(golden[f"{name}.target"]))
    assert error.item() == pytest.approx(golden_numbers["models"][name]["eval_mse"], rel=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_stages_give_the_package_values(
    name: str, golden: dict[str, Tensor], golden_model: ModelMaker
) -> None:
    model, magnitude = golden_model(name).eval(), frames_first(golden[f"{name}.in"])
    encoded = model.encode(magnitude)
    recurrent, (hidden, cell) = model.recur(encoded, None)
    close(encoded.transpose(0, 1), golden[f"{name}.eval.lstm_in"])
    close(recurrent.transpose(0, 1), golden[f"{name}.eval.lstm_out"])
    close(hidden, golden[f"{name}.eval.lstm_h"])
    close(cell, golden[f"{name}.eval.lstm_c"])
    close(frames_first(model.mask(encoded, recurrent) * magnitude), golden[f"{name}.eval.out"])


@pytest.mark.parametrize("name", NAMES)
def test_training_gives_the_package_estimate_and_gradients(
    name: str, golden: dict[str, Tensor], golden_numbers: dict[str, Any], golden_model: ModelMaker
) -> None:
    model, numbers = golden_model(name), golden_numbers["models"][name]
    estimate = model(frames_first(golden[f"{name}.in"]))
    close(frames_first(estimate), golden[f"{name}.train.out"], 2e-6)
    error = functional.mse_loss(estimate, frames_first(golden[f"{name}.target"]))
    assert error.item() == pytest.approx(numbers["train_mse"], rel=1e-6)
    error.backward()
    gradients = {key: parameter.grad for key, parameter in model.named_parameters()}
    # That of the input mean is rounding, since the batch norm behind it takes every constant away.
    for key, norm in numbers["gradient_norms"].items():
        assert gradients[key].norm().item() == pytest.approx(norm, rel=1e-4, abs=1e-7), key
    prefix = f"{name}.train.grad."
    for key in [key for key in golden if key.startswith(prefix)]:
        torch.testing.assert_close(gradients[key.removeprefix(prefix)], golden[key], rtol=1e-3, atol=1e-6)


def test_training_moves_the_running_statistics_of_all_norms(
    golden: dict[str, Tensor], golden_model: ModelMaker
) -> None:
    model = golden_model("bi")
    model(frames_first(golden["bi.in"]))
    close(model.bn1.running_mean, golden["bi.train.after_step.bn1.running_mean"])
    close(model.bn1.running_var, golden["bi.train.after_step.bn1.running_var"])
    close(model.bn3.running_var, golden["bi.train.after_step.bn3.running_var"])
    assert [int(norm.num_batches_tracked) for norm in (model.bn1, model.bn2, model.bn3)] == [1, 1, 1]


@pytest.mark.parametrize("name", NAMES)
def test_a_model_starts_from_the_statistics_as_the_package_does(
    name: str, golden: dict[str, Tensor], golden_model: ModelMaker
) -> None:
    model = OpenUnmix(golden_model(name).config)
    model.set_input_statistics(golden[f"{name}.stats.mean"], golden[f"{name}.stats.scale"])
    assert torch.equal(model.input_mean, golden[f"{name}.state.input_mean"])
    assert torch.equal(model.input_scale, golden[f"{name}.state.input_scale"])


def test_parameter_counts_are_those_of_the_package(golden_numbers: dict[str, Any]) -> None:
    def count(case: dict[str, Any]) -> int:
        config = OpenUnmixConfig(
            num_channels=case["channels"],
            hidden_size=case["hidden"],
            is_unidirectional=case["unidirectional"],
            num_input_bins=case["max_bin"],
        )
        with torch.device("meta"):
            return sum(parameter.numel() for parameter in OpenUnmix(config).parameters())

    cases = golden_numbers["parameter_counts"]
    assert [count(case) for case in cases] == [case["parameters"] for case in cases]


@pytest.mark.parametrize(
    ("hidden_size", "is_unidirectional", "expected"),
    [(256, False, 3_143_588), (256, True, 3_536_804), (512, False, 8_893_348), (512, True, 10_466_212)],
)
def test_sizes_of_the_published_models(hidden_size: int, is_unidirectional: bool, expected: int) -> None:
    with torch.device("meta"):
        model = OpenUnmix(OpenUnmixConfig(hidden_size=hidden_size, is_unidirectional=is_unidirectional))
    assert sum(parameter.numel() for parameter in model.parameters()) == expected
    buffers = [buffer.numel() for buffer in model.buffers() if buffer.is_floating_point()]
    assert sum(buffers) == 2 * (2 * hidden_size + 4098)


def test_frame_by_frame_equals_the_whole(golden: dict[str, Tensor], golden_model: ModelMaker) -> None:
    model, magnitude = golden_model("uni").eval(), frames_first(golden["uni.in"])
    state, estimates = None, []
    for frame in range(magnitude.shape[2]):
        estimate, state = model.with_state(magnitude[:, :, frame : frame + 1], state)
        estimates.append(estimate)
    close(torch.cat(estimates, dim=2), frames_first(golden["uni.eval.out"]))
    close(state[0], golden["uni.eval.lstm_h"])
    close(state[1], golden["uni.eval.lstm_c"])


def test_state_after_some_frames(
    golden: dict[str, Tensor], golden_numbers: dict[str, Any], golden_model: ModelMaker
) -> None:
    first = golden_numbers["models"]["uni"]["stream_first_frames"]
    magnitude = frames_first(golden["uni.in"])[:, :, :first]
    estimate, (hidden, cell) = golden_model("uni").eval().with_state(magnitude, None)
    close(estimate, frames_first(golden["uni.eval.out"])[:, :, :first])
    close(hidden, golden["uni.stream.h_after_first"])
    close(cell, golden["uni.stream.c_after_first"])


def test_the_estimate_of_a_beginning_is_the_beginning_of_the_estimate(
    golden: dict[str, Tensor], golden_model: ModelMaker
) -> None:
    model, magnitude = golden_model("uni").eval(), frames_first(golden["uni.in"])
    whole = model(magnitude)
    for num_frames in (1, 7, 14):
        close(model(magnitude[:, :, :num_frames]), whole[:, :, :num_frames])


def test_a_bidirectional_model_hears_what_comes_later(
    golden: dict[str, Tensor], golden_model: ModelMaker
) -> None:
    model, magnitude = golden_model("bi").eval(), frames_first(golden["bi.in"])
    assert (model(magnitude)[:, :, :5] - model(magnitude[:, :, :5])).abs().max() > 1e-4


def test_layout_in_memory_does_not_matter(golden: dict[str, Tensor], golden_model: ModelMaker) -> None:
    model, magnitude = golden_model("bi").eval(), frames_first(golden["bi.in"])
    frames_outermost = magnitude.permute(2, 0, 1, 3).contiguous().permute(1, 2, 0, 3)
    assert torch.equal(model(frames_outermost), model(magnitude.contiguous()))


def test_the_input_is_neither_changed_nor_followed(
    golden: dict[str, Tensor], golden_model: ModelMaker
) -> None:
    magnitude = frames_first(golden["bi.in"]).clone().requires_grad_()
    golden_model("bi")(magnitude).sum().backward()
    assert magnitude.grad is None
    assert torch.equal(magnitude, frames_first(golden["bi.in"]))


def test_seed_fixes_the_weights_and_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first, second, other = (OpenUnmix(SMALL, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["fc1.weight"], other["fc1.weight"])
    assert torch.equal(torch.get_rng_state(), before)


def test_dropout_works_between_layers_while_training() -> None:
    model = OpenUnmix(SMALL, seed=1)
    magnitude = torch.rand(2, 2, 6, 17, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    assert not torch.equal(model(magnitude), model(magnitude))
    model.eval()
    assert torch.equal(model(magnitude), model(magnitude))


@pytest.mark.parametrize("shape", [(2, 1, 6, 17), (2, 2, 6, 16), (2, 6, 17)])
def test_other_channels_or_bins_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(StemMismatchError, match="2 channels, frame, 17 bins"):
        OpenUnmix(SMALL)(torch.zeros(shape))


@pytest.mark.parametrize(
    ("changes", "parameter"),
    [
        ({"num_channels": 3}, "num_channels"),
        ({"num_layers": 0}, "num_layers"),
        ({"hidden_size": 7}, "hidden_size"),
        ({"num_input_bins": 2050}, "num_input_bins"),
        ({"num_input_bins": 0}, "num_input_bins"),
        ({"dropout": 1.0}, "dropout"),
    ],
)
def test_impossible_shapes_are_refused(changes: dict[str, Any], parameter: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        OpenUnmixConfig(**changes)
    assert caught.value.parameter == parameter


def test_a_unidirectional_model_may_be_odd() -> None:
    assert OpenUnmixConfig(hidden_size=7, is_unidirectional=True).hidden_size == 7


def test_only_unidirectional_models_can_stream() -> None:
    require_unidirectional(OpenUnmixConfig(is_unidirectional=True))
    with pytest.raises(ConfigurationError, match="is_unidirectional"):
        require_unidirectional(OpenUnmixConfig())
