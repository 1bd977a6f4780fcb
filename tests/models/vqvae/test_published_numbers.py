"""The network, codebook and losses together give the numbers of the original program."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from sep_pipeline.losses import Bandwidths, EmbeddingLossConfig, VQVAELossConfig, embedding_loss, vqvae_loss
from sep_pipeline.models.vqvae import VQVAE, VQVAE_PRESETS, Encoder
from sep_pipeline.models.vqvae.released import released_names

RELATIVE, RELATIVE_GRADIENT, SAFE_MARGIN = 2e-4, 2e-3, 1e-3
METRIC_NAMES = {
    "loss": "loss",
    "recons": "recons_loss",
    "l1": "l1_loss",
    "l2": "l2_loss",
    "linf": "linf_loss",
    "multispectral": "multispectral_loss",
    "spectral": "spectral_loss",
    "spectral_convergence": "spectral_convergence",
    "commitment": "commit_loss",
}


def audio_of(golden: dict[str, Tensor], name: str) -> Tensor:
    return golden[name].transpose(1, 2)


def near(actual: Tensor, expected: Tensor, rtol: float = RELATIVE) -> None:
    """Compare relative to the size of the whole tensor, so that values near zero do not decide."""
    assert_close(actual, expected, rtol=rtol, atol=rtol * expected.abs().max().item())


def check_codes(codes: Tensor, golden: dict[str, Tensor], case: str, prefix: str = "") -> None:
    is_safe = golden[f"{case}/{prefix}code_margin"] > SAFE_MARGIN
    assert bool((codes == golden[f"{case}/{prefix}codes"])[is_safe].all())


def check_terms(terms: dict[str, Tensor], metrics: dict[str, float]) -> None:
    for ours, theirs in METRIC_NAMES.items():
        assert terms[ours].item() == pytest.approx(metrics[theirs], rel=RELATIVE), ours


def loss_terms(
    model: VQVAE, audio: Tensor, scalars: dict[str, Any], **rows: Any
) -> tuple[dict, Tensor, dict]:
    """Loss terms, reconstruction and codebook metrics of one pass with injected row numbers."""
    quantised = model.codebook(model.encode(audio), update=model.training, **rows)
    decoded = model.decode(quantised.latents)
    padded = torch.nn.functional.pad(decoded, (0, audio.shape[-1] - decoded.shape[-1]))
    terms = vqvae_loss(
        padded,
        audio,
        quantised.commitment,
        bandwidths=Bandwidths(**scalars["config"]["bandwidth"]),
        config=VQVAELossConfig(num_largest=scalars["config"]["linf_k"]),
    )
    return terms, padded, quantised.metrics


@pytest.mark.parametrize("precision", ["fp32", "fp32_channels_last"])
@pytest.mark.parametrize("case", ["eval", "odd_length"])
def test_evaluation(small_model, golden, golden_scalars, case, precision):
    small_model.set_precision(precision)
    audio = audio_of(golden, f"{case}/x")
    with torch.no_grad():
        result = small_model.reconstruct(audio)
        terms, _, _ = loss_terms(small_model, audio, golden_scalars)
    near(result.latents, golden[f"{case}/enc"])
    check_codes(result.quantised.codes, golden, case)
    near(result.quantised.latents, golden[f"{case}/quantised"])
    near(result.audio, audio_of(golden, f"{case}/x_out"))
    check_terms(terms, golden_scalars[f"{case}/metrics"])
    assert len(result.quantised.codes.unique()) == golden_scalars[f"{case}/codes_used"]


@pytest.mark.parametrize("precision", ["fp32", "fp32_channels_last"])
@pytest.mark.parametrize("case", ["train", "train_dead", "train_init"])
def test_training_step(small_model, golden, golden_scalars, small_config, case, precision):
    small_model.set_precision(precision)
    small_model.train()
    rows = {"restart_rows": golden[f"{case}/perm_restart"]}
    if case == "train_init":
        small_model.codebook.codes.zero_()
        rows["initial_rows"] = golden["train_init/perm_init"]
    else:
        near(small_model.codebook.codes, golden[f"{case}/k_before"])
        small_model.codebook.reset_statistics(golden_scalars[f"{case}/num_tokens"])
        near(small_model.codebook.sums, golden[f"{case}/k_sum_before"])
        near(small_model.codebook.counts, golden[f"{case}/k_elem_before"])
    terms, audio, metrics = loss_terms(small_model, audio_of(golden, "train/x"), golden_scalars, **rows)
    terms["loss"].backward()
    near(audio, audio_of(golden, f"{case}/x_out"))
    check_terms(terms, golden_scalars[f"{case}/metrics"])
    for name, value in metrics.items():
        assert value.item() == pytest.approx(golden_scalars[f"{case}/metrics"][name], rel=RELATIVE), name
    if (
        case != "train_init"
    ):  # The codebook restarts after dequantising, so the gradients are those of "train".
        check_gradients(
            dict(small_model.named_parameters()), golden, "train/grad", released_names(small_config)
        )
    norm = torch.nn.utils.get_total_norm([weight.grad for weight in small_model.parameters()])
    assert norm.item() == pytest.approx(golden_scalars[f"{case}/grad_norm"], rel=RELATIVE_GRADIENT)
    near(small_model.codebook.codes, golden[f"{case}/k_after"])
    near(small_model.codebook.sums, golden[f"{case}/k_sum_after"])
    near(small_model.codebook.counts, golden[f"{case}/k_elem_after"])


def check_gradients(parameters: dict, golden: dict[str, Tensor], prefix: str, names: dict[str, str]) -> None:
    for own, parameter in parameters.items():
        near(parameter.grad, golden[f"{prefix}/{names[own]}"], RELATIVE_GRADIENT)


def test_phase_two(small_model, golden, golden_scalars, small_config):
    names = released_names(small_config)
    encoder = Encoder(small_config)
    own = {name: f"encoder.{name}" for name in encoder.state_dict()}
    encoder.load_state_dict({name: golden[f"phase2/me/{names[full]}"] for name, full in own.items()})
    with torch.no_grad():
        target = small_model.encode(audio_of(golden, "phase2/stem"))
    prediction = encoder(audio_of(golden, "phase2/mix"))
    config = EmbeddingLossConfig(num_largest=golden_scalars["phase2/linf_k"])
    terms = embedding_loss(prediction, target, config=config)
    terms["loss"].backward()
    near(target, golden["phase2/e_s"])
    near(prediction, golden["phase2/e_m"])
    for ours, theirs in {"loss": "loss", "l1": "l1_loss", "l2": "l2_loss", "linf": "linf_loss"}.items():
        assert terms[ours].item() == pytest.approx(golden_scalars["phase2/metrics"][theirs], rel=RELATIVE)
    released = {name: names[full] for name, full in own.items()}
    check_gradients(dict(encoder.named_parameters()), golden, "phase2/grad", released)
    norm = torch.nn.utils.get_total_norm([weight.grad for weight in encoder.parameters()])
    assert norm.item() == pytest.approx(golden_scalars["phase2/grad_norm"], rel=RELATIVE_GRADIENT)


def test_separation_through_the_mixture_encoder(small_model, golden):
    with torch.no_grad():
        quantised = small_model.quantise(golden["phase2/e_m"])
        separated = small_model.decode(quantised.latents)
    check_codes(quantised.codes, golden, "phase2", "separated_")
    near(separated, audio_of(golden, "phase2/separated"))


def hashed(count: int, tau: int, scale: float) -> np.ndarray:
    """Pseudo-random numbers in ±scale from the golden file's integer hash."""
    modulus = np.uint64(2**32 - 1)
    value = (np.arange(count, dtype=np.uint64) * np.uint64(2654435761)) & modulus
    value = (value + np.uint64((tau * 2246822519 + 668265263) % 2**32)) & modulus
    for shift, factor in ((16, 2246822507), (13, 3266489909)):
        value = ((value ^ (value >> np.uint64(shift))) * np.uint64(factor)) & modulus
    value ^= value >> np.uint64(16)
    return (((value.astype(np.float64) + 0.5) / 2**31 - 1) * scale).astype(np.float32)


