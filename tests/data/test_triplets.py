"""Triplets of random excerpts."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sep_pipeline.audio.io import write_audio
from sep_pipeline.audio.loudness import integrated_loudness
from sep_pipeline.data.augmentation import Audio, LoudnessLevels, PitchTempo
from sep_pipeline.data.manifest import Track
from sep_pipeline.data.triplets import ROLES, TripletConfig, TripletExamples
from sep_pipeline.errors import (
    ConfigurationError,
    NoInputError,
    SilentStemError,
    StemMismatchError,
    TooShortError,
)

STEMS = ("vocals", "drums", "bass", "other")
SAMPLE_RATE = 8000
CHUNK = 4000
NUM_TRACKS = 3
NUM_FRAMES = 2 * CHUNK

MakeTrack = Callable[..., Track]


def _row(stem: str, number: int, length: int) -> np.ndarray[Any, np.dtype[np.int16]]:
    """A tone whose frequency tells the stem and whose level tells the song."""
    tone = np.sin(2 * np.pi * 200 * (1 + STEMS.index(stem)) * np.arange(length) / SAMPLE_RATE)
    return (1000 * (number + 1) * tone).astype(np.int16)


@pytest.fixture
def make_track(tmp_path: Path) -> MakeTrack:
    def make(
        number: int,
        *,
        stems: tuple[str, ...] = STEMS,
        silent: tuple[str, ...] = (),
        sounds_from: int = 0,
        num_frames: int = NUM_FRAMES,
        num_channels: int = 1,
        sample_rate: int = SAMPLE_RATE,
    ) -> Track:
        paths = {}
        for stem in stems:
            paths[stem] = tmp_path / f"song_{number}" / f"{stem}.wav"
            row = _row(stem, number, num_frames)
            row[:sounds_from] = 0
            rows = np.stack([row // (1 + channel) * (stem not in silent) for channel in range(num_channels)])
            write_audio(paths[stem], rows.astype(np.int16), sample_rate)
        return Track(
            set_name="toy",
            split="train",
            track_id=f"song_{number}",
            sample_rate=sample_rate,
            num_channels=num_channels,
            num_frames=num_frames,
            paths=paths,
        )

    return make


@pytest.fixture
def tracks(make_track: MakeTrack) -> list[Track]:
    return [make_track(number) for number in range(NUM_TRACKS)]


def triplets(tracks: list[Track], **changes: Any) -> TripletExamples:
    settings: dict[str, Any] = {"stems": STEMS, "chunk_samples": CHUNK, "batch_size": 4, "seed": 1} | changes
    names = {"rule", "short_tracks", "gate_lufs", "max_redraws", "pitch_tempo"}
    config = TripletConfig(**{name: settings.pop(name) for name in names & set(settings)})
    return TripletExamples(tracks, settings.pop("stems"), config=config, **settings)


def origin(excerpt: torch.Tensor | Audio) -> tuple[str, int]:
    """Stem and song of an unchanged excerpt, (1, time)."""
    row = np.asarray(excerpt)[0]
    stem = int(np.abs(np.fft.rfft(row)).argmax() * SAMPLE_RATE / len(row) / 200) - 1
    return STEMS[stem], round(float(np.abs(row).max()) * 32768 / 1000) - 1


@dataclass(frozen=True)
class Louder:
    """Stands in for a change of pitch and tempo: multiplies, and reads `factor` times as much."""

    factor: int

    @property
    def is_identity(self) -> bool:
        return False

    def num_source_frames(self, num_frames: int) -> int:
        return self.factor * num_frames

    def apply(self, audio: Audio, sample_rate: int, num_frames: int) -> Audio:
        assert (audio.shape, sample_rate) == ((1, self.factor * num_frames), SAMPLE_RATE)
        return audio[..., :num_frames] * np.float32(self.factor)


@dataclass(frozen=True)
class DrawsLouder:
    tempo: tuple[float, float] = (1.0, 2.0)

    def draw(self, random: np.random.Generator) -> Louder:
        return Louder(int(random.integers(1, 3)))


def test_a_batch_has_the_documented_axes(tracks: list[Track]) -> None:
    examples = triplets(tracks)
    assert (examples.batch(0).shape, examples.batch(0).dtype) == ((4, 3, 1, CHUNK), torch.float32)
    assert (examples.labels(0).shape, examples.labels(0).dtype) == ((4, 3), torch.int64)
    assert ROLES == ("anchor", "positive", "negative")


def test_excerpts_are_of_the_labels_stems(tracks: list[Track]) -> None:
    examples = triplets(tracks, batch_size=20)
    found = [[origin(role)[0] for role in triplet] for triplet in examples.batch(3)]
    assert found == [[STEMS[label] for label in row] for row in examples.labels(3).tolist()]


def test_anchor_and_positive_are_of_one_stem_and_different_songs(tracks: list[Track]) -> None:
    for triplet in triplets(tracks, batch_size=40).batch(0):
        anchor, positive, negative = (origin(role) for role in triplet)
        assert anchor[0] == positive[0] != negative[0]
        assert anchor[1] != positive[1]


def test_all_pairs_of_stems_are_drawn_alike(tracks: list[Track]) -> None:
    labels = triplets(tracks, batch_size=24_000).labels(0)
    assert torch.equal(labels[:, 0], labels[:, 1])
    counts = Counter((STEMS[row[0]], STEMS[row[2]]) for row in labels.tolist())
    assert set(counts) == {(one, other) for one in STEMS for other in STEMS if one != other}
    assert all(abs(count - 2000) < 200 for count in counts.values())


def test_the_published_rule_never_uses_the_third_other_stem(tracks: list[Track]) -> None:
    labels = triplets(tracks, batch_size=20_000, rule="published").labels(0)
    counts = Counter((STEMS[row[0]], STEMS[row[2]]) for row in labels.tolist())
    assert set(counts) == {
        ("vocals", "drums"),
        ("vocals", "bass"),
        ("drums", "vocals"),
        ("drums", "bass"),
        ("bass", "vocals"),
        ("bass", "drums"),
        ("other", "vocals"),
        ("other", "drums"),
    }
    assert all(abs(count - 2500) < 230 for count in counts.values())


def test_the_published_rule_takes_one_song_as_often_as_any(tracks: list[Track]) -> None:
    examples = triplets(tracks, rule="published", num_items=300)
    found = [examples.item(number).track_ids for number in range(300)]
    assert 70 < sum(anchor == positive for anchor, positive, _ in found) < 130


def test_negatives_may_be_of_any_song(tracks: list[Track]) -> None:
    examples = triplets(tracks, num_items=300)
    found = [examples.item(number).track_ids for number in range(300)]
    assert 70 < sum(anchor == negative for anchor, _, negative in found) < 130


def test_items_know_where_they_come_from(tracks: list[Track]) -> None:
    item = triplets(tracks, num_items=9).item(5)
    found = [origin(role) for role in item.audio]
    assert [stem for stem, _ in found] == [STEMS[label] for label in item.labels]
    assert [f"song_{song}" for _, song in found] == list(item.track_ids)


def test_a_batch_is_a_pure_function_of_its_step(tracks: list[Track]) -> None:
    one, other = triplets(tracks), triplets(tracks, num_threads=1)
    other.batch(0)
    assert torch.equal(one.batch(7), other.batch(7))
    assert not torch.equal(one.batch(7), one.batch(8))
    assert not torch.equal(one.batch(7), triplets(tracks, seed=2).batch(7))


def test_examples_can_be_sent_to_another_process(tracks: list[Track]) -> None:
    examples = triplets(tracks)
    assert torch.equal(pickle.loads(pickle.dumps(examples)).batch(2), examples.batch(2))


def test_an_epoch_goes_through_all_items_once(tracks: list[Track]) -> None:
    examples = triplets(tracks, num_items=8)
    assert examples.batches_per_epoch == 2
    epochs = [torch.cat([examples.batch(step) for step in (first, first + 1)]) for first in (0, 2)]
    items = [examples.item(number).audio.tobytes() for number in range(8)]
    for epoch in epochs:
        assert sorted(row.numpy().tobytes() for row in epoch) == sorted(items)


def test_labels_of_fixed_items_follow_the_shuffle(tracks: list[Track]) -> None:
    examples = triplets(tracks, num_items=8)
    found = [STEMS.index(origin(triplet[2])[0]) for triplet in examples.batch(5)]
    assert examples.labels(5)[:, 2].tolist() == found


def test_an_endless_stream_has_no_epochs(tracks: list[Track]) -> None:
    with pytest.raises(ConfigurationError, match="num_items"):
        _ = triplets(tracks).batches_per_epoch


def test_stereo_songs_become_mono(make_track: MakeTrack) -> None:
    mono = triplets([make_track(number) for number in range(2)]).batch(0)
    stereo = triplets([make_track(number, num_channels=2) for number in range(2)]).batch(0)
    torch.testing.assert_close(stereo, 0.75 * mono, rtol=0, atol=1 / 32768)


def test_every_role_has_its_own_change_of_pitch_and_tempo(tracks: list[Track]) -> None:
    plain = triplets(tracks, batch_size=1, seed=4)
    changed = triplets(tracks, batch_size=60, seed=4, pitch_tempo=DrawsLouder())
    assert plain.labels(0).tolist() == changed.labels(0)[:1].tolist()
    factors = set()
    for triplet in changed.batch(0):
        factors.add(tuple(round(float(role.abs().max()) * 32768 / 1000) for role in triplet))
    assert len(factors) > 20


def test_real_changes_of_pitch_and_tempo_keep_the_length(tracks: list[Track]) -> None:
    change = PitchTempo(semitones=(-2.0, 2.0), tempo=(0.8, 1.2))
    found = triplets(tracks, batch_size=1, pitch_tempo=change).batch(0)
    assert found.shape == (1, 3, 1, CHUNK)
    assert bool(found.isfinite().all())


def test_transforms_see_all_roles_together(tracks: list[Track]) -> None:
    levels = LoudnessLevels(SAMPLE_RATE, reference_lufs=(-20.0, -20.0), level_db=(-5.0, 5.0))
    found = triplets(tracks, transforms=[levels]).batch(0)
    lufs = [integrated_loudness(role.numpy(), SAMPLE_RATE) for triplet in found for role in triplet]
    assert all(-25.01 < level < -14.99 for level in lufs)
    assert max(lufs) - min(lufs) > 3


def test_excerpts_under_the_gate_are_drawn_again(make_track: MakeTrack) -> None:
    silent = make_track(0, silent=STEMS)
    tracks = [silent, make_track(1), make_track(2)]
    examples = triplets(tracks, num_items=30)
    assert not any("song_0" in examples.item(number).track_ids for number in range(30))
    ungated = triplets(tracks, num_items=30, gate_lufs=None)
    assert any("song_0" in ungated.item(number).track_ids for number in range(30))


def test_rare_sounds_are_found_without_luck(make_track: MakeTrack) -> None:
    tracks = [make_track(number, num_frames=80_000, sounds_from=78_000) for number in range(2)]
    examples = triplets(tracks, num_items=6, max_redraws=0)
    for number in range(6):
        for role in examples.item(number).audio:
            assert integrated_loudness(role, SAMPLE_RATE) > -60


def test_a_stem_that_never_sounds_is_an_error(make_track: MakeTrack) -> None:
    examples = triplets([make_track(number, silent=("bass",)) for number in range(3)], batch_size=20)
    with pytest.raises(SilentStemError, match=r"bass.*gate_lufs.*-60\.0 LUFS.*3 songs"):
        examples.batch(0)


def test_a_stem_that_sounds_in_one_song_has_no_positive(make_track: MakeTrack) -> None:
    tracks = [make_track(number, silent=STEMS if number else ()) for number in range(3)]
    with pytest.raises(SilentStemError, match=r"in another song than song_0.*2 songs"):
        triplets(tracks).batch(0)


def test_the_check_finds_a_stem_that_never_sounds(make_track: MakeTrack) -> None:
    examples = triplets([make_track(number, silent=("bass",)) for number in range(3)])
    with pytest.raises(SilentStemError, match=r"bass is loud.*2 songs.*-60\.0 LUFS.*0 of 3 songs"):
        examples.check_sounding()


def test_the_check_asks_for_two_songs_only_where_the_rule_does(make_track: MakeTrack) -> None:
    tracks = [make_track(number, silent=("bass",) if number else ()) for number in range(3)]
    with pytest.raises(SilentStemError, match=r"found: 1 of 3 songs"):
        triplets(tracks).check_sounding()
    triplets(tracks, rule="published").check_sounding()


def test_the_check_finds_rare_sounds(make_track: MakeTrack) -> None:
    triplets(
        [make_track(number, num_frames=80_000, sounds_from=78_000) for number in range(2)]
    ).check_sounding()


def test_fewer_than_two_songs_of_a_stem_are_refused(make_track: MakeTrack) -> None:
    tracks = [make_track(0), make_track(1, stems=STEMS[:3]), make_track(2, stems=STEMS[:3])]
    with pytest.raises(NoInputError, match=r"only one has other.*at least 2 songs.*song_0"):
        triplets(tracks)
    assert triplets(tracks, rule="published").batch(0).shape[1] == 3


def test_a_stem_of_no_song_is_named(tracks: list[Track]) -> None:
    with pytest.raises(NoInputError, match="flute"):
        triplets(tracks, stems=(*STEMS, "flute"))


def test_songs_of_other_rates_are_refused(make_track: MakeTrack) -> None:
    with pytest.raises(StemMismatchError, match="song_1"):
        triplets([make_track(0), make_track(1, sample_rate=16_000)])


def test_short_songs_are_padded_or_refused(make_track: MakeTrack) -> None:
    tracks = [make_track(number, num_frames=3500) for number in range(2)]
    found = triplets(tracks).batch(0)
    assert not found[..., 3500:].any()
    assert bool((found[..., 3000:3500].abs().amax(dim=-1) > 0).all())
    with pytest.raises(TooShortError, match="song_0"):
        triplets(tracks, short_tracks="refuse")


def test_what_a_fast_tempo_reads_counts_as_length(tracks: list[Track]) -> None:
    change = PitchTempo(tempo=(1.0, 2.5))
    with pytest.raises(TooShortError, match="10000 samples"):
        triplets(tracks, short_tracks="refuse", pitch_tempo=change)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"rule": "biased"}, "triplets.rule"),
        ({"short_tracks": "drop"}, "triplets.short_tracks"),
        ({"max_redraws": -1}, "triplets.max_redraws"),
        ({"chunk_samples": 0}, "chunk_samples"),
        ({"batch_size": 0}, "batch_size"),
        ({"num_items": 0}, "num_items"),
        ({"num_threads": 0}, "num_threads"),
        ({"stems": ("vocals",)}, "at least 2 different"),
        ({"stems": ("vocals", "vocals", "bass")}, "different names"),
        ({"stems": ("vocals", "bass"), "rule": "published"}, "at least 3 different"),
        ({"chunk_samples": 3000}, "0.4 s"),
        ({"pitch_tempo": PitchTempo(tempo=(0.7, 1.0))}, "2800"),
    ],
)
def test_wrong_options_are_named(tracks: list[Track], changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        triplets(tracks, **changes)


def test_without_a_gate_excerpts_may_be_short(tracks: list[Track]) -> None:
    assert triplets(tracks, chunk_samples=100, gate_lufs=None).batch(0).shape == (4, 3, 1, 100)
