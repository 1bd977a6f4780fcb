"""The mixtures of a study's parameters as examples: of pre-training, of training, of validation, to be scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sep_pipeline.configuration.chimera_transfer import (
    ChimeraEvaluationParameters,
    ConditionParameters,
    Drawing,
    MixtureExampleParameters,
    MixtureParameters,
)
from sep_pipeline.data.augmentation import Audio, PitchTempo
from sep_pipeline.data.manifest import Track
from sep_pipeline.data.mixing import MixingConfig, MixtureExamples
from sep_pipeline.data.stem_store import store_tracks

VALIDATION_SEED, EXCERPT_SEED = 1_000_001, 1_000_002
"""Seeds of the fixed lists, which every arm and seed shares; none that a training is likely to have."""


@dataclass(frozen=True)
class ScoredExcerpt:
    """One mixture that is scored.

    Attributes:
        number: From 0; the same mixture for every arm and seed.
        song: Track of its sources, or where each is drawn by itself one track per source, joined by `+`.
        sources: float32, (source, 1, time).
    """

    number: int
    song: str
    sources: Audio


def training_mixtures(
    mixture: MixtureParameters,
    examples: MixtureExampleParameters,
    stem_stores: Mapping[str, Path],
    *,
    batch_size: int,
    seed: int,
    condition: ConditionParameters | None = None,
) -> MixtureExamples:
    """The endless stream of a training.

    Args:
        mixture: What is mixed.
        examples: How long it is.
        stem_stores: Store of every data set of the mixture, in its order.
        batch_size: Mixtures per update.
        seed: Seed of the stream.
        condition: What pre-training does to its mixtures; None for nothing.

    Raises:
        NoInputError: No track has a source, or all of them where they are drawn together.
        StemMismatchError: Sample rates differ.
        ConfigurationError: A source is made of a stem that no track has.
    """
    condition = condition or ConditionParameters()
    drawing: Drawing = "incoherent" if condition.incoherent else mixture.train
    change = PitchTempo(semitones=condition.semitones, tempo=condition.tempo)
    return _examples(
        mixture,
        tracks_of_stores(stem_stores, "train"),
        drawing,
        seconds=examples.chunk_seconds,
        batch_size=batch_size,
        seed=seed,
        pitch_tempo=change if condition.changes_sound else None,
    )


def validation_mixtures(
    mixture: MixtureParameters,
    examples: MixtureExampleParameters,
    stem_stores: Mapping[str, Path],
    *,
    batch_size: int,
) -> MixtureExamples:
    """The fixed list that validation looks at, never augmented; errors as of `training_mixtures`."""
    return _examples(
        mixture,
        tracks_of_stores(stem_stores, examples.validation_split),
        mixture.test if examples.validation_split == "test" else mixture.train,
        seconds=examples.chunk_seconds,
        batch_size=min(batch_size, examples.num_validation_mixtures),
        seed=VALIDATION_SEED,
        num_items=examples.num_validation_mixtures,
    )


def excerpt_examples(
    mixture: MixtureParameters, evaluation: ChimeraEvaluationParameters, stem_stores: Mapping[str, Path]
) -> MixtureExamples:
    """The fixed list of a downstream set that is scored; errors as of `training_mixtures`."""
    return _examples(
        mixture,
        tracks_of_stores(stem_stores, "test"),
        mixture.test,
        seconds=evaluation.excerpt_seconds,
        batch_size=1,
        seed=EXCERPT_SEED,
        num_items=evaluation.num_excerpts,
    )


def scored_excerpt(mixture: MixtureParameters, drawn: MixtureExamples, number: int) -> ScoredExcerpt:
    """One of the excerpts of a list."""
    sources, tracks = drawn.item_with_tracks(number)
    return ScoredExcerpt(number, tracks[0] if mixture.test == "coherent" else "+".join(tracks), sources)


def tracks_of_stores(stem_stores: Mapping[str, Path], split: str) -> tuple[Track, ...]:
    """Tracks of a split of several stores as one list.

    Raises:
        NoInputError: A store has no track in the split.
    """
    return tuple(track for store in stem_stores.values() for track in store_tracks(store, split))


def _examples(
    mixture: MixtureParameters,
    tracks: tuple[Track, ...],
    drawing: Drawing,
    *,
    seconds: float,
    batch_size: int,
    seed: int,
    num_items: int | None = None,
    pitch_tempo: PitchTempo | None = None,
) -> MixtureExamples:
    return MixtureExamples(
        tracks,
        mixture.sources,
        chunk_samples=round(seconds * tracks[0].sample_rate),
        batch_size=batch_size,
        seed=seed,
        config=MixingConfig(mode=drawing, groups=mixture.groups, pitch_tempo=pitch_tempo),
        num_channels=1,
        num_items=num_items,
        epoch_shuffle=False,
    )