@pytest.fixture(scope="module")
def full_model(golden, golden_scalars) -> VQVAE:
    """The full-size network with weights from the recipe."""
    config, recipe = VQVAE_PRESETS["jukebox"], golden_scalars["full/recipe"]
    model = VQVAE(config)
    own_names = {released: own for own, released in released_names(config).items()}
    state = model.state_dict()
    for position, name in enumerate(golden_scalars["full/state_dict_order"][:-1]):
        tensor = state[own_names[name]]
        gain = recipe["enc_gain"] if name.startswith("encoders") else recipe["dec_gain"]
        scale = 0.05 if tensor.ndim == 1 else gain / np.sqrt(tensor.shape[1] * tensor.shape[2])
        numbers = hashed(tensor.numel(), position + 1000 * recipe["seed"], scale)
        state[own_names[name]] = torch.from_numpy(numbers).view_as(tensor)
    state["codebook.codes"] = golden["full/k"]
    model.load_state_dict(state)
    return model


def test_full_size_weights_follow_the_recipe(full_model, golden_scalars):
    checksum = golden_scalars["full/weights_checksum"]
    first = full_model.encoder.stages[0][0].weight.flatten()[:8]
    assert_close(first, torch.tensor(checksum["first8_of_encoders.0.level_blocks.0.model.0.0.weight"]))
    total = sum(weight.double().abs().sum().item() for weight in full_model.parameters())
    total += full_model.codebook.codes.double().abs().sum().item()
    assert total == pytest.approx(checksum["sum_abs_all"], rel=1e-9)


