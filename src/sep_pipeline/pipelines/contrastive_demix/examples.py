"""Mixtures and triplets of a study's parameters as examples: of training, of validation, of the test."""

from __future__ import annotations

from pathlib import Path

from sep_pipeline.configuration.contrastive_demix import DrawingParameters, TripletParameters
from sep_pipeline.data.augmentation import Fade, LoudnessLevels, PeakRule, PitchTempo, Transform
from sep_pipeline.data.mixing import MixingConfig, MixtureExamples
from sep_pipeline.data.stem_store import store_tracks
from sep_pipeline.data.triplets import TripletConfig, TripletExamples, TripletRule

VALIDATION_SEED, TEST_SEED = 1_000_001, 1_000_002
"""Seeds of the fixed lists, which every arm and seed shares; none that a training is likely to have."""


def training_mixtures(
    stem_store: Path, mixtures: DrawingParameters, chunk_samples: int, *, batch_size: int, seed: int
) -> MixtureExamples:
    """Coherent mixtures of training songs.

    Args:
        stem_store: Where the songs are.
        mixtures: How they are drawn and changed.
        chunk_samples: Samples of a mixture.
        batch_size: Mixtures per update.
        seed: Seed of all of them.

    Raises:
        NoInputError: There is no training song, or none has all stems.
        StemMismatchError: Sample rates differ.
    """
    return _mixtures(
        stem_store,
        "train",
        mixtures,
        chunk_samples,
        batch_size=batch_size,
        seed=seed,
        num_items=mixtures.num_items,
        pitch_tempo=_pitch_tempo(mixtures),
    )


def validation_mixtures(
    stem_store: Path, mixtures: DrawingParameters, chunk_samples: int, *, batch_size: int
) -> MixtureExamples:
    """The fixed list that validation looks at, without changes of pitch; errors as of `training_mixtures`."""
    return _mixtures(
        stem_store,
        "validation",
        mixtures,
        chunk_samples,
        batch_size=min(batch_size, mixtures.num_validation_items),
        seed=VALIDATION_SEED,
        num_items=mixtures.num_validation_items,
        pitch_tempo=None,
    )


def training_triplets(
    stem_store: Path,
    triplets: TripletParameters,
    chunk_samples: int,
    *,
    rule: TripletRule,
    batch_size: int,
    seed: int,
) -> TripletExamples:
    """Triplets of training songs.

    Args:
        stem_store: Where the songs are.
        triplets: How they are drawn and changed.
        chunk_samples: Samples of an excerpt.
        rule: Which excerpts make a triplet.
        batch_size: Triplets per update.
        seed: Seed of all of them.

    Raises:
        NoInputError: There is no training song, or a stem is in fewer songs than the rule asks for.
        ConfigurationError: There are too few stems, or excerpts are too short to be measured.
        StemMismatchError: Sample rates differ.
    """
    return _triplets(
        stem_store,
        "train",
        triplets,
        chunk_samples,
        rule=rule,
        batch_size=batch_size,
        seed=seed,
        num_items=triplets.num_items,
        pitch_tempo=_pitch_tempo(triplets),
    )


def held_out_triplets(
    stem_store: Path, triplets: TripletParameters, chunk_samples: int, *, split: str, batch_size: int = 1
) -> TripletExamples:
    """The fixed list of "validation" or "test", without changes of pitch; errors as of `training_triplets`.

    Its rule is the corrected one whatever the training's, so that all encoders are measured by one list.
    """
    is_test = split == "test"
    num_items = triplets.num_test_items if is_test else triplets.num_validation_items
    return _triplets(
        stem_store,
        split,
        triplets,
        chunk_samples,
        rule="corrected",
        batch_size=min(batch_size, num_items),
        seed=TEST_SEED if is_test else VALIDATION_SEED,
        num_items=num_items,
        pitch_tempo=None,
    )


def _mixtures(
    stem_store: Path,
    split: str,
    drawing: DrawingParameters,
    chunk_samples: int,
    *,
    batch_size: int,
    seed: int,
    num_items: int | None,
    pitch_tempo: PitchTempo | None,
) -> MixtureExamples:
    tracks = store_tracks(stem_store, split)
    return MixtureExamples(
        tracks,
        tracks[0].stems,
        chunk_samples=chunk_samples,
        batch_size=batch_size,
        seed=seed,
        config=MixingConfig(mode="coherent", pitch_tempo=pitch_tempo),
        num_channels=1,
        transforms=_transforms(drawing, tracks[0].sample_rate),
        num_items=num_items,
        epoch_shuffle=False,
    )


def _triplets(
    stem_store: Path,
    split: str,
    triplets: TripletParameters,
    chunk_samples: int,
    *,
    rule: TripletRule,
    batch_size: int,
    seed: int,
    num_items: int | None,
    pitch_tempo: PitchTempo | None,
) -> TripletExamples:
    tracks = store_tracks(stem_store, split)
    return TripletExamples(
        tracks,
        tracks[0].stems,
        chunk_samples=chunk_samples,
        batch_size=batch_size,
        seed=seed,
        config=TripletConfig(
            rule=rule,
            gate_lufs=triplets.gate_lufs,
            max_redraws=triplets.max_redraws,
            pitch_tempo=pitch_tempo,
        ),
        transforms=_transforms(triplets, tracks[0].sample_rate),
        num_items=num_items,
        epoch_shuffle=False,
    )


def _pitch_tempo(drawing: DrawingParameters) -> PitchTempo | None:
    if not drawing.changes_sound:
        return None
    return PitchTempo(
        semitones=drawing.semitones, tempo=drawing.tempo, probability=drawing.pitch_tempo_probability
    )


def _transforms(drawing: DrawingParameters, sample_rate: int) -> tuple[Transform, ...]:
    levels = LoudnessLevels(
        sample_rate,
        reference_lufs=drawing.reference_lufs,
        level_db=drawing.level_db,
        gate_lufs=drawing.gate_lufs,
    )
    return levels, Fade(sample_rate), PeakRule()
