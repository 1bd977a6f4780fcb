"""Golden numbers of the unidirectional model, frame by frame and at once; folding; products."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from sep_pipeline.errors import ConfigurationError
from sep_pipeline.models.open_unmix import OpenUnmix, OpenUnmixConfig, SpectrogramConfig
from sep_pipeline.separation.streaming import PRECISIONS
from sep_pipeline.separation.streaming.network import StackedNetwork
from sep_pipeline.separation.streaming.products import (
    Float16Product,
    Float32Product,
    Int8Product,
    product_kind,
)

GOLDEN = Path(__file__).parents[2] / "golden" / "open_unmix_model"


@pytest.fixture(scope="module")
def golden():
    tensors = load_file(GOLDEN.with_suffix(".safetensors"))
    prefix = "uni."
    return {name.removeprefix(prefix): tensors[name].clone() for name in tensors if name.startswith(prefix)}


@pytest.fixture(scope="module")
def golden_model(golden):
    numbers = json.loads(GOLDEN.with_suffix(".json").read_text())["models"]["uni"]["config"]
    n_fft = 2 * (numbers["nb_bins"] - 1)
    config = OpenUnmixConfig(
        spectrogram=SpectrogramConfig(n_fft=n_fft, hop_length=n_fft // 4),
        num_channels=numbers["nb_channels"],
        hidden_size=numbers["hidden_size"],
        is_unidirectional=numbers["unidirectional"],
        num_input_bins=numbers["max_bin"],
    )
    model = OpenUnmix(config)
    prefix = "state."
    state = {name.removeprefix(prefix): golden[name] for name in golden if name.startswith(prefix)}
    model.load_state_dict(state)
    return model


def run(network, magnitude, config, num_targets, sizes):
    """Estimates, (target, channel, bin, frame), and the states after the frames."""
    hidden = torch.zeros(config.num_layers, num_targets, config.hidden_size)
    cell = torch.zeros_like(hidden)
    read = magnitude[:, : config.num_read_bins].permute(2, 0, 1).flatten(1)
    with torch.inference_mode():
        masks = torch.cat([network.masks(part, hidden, cell) for part in read.split(sizes)], dim=1)
    masks = masks.view(num_targets, -1, config.num_channels, config.num_bins)
    return masks.permute(0, 2, 3, 1) * magnitude, hidden, cell


@pytest.mark.parametrize("item", [0, 1])
@pytest.mark.parametrize("sizes", [1, 5, 15, [5, 1, 9]])
def test_estimates_and_states_are_those_of_the_original(golden, golden_model, item, sizes) -> None:
    network = StackedNetwork([golden_model], precision="fp32")
    estimate, hidden, cell = run(network, golden["in"][item], golden_model.config, 1, sizes)
    torch.testing.assert_close(estimate[0], golden["eval.out"][item], atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(hidden[:, 0], golden["eval.lstm_h"][:, item], atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(cell[:, 0], golden["eval.lstm_c"][:, item], atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("size", [1, 5])
def test_the_state_in_between_is_that_of_the_original(golden, golden_model, size) -> None:
    network = StackedNetwork([golden_model], precision="fp32")
    _, hidden, cell = run(network, golden["in"][0, ..., :5], golden_model.config, 1, size)
    torch.testing.assert_close(hidden[:, 0], golden["stream.h_after_first"][:, 0], atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(cell[:, 0], golden["stream.c_after_first"][:, 0], atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("size", [1, 20])
def test_targets_side_by_side_do_not_touch_each_other(make_models, precision, size) -> None:
    models = list(make_models().values())
    config = models[0].config
    magnitude = torch.rand(2, 33, 20, generator=torch.Generator().manual_seed(0))
    together, _, _ = run(StackedNetwork(models, precision=precision), magnitude, config, 2, size)
    tolerance = {"fp32": 1e-6, "fp16": 5e-3, "int8": 0.2}[precision]
    for model, estimate in zip(models, together, strict=True):
        with torch.no_grad():
            expected = model(magnitude.transpose(1, 2)[None])[0].transpose(1, 2)
        torch.testing.assert_close(estimate, expected, atol=tolerance, rtol=tolerance)


def test_loud_and_quiet_bins_survive_few_bits(make_models) -> None:
    """Statistics of bins that differ by a million must not push weights out of the range of 16 bits."""
    (model,) = make_models(make_models().popitem()[1].config, "bass").values()
    scales = torch.logspace(-3, 3, model.config.num_read_bins)
    with torch.no_grad():
        model.input_scale.copy_(1 / scales)
    magnitude = torch.rand(2, 33, 20, generator=torch.Generator().manual_seed(0))
    magnitude[:, : len(scales)] *= scales[:, None]
    with torch.no_grad():
        expected = model(magnitude.transpose(1, 2)[None])[0].transpose(1, 2)
    network = StackedNetwork([model], precision="fp16")
    estimate, _, _ = run(network, magnitude, model.config, 1, 1)
    torch.testing.assert_close(estimate[0], expected, atol=5e-3, rtol=5e-3)


@pytest.mark.parametrize("kind", [Float32Product, Float16Product, Int8Product])
@pytest.mark.parametrize("num_frames", [1, 3])
def test_products_of_small_integers_are_exact(kind, num_frames) -> None:
    generator = torch.Generator().manual_seed(0)
    weight = torch.randint(-127, 128, (2, 5, 8), generator=generator).float()
    rows = torch.randint(-127, 128, (2, num_frames, 8), generator=generator).float()
    weight[..., 0], rows[..., 0] = 127.0, 127.0
    bias = torch.arange(10.0).view(2, 5)
    product, out = kind(weight, bias), torch.empty(2, num_frames, 5)
    product(rows, out)
    expected = rows @ weight.transpose(1, 2)
    torch.testing.assert_close(out, expected + bias[:, None], atol=0, rtol=1e-6)
    product.add(rows, out)
    torch.testing.assert_close(out, 2 * expected + bias[:, None], atol=0, rtol=1e-6)


def test_eight_bits_of_weights_are_the_only_ones_that_are_lost() -> None:
    """Rows whose entries differ by a thousand keep their small ones, because they are split in two parts."""
    weight = torch.full((1, 1, 2), 127.0)
    rows = torch.tensor([[[1000.0, 1.0]]])
    out = torch.empty(1, 1, 1)
    Int8Product(weight, torch.zeros(1, 1))(rows, out)
    assert out.item() == pytest.approx(127 * 1001, abs=127 * 1000 / 127 / 254)


@pytest.mark.parametrize("kind", [Float16Product, Int8Product])
def test_products_with_zeros_are_zero(kind) -> None:
    out = torch.empty(1, 1, 3)
    kind(torch.zeros(1, 3, 4), torch.zeros(1, 3))(torch.ones(1, 1, 4), out)
    assert torch.equal(out, torch.zeros(1, 1, 3))
    kind(torch.ones(1, 3, 4), torch.zeros(1, 3))(torch.zeros(1, 1, 4), out)
    assert torch.equal(out, torch.zeros(1, 1, 3))


def test_precisions_that_this_torch_lacks_are_refused(monkeypatch) -> None:
    weight, bias = torch.ones(1, 2, 2), torch.zeros(1, 2)
    monkeypatch.setattr(torch.backends, "quantized", SimpleNamespace(supported_engines=["none"]))
    with pytest.raises(ConfigurationError, match="16-bit"):
        product_kind("fp16")(weight, bias)
    monkeypatch.delattr(torch, "_int_mm")
    with pytest.raises(ConfigurationError, match="8-bit"):
        product_kind("int8")(weight, bias)
