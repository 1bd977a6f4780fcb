"""Batches of triplets: two excerpts of one stem and one of another, each a pure function of its number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from sep_pipeline.audio.channels import to_channels
from sep_pipeline.audio.loudness import BLOCK_SECONDS, integrated_loudness
from sep_pipeline.data.assembly import BatchAssembler
from sep_pipeline.data.augmentation import Audio, PitchTempo, PitchTempoChange, Transform, applied
from sep_pipeline.data.chunks import ChunkReader
from sep_pipeline.data.drawing import ExampleStreams, check_positive, check_word
from sep_pipeline.data.excerpts import Excerpt, ExcerptPool, check_alike
from sep_pipeline.data.manifest import Track
from sep_pipeline.data.mixing import ShortTracks
from sep_pipeline.errors import ConfigurationError, NoInputError, SilentStemError

TripletRule = Literal["corrected", "published"]

ROLES = ("anchor", "positive", "negative")
"""What the excerpts of a triplet are, in the order of their axis."""


@dataclass(frozen=True, kw_only=True)
class TripletConfig:
    """Which excerpts make a triplet.

    Attributes:
        rule: "corrected" takes anchor and positive from different songs and draws the negative's stem uniformly
            from all others. "published" draws anchor and positive independently, so that they may be of one
            song, and leaves out the last of the other stems: with vocals, drums, bass and other in this order
            as the study had them, the negative never is "other".
        short_tracks: What happens to tracks shorter than what is read from them: "pad" puts zeros at the end
            of the excerpt, "refuse" is an error.
        gate_lufs: Song and start are drawn again when the integrated loudness of the excerpt is under this,
            before any change of pitch; None takes whatever comes.
        max_redraws: Redraws after which the excerpt is drawn among those that were found to sound.
        pitch_tempo: Draws a change of pitch and tempo for every role.

    Raises:
        ConfigurationError: A word is unknown or a number is out of range.
    """

    rule: TripletRule = "corrected"
    short_tracks: ShortTracks = "pad"
    gate_lufs: float | None = -60.0
    max_redraws: int = 10
    pitch_tempo: PitchTempo | None = None

    def __post_init__(self) -> None:
        check_word("triplets.rule", self.rule, get_args(TripletRule))
        check_word("triplets.short_tracks", self.short_tracks, get_args(ShortTracks))
        if self.max_redraws < 0:
            raise ConfigurationError(
                "not a number of redraws",
                parameter="triplets.max_redraws",
                expected=">= 0",
                found=self.max_redraws,
            )

    def source_frames(self, num_frames: int) -> tuple[int, int]:
        """Fewest and most frames that are read for an excerpt."""
        tempi = (1.0, 1.0) if self.pitch_tempo is None else self.pitch_tempo.tempo
        slow, fast = (PitchTempoChange(tempo=tempo).num_source_frames(num_frames) for tempo in tempi)
        return min(slow, num_frames), max(fast, num_frames)


@dataclass(frozen=True)
class Triplet:
    """One example.

    Attributes:
        audio: float32, (role, 1, time).
        labels: Number of each role's stem.
        track_ids: Song of each role.
    """

    audio: Audio
    labels: tuple[int, ...]
    track_ids: tuple[str, ...]


class TripletExamples:
    """Random triplets of mono excerpts.

    Tracks may lack stems. Without `num_items` the stream never repeats: a triplet depends on seed, step and slot.
    With it there are so many different ones, the same in every epoch: a triplet depends on the seed and its
    number, and the order is that of `EpochOrder`. Any thread may call.

    Args:
        tracks: Tracks to draw from.
        stems: Names of the stems, whose numbers are the labels.
        chunk_samples: Samples per excerpt.
        batch_size: Triplets per batch.
        seed: Seed of everything random.
        config: How to draw.
        transforms: Random changes of the finished triplet, float32 (role, 1, time), in order.
        num_items: Number of different triplets; None for as many as are asked for.
        epoch_shuffle: Whether the order of the items is random; otherwise it is that of their numbers.
        num_threads: Threads that make the triplets of a batch side by side; without effect on them.

    Raises:
        ConfigurationError: A number is out of range, there are too few stems, or excerpts are too short to be
            measured.
        NoInputError: No track has a stem, or only one has and the rule asks for different songs.
        StemMismatchError: Sample rates differ.
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
        config: TripletConfig | None = None,
        transforms: Sequence[Transform] = (),
        num_items: int | None = None,
        epoch_shuffle: bool = True,
        num_threads: int = 2,
    ) -> None:
        self._config = config or TripletConfig()
        check_positive(
            chunk_samples=chunk_samples, batch_size=batch_size, num_items=num_items, num_threads=num_threads
        )
        self.stems, self.batch_size, self.seed = tuple(stems), batch_size, seed
        self.chunk_samples, self.num_items = chunk_samples, num_items
        _check_stems(self.stems, self._config.rule)
        self._pools = [_pool(self._config, tracks, stem, chunk_samples) for stem in stems]
        used = [track for pool in self._pools for track in pool.tracks]
        check_alike(used, has_own_channels=False)
        self.sample_rate = used[0].sample_rate
        _check_measurable(self._config, chunk_samples, self.sample_rate)
        self._streams = ExampleStreams(seed, batch_size, num_items, is_shuffled=epoch_shuffle)
        self._transforms = tuple(transforms)
        self._reader, self._assembler = ChunkReader(), BatchAssembler(num_threads)
        self._sounding: dict[int, list[Excerpt]] = {}

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
            float32, (batch, role, 1, time), in [-1, 1] before changes and transforms; see `ROLES`.

        Raises:
            SilentStemError: No excerpt of a stem is loud enough, in another song than the anchor's for a positive.
            UnreadableFileError: A file is missing, is no audio file or is truncated.
        """
        streams = self._streams.of_step(step)

        def example(slot: int, room: Audio | None) -> Audio:  # noqa: ARG001
            return self._triplet(streams[slot]).audio

        return self._assembler.assembled(self.batch_size, None, example)

    def check_sounding(self) -> None:
        """Make sure that every role of every stem finds an excerpt that is loud enough.

        Of every stem as many songs are read as are needed to say so.

        Raises:
            SilentStemError: A stem sounds in no song, or in one alone where the rule asks for two.
            UnreadableFileError: A file is missing, is no audio file or is truncated.
        """
        num_needed = 2 if self._config.rule == "corrected" else 1
        for label, pool in enumerate(self._pools):
            num_found = 0
            for track in pool.tracks:
                num_found += next(self._windows(track, label), None) is not None
                if num_found == num_needed:
                    break
            else:
                raise SilentStemError(
                    f"{self.stems[label]} is loud enough in too few songs",
                    parameter="triplets.gate_lufs",
                    expected=f"{num_needed} songs with an excerpt of {self._config.gate_lufs} LUFS or more",
                    found=f"{num_found} of {len(pool.tracks)} songs",
                )

    def labels(self, step: int) -> Tensor:
        """Numbers of the stems in the batch of a step, without reading any audio: int64, (batch, role)."""
        return torch.tensor([self._drawn_labels(random) for random in self._streams.of_step(step)])

    def item(self, number: int) -> Triplet:
        """Draw and read one of the fixed triplets, whatever the batch it is in; numbers begin at 0."""
        return self._triplet(self._streams.of_item(number))

    def _triplet(self, random: np.random.Generator) -> Triplet:
        labels = self._drawn_labels(random)
        audio = np.empty((len(ROLES), 1, self.chunk_samples), dtype=np.float32)
        anchor = self._fill(audio[0], labels[0], None, random)
        positive = self._fill(
            audio[1], labels[1], anchor if self._config.rule == "corrected" else None, random
        )
        negative = self._fill(audio[2], labels[2], None, random)
        ids = tuple(track.track_id for track in (anchor, positive, negative))
        return Triplet(applied(self._transforms, audio, random), labels, ids)

    def _drawn_labels(self, random: np.random.Generator) -> tuple[int, ...]:
        """The first draws of a stream, so that labels can be known alone."""
        num_others = len(self.stems) - 1 - (self._config.rule == "published")
        anchor, place = int(random.integers(len(self.stems))), int(random.integers(num_others))
        return anchor, anchor, place + (place >= anchor)

    def _fill(self, out: Audio, label: int, avoided: Track | None, random: np.random.Generator) -> Track:
        """Draw and read one role, (1, time), and say from which track."""
        drawn = self._config.pitch_tempo
        change = PitchTempoChange() if drawn is None else drawn.draw(random)
        if change.is_identity:
            return self._read_sounding(out, label, avoided, random)
        excerpt = np.empty((1, change.num_source_frames(self.chunk_samples)), dtype=np.float32)
        track = self._read_sounding(excerpt, label, avoided, random)
        out[...] = change.apply(excerpt, self.sample_rate, self.chunk_samples)
        return track

    def _read_sounding(
        self, out: Audio, label: int, avoided: Track | None, random: np.random.Generator
    ) -> Track:
        tracks = [track for track in self._pools[label].tracks if track is not avoided]
        for _ in range(self._config.max_redraws + 1):
            track = tracks[int(random.integers(len(tracks)))]
            start = int(random.integers(max(0, track.num_frames - out.shape[1]) + 1))
            self._read(Excerpt(track, start), label, out)
            if self._is_sounding(out):
                return track
        place = self._chosen_sounding(label, avoided, random)
        latest = max(0, place.track.num_frames - out.shape[1])
        self._read(Excerpt(place.track, min(place.start, latest)), label, out)
        return place.track

    def _chosen_sounding(self, label: int, avoided: Track | None, random: np.random.Generator) -> Excerpt:
        places = [place for place in self._sounding_places(label) if place.track is not avoided]
        if not places:
            another = "" if avoided is None else f" in another song than {avoided.track_id}"
            num_songs = len(self._pools[label].tracks) - (avoided is not None)
            raise SilentStemError(
                f"no excerpt of {self.stems[label]} is loud enough{another}",
                parameter="triplets.gate_lufs",
                expected=f"{self._config.gate_lufs} LUFS or more",
                found=f"quieter ones only, in {num_songs} songs",
            )
        return places[int(random.integers(len(places)))]

    def _sounding_places(self, label: int) -> list[Excerpt]:
        """Windows at distances of half a chunk that are loud enough; all tracks are read for it, but once."""
        # Threads that come at the same time find the same.
        if label not in self._sounding:
            self._sounding[label] = [
                place for track in self._pools[label].tracks for place in self._windows(track, label)
            ]
        return self._sounding[label]

    def _windows(self, track: Track, label: int) -> Iterator[Excerpt]:
        excerpt = np.empty((1, self.chunk_samples), dtype=np.float32)
        last = max(0, track.num_frames - self.chunk_samples)
        for start in (*range(0, last, max(1, self.chunk_samples // 2)), last):
            place = Excerpt(track, start)
            self._read(place, label, excerpt)
            if self._is_sounding(excerpt):
                yield place

    def _is_sounding(self, excerpt: Audio) -> bool:
        gate = self._config.gate_lufs
        return gate is None or integrated_loudness(excerpt, self.sample_rate) >= gate

    def _read(self, place: Excerpt, label: int, out: Audio) -> None:
        num_frames = min(out.shape[1], place.track.num_frames - place.start)
        read = self._reader.read(place.track.paths[self.stems[label]], place.start, num_frames)
        out[:, :num_frames] = to_channels(read, 1)
        out[:, num_frames:] = 0


def _pool(config: TripletConfig, tracks: Sequence[Track], stem: str, chunk_samples: int) -> ExcerptPool:
    pool = ExcerptPool(
        tracks,
        [(stem,)],
        num_frames=config.source_frames(chunk_samples)[1],
        is_padded=config.short_tracks == "pad",
        is_by_time=False,
    )
    if config.rule == "corrected" and len(pool.tracks) < 2:
        raise NoInputError(
            f"anchor and positive come from different songs, but only one has {stem}",
            parameter="stems",
            expected="at least 2 songs",
            found=pool.tracks[0].track_id,
        )
    return pool


def _check_stems(stems: tuple[str, ...], rule: TripletRule) -> None:
    fewest = 3 if rule == "published" else 2
    if len(set(stems)) < len(stems) or len(stems) < fewest:
        raise ConfigurationError(
            f"the {rule} rule cannot draw a negative",
            parameter="stems",
            expected=f"at least {fewest} different names",
            found=", ".join(stems),
        )


def _check_measurable(config: TripletConfig, chunk_samples: int, sample_rate: int) -> None:
    shortest = config.source_frames(chunk_samples)[0]
    if config.gate_lufs is not None and shortest < BLOCK_SECONDS * sample_rate:
        raise ConfigurationError(
            f"the loudness of less than {BLOCK_SECONDS} s cannot be measured",
            parameter="chunk_samples",
            expected=f"excerpts of at least {BLOCK_SECONDS * sample_rate:.0f} samples, or no triplets.gate_lufs",
            found=shortest,
        )
