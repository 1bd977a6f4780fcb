"""Parameters of study 5: waveform networks on chunks that are rendered from MIDI files while training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from sep_pipeline.configuration.data import StemName
from sep_pipeline.configuration.pool import PoolParameters
from sep_pipeline.configuration.strict import ProjectPath, Strict
from sep_pipeline.configuration.study import (
    StudyParameters,
    network_grid,
    parse_study,
)
from sep_pipeline.data.midi_corpus import CorpusConfig, Grouping, programs_of
from sep_pipeline.errors import ConfigurationError, UnnamedInputError
from sep_pipeline.losses import SourceLossConfig
from sep_pipeline.models.waveform import WaveformConfig, preset
from sep_pipeline.training.config import TrainingConfig

STUDY = "midi_waveform"


class CorpusParameters(Strict):
    """MIDI files, and the instruments that are told apart.

    Attributes:
        name: Name of the test songs: their folder in `03_primary`.
        midi_folder: Searched with its subfolders.
        song_list: CSV list of songs with their parts; None takes every file of the folder.
        parts: Parts of the list that are used.
        index: Longest song and shares of the splits; songs of the same notes are in one split.
        instruments: Stems in the order of the networks' outputs.
        grouping: Whether an instrument is one program, `exact`, or a `family` of programs.
    """

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    midi_folder: ProjectPath | None
    song_list: ProjectPath | None = None
    parts: tuple[Literal["pretrain", "train", "validation", "test"], ...] = ("pretrain", "train")
    index: CorpusConfig = CorpusConfig()
    instruments: tuple[StemName, ...] = Field(min_length=2)
    grouping: Grouping = "family"

    @model_validator(mode="after")
    def _instruments_exist(self) -> CorpusParameters:
        programs_of(self.instruments, self.grouping)
        return self

    @model_validator(mode="after")
    def _is_named(self) -> CorpusParameters:
        if self.midi_folder is None:
            raise UnnamedInputError(
                "the study needs a folder of MIDI files",
                parameter=f"{STUDY}.corpus.midi_folder",
                expected="a folder, as in --params=midi_root=/path/to/midi",
                found="none",
            )
        return self


class ModelParameters(Strict):
    """The network of an arm.

    Attributes:
        network: `convolution`, the baseline of four convolutions, `wavenet` or `wave_unet`.
        preset: A named size of it.
        options: What differs from the preset, such as `has_difference_output`.
    """

    network: Literal["convolution", "wavenet", "wave_unet"]
    preset: str
    options: dict[str, Any] = Field(default_factory=dict)

    def config(self, num_sources: int) -> WaveformConfig:
        """The network's configuration.

        Raises:
            ConfigurationError: The preset or an option is unknown, or a value is out of range.
        """
        return preset(self.network, self.preset, **{**self.options, "num_sources": num_sources})


class ArmParameters(Strict):
    """Everything in which arms may differ.

    Attributes:
        model: The network.
        loss: What is minimised.
        chunk_samples: Samples of a chunk for which the loss is taken, or as many more as the network's grid asks
            for; a network with context hears further ones around.
        training: Budget and recipe.
    """

    model: ModelParameters
    loss: SourceLossConfig
    chunk_samples: int = Field(ge=1)
    training: TrainingConfig

    def heard_samples(self, num_sources: int) -> int:
        """Length of the chunks that the network takes.

        Raises:
            ConfigurationError: The network is impossible.
        """
        return self.model.config(num_sources).input_samples(self.chunk_samples)


class WaveformEvaluationParameters(Strict):
    """What the networks are measured on; nothing of it comes from songs that a training hears.

    Attributes:
        num_chunks: Chunks of test songs on which the losses are compared, the same for every arm.
        chunks_per_song: Most of them of one song each time it is rendered.
        num_songs: Test songs that are separated, the first by name; None for all.
        max_seconds: Of a longer song its middle; None takes whole songs.
    """

    num_chunks: int = Field(ge=1)
    chunks_per_song: int | None = Field(default=10, ge=1)
    num_songs: int | None = Field(default=None, ge=1)
    max_seconds: float | None = Field(default=None, gt=0)


class MidiWaveformParameters(StudyParameters):
    """The whole study, every arm complete."""

    STUDY = STUDY

    corpus: CorpusParameters
    sample_rate: int = Field(ge=8000)
    pool: PoolParameters
    evaluation: WaveformEvaluationParameters
    arms: dict[str, ArmParameters]

    @model_validator(mode="after")
    def _arms_are_possible(self) -> MidiWaveformParameters:
        for name, arm in self.arms.items():
            num_channels = arm.model.config(len(self.corpus.instruments)).num_channels
            if num_channels != 1:
                raise ConfigurationError(
                    "rendered chunks are mono",
                    parameter=f"arms.{name}.model.options.num_channels",
                    expected=1,
                    found=num_channels,
                )
            self.pool.config(
                chunk_samples=arm.chunk_samples,
                sample_rate=self.sample_rate,
                batch_size=arm.training.batch_size,
                seed=0,
            )
        return self

    @model_validator(mode="after")
    def _has_enough_instruments(self) -> MidiWaveformParameters:
        if self.pool.min_present > len(self.corpus.instruments):
            raise ConfigurationError(
                "no song can have so many of the instruments",
                parameter="pool.min_present",
                expected=f"1 to {len(self.corpus.instruments)}",
                found=self.pool.min_present,
            )
        return self

    @property
    def data(self) -> CorpusParameters:
        """The set whose test songs are scored."""
        return self.corpus

    @property
    def heard_arms(self) -> tuple[str, ...]:
        """The networks first, then the other losses."""
        plain = [name for name in self.run.arms if self.arms[name].loss == SourceLossConfig()]
        return tuple(dict.fromkeys((*plain, *self.run.arms)))

    def grid(self) -> dict[str, Any]:
        """What nodes name beside the blocks.

        `cells.<arm>.all.seed_<n>`, `arm_runs.<arm>.seed_<n>` and `chunk_lengths.<arm>`.
        """
        return {
            **network_grid(self, self.run.arms, dict.fromkeys(self.run.arms, self.corpus.instruments)),
            "chunk_lengths": {f"samples_{length}": length for length in self.chunk_lengths},
        }

    @property
    def chunk_lengths(self) -> tuple[int, ...]:
        """Lengths of the chunks of this run's arms, each once."""
        return tuple(dict.fromkeys(self.heard_samples(arm) for arm in self.run.arms))

    def heard_samples(self, arm: str) -> int:
        """Length of the chunks of an arm, by its name."""
        return self.arms[arm].heard_samples(len(self.corpus.instruments))


def parse_midi_waveform(block: Mapping[str, Any], project_path: Path | None) -> MidiWaveformParameters:
    """Merge and check the study's block, see `parse_study`."""
    return parse_study(MidiWaveformParameters, ArmParameters, block, project_path)
