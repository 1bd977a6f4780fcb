"""Nodes before and of the training: checks, statistics of the mixtures, one model per target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from sep_pipeline.audio.io import read_audio
from sep_pipeline.configuration.data import RenderingParameters, StoreParameters
from sep_pipeline.configuration.execution import ExecutionParameters, ProcessParameters
from sep_pipeline.configuration.open_unmix import ArmParameters, ExcerptParameters
from sep_pipeline.configuration.pool import PoolParameters
from sep_pipeline.configuration.study import Cell
from sep_pipeline.data.augmentation import ChannelSwap, Gain
from sep_pipeline.data.examples import Examples
from sep_pipeline.data.feeding import fed
from sep_pipeline.data.manifest import MIXTURE, Track
from sep_pipeline.data.midi_corpus import CorpusConfig
from sep_pipeline.data.mixing import MixingConfig, MixtureExamples
from sep_pipeline.data.stem_store import store_tracks
from sep_pipeline.datasets import FolderWriter, Weights, Workspace
from sep_pipeline.errors import ConfigurationError, StemMismatchError, TooShortError
from sep_pipeline.models.open_unmix import OpenUnmix, SpectrogramConfig
from sep_pipeline.models.open_unmix.config import MAX_CHANNELS
from sep_pipeline.models.open_unmix.released import load_released
from sep_pipeline.models.open_unmix.statistics import input_statistics
from sep_pipeline.pipelines.data.corpus import LEDGER_NAME, corpus_writer
from sep_pipeline.pipelines.data.nodes import chosen_songs
from sep_pipeline.pipelines.open_unmix.initial import start_from
from sep_pipeline.pipelines.open_unmix.rendered import RenderedSource, rendered_chunks
from sep_pipeline.pipelines.study.training import cell_work, training_curves
from sep_pipeline.pipelines.study.weights import network_weights
from sep_pipeline.separation.em_wiener import EMWienerConfig
from sep_pipeline.tracking import CellTrackers
from sep_pipeline.training.config import TrainingConfig
from sep_pipeline.training.open_unmix_task import OpenUnmixTask
from sep_pipeline.training.result import TrainingResult

PHASE = "model"
SECONDS = "seconds"
"""Row of the curves that holds the time a whole training took."""


def check_inputs(
    stem_store: Path,
    examples: ExcerptParameters,
    spectrogram: SpectrogramConfig,
    wiener: EMWienerConfig,
    *stems: str,
) -> dict[str, Any]:
    """Refuse what would fail hours later; every training waits for this.

    Returns:
        What the study works on, for the report.

    Raises:
        ConfigurationError: The filter has a single target and nothing to weigh it against.
        TooShortError: A training track is shorter than a chunk, another track or the chunk than a frame.
        StemMismatchError: A track has another sample rate or number of channels than the first, or more
            channels than two.
        NoInputError: A split has no track.
    """
    wiener.num_sources(len(stems))
    splits = {split: store_tracks(stem_store, split) for split in ("train", "validation", "test")}
    first = splits["train"][0]
    chunk = chunk_samples(examples, first.sample_rate)
    if chunk < spectrogram.n_fft:
        raise TooShortError(
            "a chunk is shorter than one frame of the spectrogram",
            parameter="open_unmix.defaults.examples.chunk_seconds",
            expected=f"at least {spectrogram.n_fft / first.sample_rate:.3f}",
            found=examples.chunk_seconds,
        )
    for split, tracks in splits.items():
        for track in tracks:
            _check_track(track, first, chunk if split == "train" else spectrogram.n_fft)
    return {
        **{f"{split}_tracks": len(tracks) for split, tracks in splits.items()},
        "sample_rate": first.sample_rate,
        "channels": first.num_channels,
        "chunk_samples": chunk,
    }


def _check_track(track: Track, first: Track, fewest_frames: int) -> None:
    if (track.sample_rate, track.num_channels) != (first.sample_rate, first.num_channels) or (
        track.num_channels > MAX_CHANNELS
    ):
        raise StemMismatchError(
            f"track {track.track_id} does not fit the others, or Open-Unmix",
            file=track.paths[MIXTURE],
            expected=f"{first.sample_rate} Hz, {min(first.num_channels, MAX_CHANNELS)} channels",
            found=f"{track.sample_rate} Hz, {track.num_channels} channels",
        )
    if track.num_frames < fewest_frames:
        raise TooShortError(
            f"track {track.track_id} is too short",
            file=track.paths[MIXTURE],
            expected=f"{fewest_frames} frames",
            found=track.num_frames,
        )


def index_training_songs(rendering: RenderingParameters, processes: ProcessParameters) -> FolderWriter:
    """Index the training songs of the data set, for pools, when the catalog saves the folder.

    Raises:
        NoInputError: There is no MIDI file or no training song.
    """
    assert rendering.midi_folder is not None
    chosen = rendering.model_copy(update={"parts": ("train",)})
    songs = chosen_songs(chosen, rendering.midi_folder, rendering.song_list)
    return corpus_writer(
        rendering.midi_folder,
        CorpusConfig(fractions=(1.0, 0.0, 0.0)),
        files={song.file for song in songs},
        num_processes=processes.num_processes,
    )


def chunk_samples(examples: ExcerptParameters, sample_rate: int) -> int:
    """Length of a chunk in samples."""
    return round(examples.chunk_seconds * sample_rate)


def measure_input_statistics(
    stem_store: Path, spectrogram: SpectrogramConfig, _inputs_checked: dict[str, Any]
) -> Weights:
    """Mean and deviation per bin over all training mixtures as they are (spec of the study, section 3)."""
    tracks = store_tracks(stem_store, "train")
    mean, deviation = input_statistics((_read(track, MIXTURE) for track in tracks), spectrogram)
    return Weights({"mean": mean, "deviation": deviation}, {"tracks": str(len(tracks))})


def _read(track: Track, name: str) -> Tensor:
    return torch.from_numpy(read_audio(track.paths[name])[0])


def train_model(
    *,
    stem_store: Path,
    input_statistics: Weights,
    spectrogram: SpectrogramConfig,
    examples: ExcerptParameters,
    comparison_updates: Sequence[int],
    arm: ArmParameters,
    cell: Cell,
    execution: ExecutionParameters,
    trackers: CellTrackers,
    checkpoints: Workspace,
    midi_corpus: Path | None = None,
    data: StoreParameters | None = None,
    pool: PoolParameters | None = None,
) -> tuple[Weights, pd.DataFrame]:
    """Train the model of one target, or take a released one as it is; the last three are those of a pool.

    Returns:
        Weights of the best validation, with the model's configuration, and the training curves.

    Raises:
        NonFiniteLossError: The loss or a gradient became NaN or infinite.
        StorageError: A checkpoint could not be written; the one before it is intact.
        MissingCheckpointError: There is no released model of the target, or no separator to start from.
        CheckpointMismatchError: The separator to start from does not fit the arm or the data set.
        ConfigurationError: The released model has another sample rate than the data set, or one file should
            serve several targets.
    """
    tracks = store_tracks(stem_store, "train")
    facts = {**arm.model_dump(), "examples": examples.model_dump()}
    config = arm.training.config(len(tracks), tuple(comparison_updates))
    with cell_work(cell, execution, trackers, checkpoints, facts) as work:
        if isinstance(arm.model.released, Path):
            weights, result = _released(arm.model.released, cell.stem, tracks[0], spectrogram), None
        else:
            network, origin = _network(arm, tracks[0], spectrogram, input_statistics, cell)
            source = (
                None
                if midi_corpus is None or data is None or pool is None
                else RenderedSource(midi_corpus=midi_corpus, data=data, pool=pool)
            )
            ledger = work.workspace(PHASE).folder / LEDGER_NAME
            with _chunks(tracks, examples, cell, config, source, ledger) as chunks:
                task = OpenUnmixTask(
                    network,
                    chunks,
                    tracks[0].stems.index(cell.stem),
                    chunks_per_epoch=len(tracks) * arm.training.samples_per_track,
                    batch_size=config.batch_size,
                    validation=_validation(stem_store, cell.stem),
                )
                result = work.train(task, config, PHASE)
            weights = network_weights(result.weights, network.config, result.num_steps, source=origin)
    return weights, _curves(result, cell)


def _network(
    arm: ArmParameters, track: Track, spectrogram: SpectrogramConfig, statistics: Weights, cell: Cell
) -> tuple[OpenUnmix, str]:
    """The network as training finds it, and where its weights come from."""
    network = OpenUnmix(arm.model.config(spectrogram, track.num_channels, track.sample_rate), seed=cell.seed)
    if arm.model.initial_weights is not None:
        name = start_from(network, arm.model.initial_weights, cell.stem, track.sample_rate)
        return network, f"{arm.model.origin} from {name}"
    network.set_input_statistics(statistics.state["mean"], statistics.state["deviation"])
    return network, arm.model.origin


def _released(path: Path, stem: str, track: Track, spectrogram: SpectrogramConfig) -> Weights:
    if path.is_file() and len(track.stems) > 1:
        raise ConfigurationError(
            "one file holds the model of one target",
            parameter="model.released",
            expected=f"a folder with the models of {', '.join(track.stems)}",
            found=path,
        )
    model = load_released(path, stem, hop_length=spectrogram.hop_length, sample_rate=track.sample_rate)
    if model.sample_rate != track.sample_rate:
        raise ConfigurationError(
            "the released model has another sample rate than the data set",
            parameter="model.released",
            expected=track.sample_rate,
            found=model.sample_rate,
        )
    return network_weights(model.state, model.config, 0, source=path.name)


@contextmanager
def _chunks(
    tracks: Sequence[Track],
    examples: ExcerptParameters,
    cell: Cell,
    config: TrainingConfig,
    source: RenderedSource | None,
    ledger: Path,
) -> Iterator[Examples]:
    """Chunks whose stems come from songs and starts of their own, or of whole bands rendered meanwhile.

    All targets of a seed hear the same ones.
    """
    if source is not None:
        with rendered_chunks(
            source,
            tracks[0],
            chunk_samples=chunk_samples(examples, tracks[0].sample_rate),
            batch_size=config.batch_size,
            seed=cell.seed,
            ledger=ledger,
        ) as rendered:
            yield rendered
        return
    low, high = examples.gain
    drawn = MixtureExamples(
        tracks,
        tracks[0].stems,
        chunk_samples=chunk_samples(examples, tracks[0].sample_rate),
        batch_size=config.batch_size,
        seed=cell.seed,
        config=MixingConfig(mode="incoherent", short_tracks="refuse"),
        transforms=(Gain(low=low, high=high), ChannelSwap(probability=examples.channel_swap)),
    )
    with fed(drawn, num_workers=examples.num_workers, num_steps=config.num_steps) as feed:
        yield feed


def _validation(stem_store: Path, stem: str) -> list[partial[tuple[Tensor, Tensor]]]:
    return [partial(_read_pair, track, stem) for track in store_tracks(stem_store, "validation")]


def _read_pair(track: Track, stem: str) -> tuple[Tensor, Tensor]:
    return _read(track, MIXTURE), _read(track, stem)


def _curves(result: TrainingResult | None, cell: Cell) -> pd.DataFrame:
    """The logged scalars, and the time that the whole training took."""
    if result is None:
        result = TrainingResult(
            num_steps=0, weights={}, snapshots={}, curves={"step": [], "name": [], "value": []}, seconds=0.0
        )
    curves = training_curves(result, cell, PHASE)
    seconds = {"step": result.num_steps, "name": SECONDS, "value": result.seconds, "phase": PHASE}
    place = {"arm": cell.arm, "stem": cell.stem, "seed": cell.seed}
    return pd.concat([curves, pd.DataFrame([seconds | place])], ignore_index=True)
