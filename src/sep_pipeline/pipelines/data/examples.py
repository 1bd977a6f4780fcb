"""The examples that a training draws, as its parameters say."""

from __future__ import annotations

from collections.abc import Sequence

from sep_pipeline.configuration.examples import AugmentationParameters, ExampleParameters
from sep_pipeline.data.augmentation import (
    Blend,
    ChannelSwap,
    Gain,
    PitchTempo,
    TakeSignals,
    Transform,
)
from sep_pipeline.data.examples import Examples, StemExamples
from sep_pipeline.data.manifest import MIXTURE, Track
from sep_pipeline.data.mixing import MixingConfig, MixtureExamples


def training_examples(
    tracks: Sequence[Track],
    signals: Sequence[str],
    examples: ExampleParameters,
    *,
    batch_size: int,
    seed: int,
    transforms: Sequence[Transform] = (),
) -> Examples:
    """Mono examples of some signals of a store.

    Args:
        tracks: Tracks to draw from, all with the same stems.
        signals: Names of stems, and "mixture".
        examples: How they are drawn and changed.
        batch_size: Examples per batch.
        seed: Seed of everything random.
        transforms: Further changes, between the augmentation and the blend to mono.

    Returns:
        Batches of float32, (batch, signal, 1, time). With augmentation the mixture is the sum of all changed stems of
        the store.

    Raises:
        ConfigurationError: A number is out of range.
        StemMismatchError: A track lacks a stem, or sample rates differ.
        TooShortError: A track is shorter than one chunk.
    """
    augmentation = examples.augmentation
    is_summed = MIXTURE in signals and not augmentation.is_off
    stems = tracks[0].stems if is_summed else tuple(signals)
    if not augmentation.is_off:
        positions = [None if signal == MIXTURE else stems.index(signal) for signal in signals]
        transforms = (*_changes(augmentation), TakeSignals(tuple(positions)), *transforms)
    if augmentation.mixing == "windows":
        return StemExamples(
            tracks,
            stems,
            chunk_samples=examples.chunk_samples,
            batch_size=batch_size,
            seed=seed,
            shift=examples.shift,
            blend=examples.blend,
            item_share=examples.item_share,
            transforms=transforms,
        )
    return MixtureExamples(
        tracks,
        stems,
        chunk_samples=examples.chunk_samples,
        batch_size=batch_size,
        seed=seed,
        config=_mixing(augmentation),
        transforms=(*transforms, Blend(examples.blend)),
    )


def _changes(augmentation: AugmentationParameters) -> tuple[Transform, ...]:
    """Every change is there even if it changes nothing, so that one parameter moves no other's draws."""
    low, high = augmentation.gain
    return Gain(low=low, high=high), ChannelSwap(probability=augmentation.channel_swap)


def _mixing(augmentation: AugmentationParameters) -> MixingConfig:
    changes = augmentation.changes_pitch_or_tempo
    return MixingConfig(
        mode="incoherent" if augmentation.mixing == "incoherent" else "coherent",
        redraw_below_dbfs=augmentation.redraw_below_dbfs,
        pitch_tempo=PitchTempo(
            semitones=augmentation.semitones,
            tempo=augmentation.tempo,
            probability=augmentation.pitch_tempo_probability,
        )
        if changes
        else None,
    )