def full_step(model: VQVAE, golden: dict[str, Tensor], scalars: dict[str, Any]) -> tuple[dict, Tensor, dict]:
    scope = {"config": scalars["full/config"]}
    return loss_terms(model, audio_of(golden, "full/eval/x"), scope, generator=torch.Generator())


def test_full_size_evaluation(full_model, golden, golden_scalars):
    full_model.eval()
    with torch.no_grad():
        result = full_model.reconstruct(audio_of(golden, "full/eval/x"))
        terms, _, _ = full_step(full_model, golden, golden_scalars)
    near(result.latents, golden["full/eval/enc"])
    check_codes(result.quantised.codes, golden, "full/eval")
    near(result.audio, audio_of(golden, "full/eval/x_out"))
    check_terms(terms, golden_scalars["full/eval/metrics"])


def test_full_size_training(full_model, golden, golden_scalars):
    full_model.train()
    full_model.codebook.reset_statistics(393_216 // 8)
    assert full_model.codebook.counts.unique().tolist() == [24.0]
    terms, _, metrics = full_step(full_model, golden, golden_scalars)
    terms["loss"].backward()
    check_terms(terms, golden_scalars["full/train/metrics"])
    for name, value in metrics.items():
        assert value.item() == pytest.approx(golden_scalars["full/train/metrics"][name], rel=RELATIVE), name
    near(full_model.codebook.counts, golden["full/train/k_elem_after"])
    near(full_model.codebook.codes.norm(dim=1), golden["full/train/k_row_norm_after"])
    parameters = dict(full_model.named_parameters())
    own_names = {released: own for own, released in released_names(full_model.config).items()}
    order = golden_scalars["full/state_dict_order"][:-1]
    norms = torch.stack([parameters[own_names[name]].grad.norm() for name in order])
    near(norms, golden["full/train/grad_norm_per_parameter"], RELATIVE_GRADIENT)
