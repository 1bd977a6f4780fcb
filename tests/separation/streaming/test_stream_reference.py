"""The offline reference agrees with torch's own transforms where both see the same frames."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sep_pipeline.separation.streaming import reference_separate


@pytest.mark.parametrize("num_samples", [300, 320])
def test_it_is_the_centred_transform_with_zeros_instead_of_reflections(
    make_models, make_signal, num_samples
) -> None:
    models, mixture = make_models(), make_signal(num_samples)
    estimates = reference_separate(models, mixture)
    shape = torch.hann_window(64)
    spectra = torch.stft(
        torch.from_numpy(mixture), 64, 16, window=shape, pad_mode="constant", return_complex=True
    )
    for model, estimate in zip(models.values(), estimates, strict=True):
        with torch.no_grad():
            magnitude = model(spectra.abs().transpose(1, 2)[None])[0].transpose(1, 2)
        masked = torch.polar(magnitude, spectra.angle())
        expected = torch.istft(masked, 64, 16, window=shape, length=num_samples).numpy()
        # The centred transform has fewer frames at the end.
        np.testing.assert_allclose(estimate[:, :-64], expected[:, :-64], atol=1e-6)


def test_models_keep_their_mode(make_models, make_signal) -> None:
    models = make_models()
    models["drums"].train()
    before = {name: value.clone() for name, value in models["drums"].state_dict().items()}
    trained = reference_separate(models, make_signal(200))
    assert models["drums"].training
    assert not models["bass"].training
    assert all(torch.equal(before[name], value) for name, value in models["drums"].state_dict().items())
    models["drums"].eval()
    np.testing.assert_array_equal(reference_separate(models, make_signal(200)), trained)
