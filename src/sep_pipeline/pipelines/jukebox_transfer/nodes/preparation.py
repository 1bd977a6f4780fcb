"""Nodes before training: transferred weights, checks of all inputs, bandwidths."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from sep_pipeline.configuration.examples import ExampleParameters
from sep_pipeline.configuration.jukebox_transfer import ModelParameters
from sep_pipeline.data.bandwidth import stem_bandwidth
from sep_pipeline.data.examples import StemExamples
from sep_pipeline.data.stem_store import store_tracks
from sep_pipeline.datasets import Weights
from sep_pipeline.errors import CheckpointMismatchError
from sep_pipeline.files import file_digest
from sep_pipeline.models.vqvae import VQVAE, VQVAE_PRESETS, VQVAEConfig, load_released_level_zero
from sep_pipeline.models.weights import load_into, load_weights

SURVEY_SEED = 0


def vqvae_config(model: ModelParameters, codebook_mode: str = "ema") -> VQVAEConfig:
    """The network of the chosen preset."""
    return replace(VQVAE_PRESETS[model.resolved_preset()], codebook_mode=codebook_mode)


def load_transferred_weights(model: ModelParameters) -> Weights:
    """Read the weights that transfer starts from and check them against the network.

    They are the shipped ones, safetensors that `jukebox_pretrain` wrote, or level 0 of the released Jukebox
    checkpoint.

    Raises:
        MissingCheckpointError: There is no such file.
        TruncatedCheckpointError: It ends too early or does not parse.
        CheckpointMismatchError: Keys or shapes differ from the preset.
    """
    config = vqvae_config(model)
    path = model.weights
    if path.suffix == ".safetensors":
        state, metadata = load_weights(path)
        source = metadata.get("name", path.stem)
    else:
        state, report = load_released_level_zero(path, config)
        source = (
            f"Jukebox level 0 ({report.num_loaded} tensors, {len(report.ignored)} of other levels ignored)"
        )
    load_into(VQVAE(config), state, file=path)
    return Weights(state, {"source": source, "sha256": file_digest(path), "preset": model.resolved_preset()})


def check_inputs(
    stem_store: Path, examples: ExampleParameters, model: ModelParameters, *transferred: Weights
) -> dict[str, Any]:
    """Refuse what would fail hours later; every training waits for this.

    Returns:
        What the study works on, for the report.

    Raises:
        TooShortError: A training track is shorter than a chunk.
        NoInputError: A split has no track.
        CheckpointMismatchError: The chunk does not fill whole codes.
    """
    hop = vqvae_config(model).hop_samples
    if examples.chunk_samples % hop:
        raise CheckpointMismatchError(
            "a chunk must hold whole codes",
            parameter="jukebox_transfer.defaults.examples.chunk_samples",
            expected=f"a multiple of {hop}",
            found=examples.chunk_samples,
        )
    train = store_tracks(stem_store, "train")
    test = store_tracks(stem_store, "test")
    windows = StemExamples(
        train, ["mixture"], chunk_samples=examples.chunk_samples, batch_size=1, seed=SURVEY_SEED, blend=None
    )
    return {
        "training_tracks": len(train),
        "test_tracks": len(test),
        "training_windows": windows.num_items,
        "transferred_weights": transferred[0].metadata if transferred else None,
    }


def measure_bandwidths(
    stem_store: Path, examples: ExampleParameters, stem: str, _inputs_checked: dict[str, Any]
) -> dict[str, float]:
    """Measure how loud a stem's training chunks are, to normalise the losses (spec of the study, section 4).

    Raises:
        SilentStemError: The stem is silent in every window looked at.
    """
    windows = StemExamples(
        store_tracks(stem_store, "train"),
        [stem],
        chunk_samples=examples.chunk_samples,
        batch_size=1,
        seed=SURVEY_SEED,
        shift=examples.shift,
        blend=None,
        item_share=examples.item_share,
    )
    return asdict(stem_bandwidth(windows, stem))
