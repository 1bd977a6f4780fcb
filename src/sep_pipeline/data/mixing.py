"""Batches of mixtures made from random excerpts, of one take or of several, each a pure function of its number."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from torch import Tensor

from sep_pipeline.audio.channels import to_channels
from sep_pipeline.data.assembly import BatchAssembler
from sep_pipeline.data.augmentation import Audio, PitchTempo, PitchTempoChange, Transform, applied
from sep_pipeline.data.chunks import ChunkReader
from sep_pipeline.data.drawing import ExampleStreams, check_positive, check_word
from sep_pipeline.data.excerpts import Excerpt, ExcerptPool, check_alike
from sep_pipeline.data.manifest import MIXTURE, Track
from sep_pipeline.errors import ConfigurationError

MixingMode = Literal["coherent", "incoherent"]
ShortTracks = Literal["pad", "refuse"]
TrackDraw = Literal["uniform_track", "uniform_time"]


@dataclass(frozen=True, kw_only=True)
class MixingConfig:
    """Which excerpts make a mixture.

    Attributes:
        mode: "coherent" takes all sources of a mixture from one track at one start; "incoherent" draws track
            and start for each source by itself.
        groups: Sources that are sums of several stems, by name ("male": tenor and bass). The parts always
            come from one track and start. A source that is not named here is the stem of its name.
        short_tracks: What happens to tracks shorter than what is read from them: "pad" puts zeros at the end
            of the excerpt, "refuse" is an error.
        draw: "uniform_track" gives every track the same chance, "uniform_time" one in proportion to its length.
        redraw_below_dbfs: Track and start are drawn again when a source of the excerpt has an RMS level below
            this, before any change of pitch; full scale is an RMS of 1. None takes whatever comes.
        max_redraws: Redraws after which the excerpt is taken in spite of its level.
        pitch_tempo: Draws a change of pitch and tempo, one per mixture when coherent, else one per source.

    Raises:
        ConfigurationError: A word is unknown, a group is empty or a number is out of range.
    """

    mode: MixingMode = "coherent"
    groups: Mapping[str, tuple[str, ...]] | None = None
    short_tracks: ShortTracks = "pad"
    draw: TrackDraw = "uniform_track"
    redraw_below_dbfs: float | None = None
    max_redraws: int = 10
    pitch_tempo: PitchTempo | None = None

    def __post_init__(self) -> None:
        check_word("mixing.mode", self.mode, get_args(MixingMode))
        check_word("mixing.short_tracks", self.short_tracks, get_args(ShortTracks))
        check_word("mixing.draw", self.draw, get_args(TrackDraw))
        for name, parts in (self.groups or {}).items():
            if isinstance(parts, str) or not parts or len(set(parts)) != len(parts):
                raise ConfigurationError(
                    f"the group {name} is no list of different stems", parameter="mixing.groups", found=parts
                )
        if self.max_redraws < 0:
            raise ConfigurationError(
                "not a number of redraws",
                parameter="mixing.max_redraws",
                expected=">= 0",
                found=self.max_redraws,
            )
        if self.redraw_below_dbfs is not None and not self.redraw_below_dbfs <= 0:
            raise ConfigurationError(
                "every excerpt would be drawn again",
                parameter="mixing.redraw_below_dbfs",
                expected="<= 0",
                found=self.redraw_below_dbfs,
            )

    def parts_of(self, source: str) -> tuple[str, ...]:
        """Stems whose sum a source is."""
        return tuple((self.groups or {}).get(source, (source,)))

    def most_source_frames(self, num_frames: int) -> int:
        """Frames that the fastest tempo reads for an excerpt."""
        if self.pitch_tempo is None:
            return num_frames
        fastest = PitchTempoChange(tempo=max(self.pitch_tempo.tempo))
        return max(num_frames, fastest.num_source_frames(num_frames))


class MixtureExamples:
    """Random excerpts of chosen sources; their sum is the mixture, see `mixture_of`.

    Tracks may lack sources: a coherent mixture is drawn among the tracks that have all of them, an incoherent
    one source by source among the tracks that have this one. The mixture's own file is never read.

    Without `num_items` the stream never repeats: an example depends on seed, step and slot. With it there are
    so many different mixtures, the same in every epoch: an example depends on the seed and its number, and the
    order is that of `EpochOrder`. Any thread may call.

    Args:
        tracks: Tracks to draw from.
        stems: Names of the sources, in the order of the stem axis.
        chunk_samples: Samples per excerpt.
        batch_size: Mixtures per batch.
        seed: Seed of everything random.
        config: How to draw.
        num_channels: 1 takes the mean of the channels; None keeps them.
        transforms: Random changes of the finished example, float32 (stem, channel, time), in order.
        num_items: Number of different mixtures; None for as many as are asked for.
        epoch_shuffle: Whether the order of the items is random; otherwise it is that of their numbers.
        num_threads: Threads that make the examples of a batch side by side; without effect on them.

    Raises:
        ConfigurationError: A number is out of range, or a group's name or part is unknown.
        NoInputError: No track has a source, or all of them when coherent.
        StemMismatchError: Sample rates or kept channels differ.
        TooShortError: A track is shorter than what the fastest tempo reads, and must not be padded.
    """

    def __init__(
        self,
        tracks: Sequence[Track],
        stems: Sequence[str],
        *,
        chunk_samples: int,
        batch_size: int,
        seed: int,
        config: MixingConfig | None = None,
        num_channels: Literal[1] | None = None,
        transforms: Sequence[Transform] = (),
        num_items: int | None = None,
        epoch_shuffle: bool = True,
        num_threads: int = 2,
    ) -> None:
        self._config = config or MixingConfig()
        check_positive(
            stems=len(stems),
            chunk_samples=chunk_samples,
            batch_size=batch_size,
            num_items=num_items,
            num_threads=num_threads,
        )
        self.stems, self.batch_size, self.seed = tuple(stems), batch_size, seed
        self.chunk_samples, self.num_items = chunk_samples, num_items
        _check_groups(self._config, self.stems, tracks)
        self._pools = [
            _pool(self._config, tracks, group, chunk_samples)
            for group in (
                [self.stems] if self._config.mode == "coherent" else [(stem,) for stem in self.stems]
            )
        ]
        used = [track for pool in self._pools for track in pool.tracks]
        check_alike(used, has_own_channels=num_channels is None)
        self.sample_rate = used[0].sample_rate
        self._num_channels = num_channels or used[0].num_channels
        self._streams = ExampleStreams(seed, batch_size, num_items, is_shuffled=epoch_shuffle)
        self._transforms = tuple(transforms)
        self._reader, self._assembler = ChunkReader(), BatchAssembler(num_threads)

    @property
    def batches_per_epoch(self) -> int:
        """Whole batches in one pass over the items, at least one.

        Raises:
            ConfigurationError: The stream has no end.
        """
        return self._streams.batches_per_epoch

    def batch(self, step: int) -> Tensor:
        """Draw and read the batch of a step.

        Args:
            step: Number of the step, from 0.

        Returns:
            float32, (batch, stem, channel, time), in [-1, 1] before sums, changes and transforms.

        Raises:
            UnreadableFileError: A file is missing, is no audio file or is truncated.
            StemMismatchError: A file has another number of channels than its track.
        """
        streams = self._streams.of_step(step)
        shape = None if self._transforms else self._shape

        def example(slot: int, room: Audio | None) -> Audio:
            return self._example_with_tracks(streams[slot], room)[0]

        return self._assembler.assembled(self.batch_size, shape, example)

    def item(self, number: int, room: Audio | None = None) -> Audio:
        """Draw and read one of the fixed mixtures, whatever the batch it is in.

        Args:
            number: From 0.
            room: Memory to use, of the example's shape; None takes fresh memory.

        Returns:
            float32, (stem, channel, time).
        """
        return self.item_with_tracks(number, room)[0]

    def item_with_tracks(self, number: int, room: Audio | None = None) -> tuple[Audio, tuple[str, ...]]:
        """Like `item`, and the ids of the tracks that its sources come from, in the order of the stem axis."""
        return self._example_with_tracks(self._streams.of_item(number), room)

    @property
    def _shape(self) -> tuple[int, int, int]:
        return len(self.stems), self._num_channels, self.chunk_samples

    def _example_with_tracks(
        self, random: np.random.Generator, room: Audio | None
    ) -> tuple[Audio, tuple[str, ...]]:
        audio = np.empty(self._shape, dtype=np.float32) if room is None else room
        tracks: list[str] = []
        for pool in self._pools:
            first, last = len(tracks), len(tracks) + len(pool.sources)
            track = self._fill(audio[first:last], pool, random)
            tracks += [track.track_id] * len(pool.sources)
        return applied(self._transforms, audio, random), tuple(tracks)

    def _fill(self, out: Audio, pool: ExcerptPool, random: np.random.Generator) -> Track:
        """Draw the sources of one pool together, and say from which track."""
        change = self._drawn_change(random)
        if change is None:
            return self._read_sounding(out, pool, random)
        num_frames = change.num_source_frames(self.chunk_samples)
        excerpt = np.empty((*out.shape[:2], num_frames), dtype=np.float32)
        track = self._read_sounding(excerpt, pool, random)
        out[...] = change.apply(excerpt, self.sample_rate, self.chunk_samples)
        return track

    def _drawn_change(self, random: np.random.Generator) -> PitchTempoChange | None:
        if self._config.pitch_tempo is None:
            return None
        change = self._config.pitch_tempo.draw(random)
        return None if change.is_identity else change

    def _read_sounding(self, out: Audio, pool: ExcerptPool, random: np.random.Generator) -> Track:
        """Read excerpts until one is loud enough, and give its track."""
        level = self._config.redraw_below_dbfs
        for num_redraws in itertools.count():
            excerpt = pool.drawn(random, out.shape[2])
            for parts, source in zip(pool.sources, out, strict=True):
                self._read_sum(excerpt, parts, source)
            is_sounding = level is None or _lowest_rms(out) >= 10 ** (level / 20)
            if is_sounding or num_redraws == self._config.max_redraws:
                break
        return excerpt.track

    def _read_sum(self, excerpt: Excerpt, parts: tuple[str, ...], out: Audio) -> None:
        self._read_part(excerpt, parts[0], out)
        for part in parts[1:]:
            addend = np.empty_like(out)
            self._read_part(excerpt, part, addend)
            out += addend

    def _read_part(self, excerpt: Excerpt, stem: str, out: Audio) -> None:
        track, start = excerpt.track, excerpt.start
        path, num_frames = track.paths[stem], min(out.shape[1], track.num_frames - start)
        out[:, num_frames:] = 0
        if track.num_channels == self._num_channels:
            self._reader.read_into(path, start, out[:, :num_frames])
        else:
            out[:, :num_frames] = to_channels(self._reader.read(path, start, num_frames), self._num_channels)


def _pool(
    config: MixingConfig, tracks: Sequence[Track], sources: Sequence[str], chunk_samples: int
) -> ExcerptPool:
    return ExcerptPool(
        tracks,
        [config.parts_of(source) for source in sources],
        num_frames=config.most_source_frames(chunk_samples),
        is_padded=config.short_tracks == "pad",
        is_by_time=config.draw == "uniform_time",
    )


def mixture_of(batch: Tensor) -> Tensor:
    """Sum the sources of a batch: (batch, stem, channel, time) to (batch, channel, time)."""
    return batch.sum(dim=1)


def _lowest_rms(audio: Audio) -> float:
    """Lowest RMS among the sources of (stem, channel, time)."""
    powers: npt.NDArray[np.float64] = np.square(audio).mean(axis=(1, 2), dtype=np.float64)
    return float(np.sqrt(powers.min()))


def _check_groups(config: MixingConfig, sources: Sequence[str], tracks: Sequence[Track]) -> None:
    stems = {name for track in tracks for name in track.stems}
    if any(MIXTURE in config.parts_of(source) for source in sources):
        raise ConfigurationError(
            "the mixture is the sum of the sources and cannot be one of them",
            parameter="stems",
            expected=", ".join(sorted(stems)),
            found=MIXTURE,
        )
    for name, parts in (config.groups or {}).items():
        if name not in sources:
            raise ConfigurationError(
                "a group is none of the sources",
                parameter="mixing.groups",
                expected=", ".join(sources),
                found=name,
            )
        for part in parts:
            if part not in stems:
                raise ConfigurationError(
                    f"a part of the group {name} is a stem of no track",
                    parameter="mixing.groups",
                    expected=", ".join(sorted(stems)),
                    found=part,
                )
