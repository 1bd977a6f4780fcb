"""Mixtures of random excerpts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sep_pipeline.audio.io import write_audio
from sep_pipeline.data.augmentation import Audio, Gain, PitchTempo
from sep_pipeline.data.examples import StemExamples
from sep_pipeline.data.manifest import Track
from sep_pipeline.data.mixing import MixingConfig, MixtureExamples, mixture_of
from sep_pipeline.errors import ConfigurationError, NoInputError, StemMismatchError, TooShortError

STEMS = ("drums", "bass", "piano", "flute")
# Every sample tells where it comes from: SPAN for each pair of stem and track, and its time.
SPAN = 2000
NUM_TRACKS = 4
LENGTHS = (900, 600, 1200, 700)

MakeTrack = Callable[..., Track]


@pytest.fixture
def make_track(tmp_path: Path) -> MakeTrack:
    def make(
        number: int, *, stems: tuple[str, ...] = STEMS, num_frames: int = 0, num_channels: int = 1
    ) -> Track:
        length = num_frames or LENGTHS[number]
        paths = {"mixture": tmp_path / f"song_{number}" / "mixture.wav"}
        for stem in stems:
            paths[stem] = tmp_path / f"song_{number}" / f"{stem}.wav"
            first = SPAN * (NUM_TRACKS * STEMS.index(stem) + number) - 2**14
            row = (first + np.arange(length)).astype(np.int16)
            write_audio(paths[stem], np.stack([row * (1 - channel) for channel in range(num_channels)]), 8000)
        return Track(
            set_name="toy",
            split="train",
            track_id=f"song_{number}",
            sample_rate=8000,
            num_channels=num_channels,
            num_frames=length,
            paths=paths,
        )

    return make


@pytest.fixture
def tracks(make_track: MakeTrack) -> list[Track]:
    return [make_track(number) for number in range(NUM_TRACKS)]


def mixtures(tracks: list[Track], **changes: Any) -> MixtureExamples:
    settings: dict[str, Any] = {"stems": STEMS[:3], "chunk_samples": 50, "batch_size": 4, "seed": 1} | changes
    names = {"mode", "groups", "short_tracks", "draw", "redraw_below_dbfs", "max_redraws", "pitch_tempo"}
    config = MixingConfig(**{name: settings.pop(name) for name in names & set(settings)})
    return MixtureExamples(tracks, settings.pop("stems"), config=config, **settings)


@dataclass(frozen=True)
class Origin:
    stem: str
    track: int
    start: int


def origin(excerpt: torch.Tensor | Audio) -> Origin:
    """Where an unchanged mono excerpt (1, time) was read."""
    number, start = divmod(round(float(excerpt[0, 0]) * 32768) + 2**14, SPAN)
    return Origin(STEMS[number // NUM_TRACKS], number % NUM_TRACKS, start)


def origins(batch: torch.Tensor) -> list[list[Origin]]:
    return [[origin(excerpt) for excerpt in example] for example in batch]


@dataclass(frozen=True)
class Louder:
    """Stands in for a change of pitch and tempo: multiplies, and reads `factor` times as much."""

    factor: int

    @property
    def is_identity(self) -> bool:
        return self.factor == 1

    def num_source_frames(self, num_frames: int) -> int:
        return self.factor * num_frames

    def apply(self, audio: Audio, sample_rate: int, num_frames: int) -> Audio:
        assert (audio.shape[-1], sample_rate) == (self.factor * num_frames, 8000)
        return audio[..., :: self.factor] * np.float32(self.factor)


@dataclass(frozen=True)
class DrawsLouder:
    high: int = 4
    low: int = 1

    @property
    def tempo(self) -> tuple[float, float]:
        return self.low, self.high

    def draw(self, random: np.random.Generator) -> Louder:
        return Louder(int(random.integers(self.low, self.high + 1)))


def test_a_batch_has_the_documented_axes(tracks: list[Track]) -> None:
    batch = mixtures(tracks).batch(0)
    assert (batch.shape, batch.dtype) == ((4, 3, 1, 50), torch.float32)


def test_excerpts_are_the_files_content(tracks: list[Track]) -> None:
    excerpt = mixtures(tracks).batch(0)[0, 1, 0].numpy()
    np.testing.assert_array_equal(excerpt * 32768, np.arange(50) + round(float(excerpt[0]) * 32768))


def test_sources_keep_the_order_of_their_names(tracks: list[Track]) -> None:
    batch = mixtures(tracks, stems=["piano", "drums"]).batch(0)
    assert [[place.stem for place in example] for example in origins(batch)] == [["piano", "drums"]] * 4


def test_coherent_sources_share_track_and_start(tracks: list[Track]) -> None:
    for example in origins(mixtures(tracks, batch_size=20).batch(0)):
        assert len({(place.track, place.start) for place in example}) == 1


def test_incoherent_sources_are_drawn_one_by_one(tracks: list[Track]) -> None:
    examples = origins(mixtures(tracks, mode="incoherent", batch_size=400).batch(0))
    same_track = sum(len({place.track for place in example}) == 1 for example in examples)
    assert 10 < same_track < 45  # One in 16 is expected.
    assert not any(len({place.start for place in example}) == 1 for example in examples)


def test_tracks_are_drawn_alike_and_starts_over_all_that_fit(tracks: list[Track]) -> None:
    drawn = [example[0] for example in origins(mixtures(tracks, batch_size=4000).batch(0))]
    counts = Counter(place.track for place in drawn)
    assert all(abs(counts[number] - 1000) < 120 for number in range(NUM_TRACKS))
    for number, length in enumerate(LENGTHS):
        starts = [place.start for place in drawn if place.track == number]
        assert min(starts) < 0.02 * length
        assert length - 50 - 0.02 * length < max(starts) <= length - 50
        assert abs(np.mean(starts) - (length - 50) / 2) < 0.06 * length


def test_every_start_that_fits_is_drawn_and_no_other(make_track: MakeTrack) -> None:
    drawn = origins(mixtures([make_track(0, num_frames=53)], batch_size=200).batch(0))
    assert {example[0].start for example in drawn} == {0, 1, 2, 3}


def test_tracks_can_be_drawn_by_their_length(tracks: list[Track]) -> None:
    drawn = origins(mixtures(tracks, draw="uniform_time", batch_size=3400).batch(0))
    counts = Counter(example[0].track for example in drawn)
    assert all(abs(counts[number] - length) < 0.15 * length for number, length in enumerate(LENGTHS))


def test_a_batch_depends_on_its_step_alone(tracks: list[Track]) -> None:
    shared = mixtures(tracks, mode="incoherent", pitch_tempo=DrawsLouder())
    for step in (7, 0, 3, 7):
        fresh = mixtures(tracks, mode="incoherent", pitch_tempo=DrawsLouder())
        np.testing.assert_array_equal(shared.batch(step), fresh.batch(step))


@pytest.mark.parametrize("change", [{"seed": 2}, {"mode": "incoherent"}, {"num_items": 100}])
def test_seed_mode_and_kind_of_stream_change_the_batches(tracks: list[Track], change: dict[str, Any]) -> None:
    assert not torch.equal(mixtures(tracks).batch(0), mixtures(tracks, **change).batch(0))


def test_steps_and_slots_differ(tracks: list[Track]) -> None:
    drawn = mixtures(tracks)
    examples = [example.numpy().tobytes() for step in range(5) for example in drawn.batch(step)]
    assert len(set(examples)) == 20


def test_global_generators_are_left_alone(tracks: list[Track]) -> None:
    before_torch, before_numpy = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index]
    mixtures(tracks, mode="incoherent").batch(0)
    assert torch.equal(torch.random.get_rng_state(), before_torch)
    np.testing.assert_array_equal(np.random.get_state()[1], before_numpy)  # type: ignore[index]


def test_a_fixed_set_has_the_same_mixtures_in_every_epoch_in_another_order(tracks: list[Track]) -> None:
    drawn = mixtures(tracks, num_items=12)
    assert drawn.batches_per_epoch == 3
    epochs = [
        [example.numpy().tobytes() for step in range(3) for example in drawn.batch(3 * epoch + step)]
        for epoch in range(2)
    ]
    assert len(set(epochs[0])) == 12
    assert set(epochs[0]) == set(epochs[1])
    assert epochs[0] != epochs[1]


def test_a_fixed_mixture_depends_on_its_number_alone(tracks: list[Track]) -> None:
    drawn = mixtures(tracks, num_items=6, batch_size=2, epoch_shuffle=False)
    larger = mixtures(tracks, num_items=8, batch_size=4, epoch_shuffle=False)
    np.testing.assert_array_equal(np.concatenate([drawn.batch(0), drawn.batch(1)]), larger.batch(0))
    np.testing.assert_array_equal(drawn.item(3), larger.batch(0)[3])


@pytest.mark.parametrize("mode", ["coherent", "incoherent"])
def test_a_fixed_mixture_comes_with_the_tracks_of_its_sources(tracks: list[Track], mode: str) -> None:
    drawn = mixtures(tracks, mode=mode, num_items=20)
    for number in range(20):
        audio, track_ids = drawn.item_with_tracks(number)
        np.testing.assert_array_equal(audio, drawn.item(number))
        assert track_ids == tuple(f"song_{origin(source).track}" for source in audio)
        assert mode == "incoherent" or len(set(track_ids)) == 1


def test_a_group_of_stems_has_one_track_id(tracks: list[Track]) -> None:
    groups = {"low": ("drums", "bass"), "high": ("piano", "flute")}
    drawn = mixtures(tracks, stems=["low", "high"], groups=groups, mode="incoherent", num_items=1)
    assert len(drawn.item_with_tracks(0)[1]) == 2


def test_a_stream_without_end_has_no_epochs(tracks: list[Track]) -> None:
    with pytest.raises(ConfigurationError, match="num_items"):
        _ = mixtures(tracks).batches_per_epoch


def test_coherent_mixtures_come_from_tracks_with_all_sources(make_track: MakeTrack) -> None:
    tracks = [make_track(0), make_track(1, stems=("drums", "bass")), make_track(2)]
    drawn = origins(mixtures(tracks, batch_size=60).batch(0))
    assert {example[0].track for example in drawn} == {0, 2}


def test_incoherent_sources_come_from_any_track_that_has_them(make_track: MakeTrack) -> None:
    tracks = [make_track(0, stems=("drums",)), make_track(1, stems=("bass",)), make_track(2, stems=STEMS[:3])]
    drawn = origins(mixtures(tracks, mode="incoherent", batch_size=60).batch(0))
    assert [{example[row].track for example in drawn} for row in range(3)] == [{0, 2}, {1, 2}, {2}]


@pytest.mark.parametrize("mode", ["coherent", "incoherent"])
def test_the_parts_of_a_group_come_from_one_take(tracks: list[Track], mode: str) -> None:
    groups = {"low": ("drums", "bass"), "high": ("piano", "flute")}
    batch = mixtures(tracks, stems=["low", "high"], groups=groups, mode=mode, batch_size=20).batch(0)
    for low, high in batch:
        # Equal times and tracks add up to twice the time and track.
        for total, stems in ((low, (0, 1)), (high, (2, 3))):
            own = round(float(total[0, 0]) * 32768) + 2**15 - SPAN * NUM_TRACKS * sum(stems)
            track, start = divmod(own // 2, SPAN)
            assert own % 2 == 0
            assert (track < NUM_TRACKS, start <= LENGTHS[track] - 50) == (True, True)


def test_a_group_can_stand_beside_a_stem(tracks: list[Track]) -> None:
    grouped = mixtures(tracks, stems=["band", "flute"], groups={"band": STEMS[:3]})
    apart = mixtures(tracks, stems=STEMS)
    torch.testing.assert_close(grouped.batch(0)[:, 0], apart.batch(0)[:, :3].sum(1), rtol=0, atol=1e-6)
    assert torch.equal(grouped.batch(0)[:, 1], apart.batch(0)[:, 3])


def test_short_tracks_are_read_from_their_start_and_padded_at_the_end(make_track: MakeTrack) -> None:
    batch = mixtures([make_track(1, num_frames=30)]).batch(0)
    assert {place.start for example in origins(batch) for place in example} == {0}
    assert not batch[..., 30:].any()
    assert batch[..., :30].all()


def test_coherent_sources_share_one_change(tracks: list[Track]) -> None:
    batch = mixtures(tracks, pitch_tempo=DrawsLouder(), batch_size=40).batch(0)
    steps = batch.diff(dim=-1)[..., 0, 0] * 32768
    assert torch.equal(steps, steps[:, :1].expand(-1, 3))
    # A factor f reads every f-th sample and multiplies by f.
    assert set(steps.flatten().tolist()) == {1.0, 4.0, 9.0, 16.0}


def test_incoherent_sources_have_their_own_changes(tracks: list[Track]) -> None:
    batch = mixtures(tracks, mode="incoherent", pitch_tempo=DrawsLouder(), batch_size=40).batch(0)
    steps = batch.diff(dim=-1)[..., 0, 0]
    assert not torch.equal(steps, steps[:, :1].expand(-1, 3))


def test_a_change_of_nothing_changes_nothing(tracks: list[Track]) -> None:
    batch = mixtures(tracks, pitch_tempo=DrawsLouder(high=1)).batch(0)
    np.testing.assert_array_equal(batch.diff(dim=-1) * 32768, np.ones((4, 3, 1, 49)))


def test_what_a_fast_tempo_lacks_is_padded(make_track: MakeTrack) -> None:
    batch = mixtures([make_track(0, num_frames=100)], pitch_tempo=DrawsLouder(low=4)).batch(0)
    assert batch[..., :25].all()
    assert not batch[..., 25:].any()


def test_transforms_come_last(tracks: list[Track]) -> None:
    changed = mixtures(tracks, pitch_tempo=DrawsLouder(), transforms=[Gain(low=2.0, high=2.0)]).batch(3)
    np.testing.assert_array_equal(changed, 2 * mixtures(tracks, pitch_tempo=DrawsLouder()).batch(3))


def test_one_channel_is_the_mean_of_all(make_track: MakeTrack) -> None:
    stereo, mono = make_track(0, num_channels=2), make_track(1)
    batch = mixtures([stereo, mono], num_channels=1, batch_size=30).batch(0)
    assert batch.shape == (30, 3, 1, 50)
    # The stereo track's right channel is silent.
    assert set((batch.diff(dim=-1) * 32768).flatten().tolist()) == {0.5, 1.0}


def test_channels_are_kept_otherwise(make_track: MakeTrack) -> None:
    batch = mixtures([make_track(0, num_channels=2)]).batch(0)
    assert batch.shape == (4, 3, 2, 50)
    assert not batch[:, :, 1].any()


@pytest.fixture
def half_silent(make_track: MakeTrack) -> Track:
    """A track whose drums are silent in the first half."""
    track = make_track(0, num_frames=1000)
    audio = np.full((1, 1000), 8000, dtype=np.int16)
    audio[:, :500] = 0
    write_audio(track.paths["drums"], audio, 8000)
    return track


def test_silent_excerpts_are_drawn_again(half_silent: Track) -> None:
    gated = mixtures([half_silent], redraw_below_dbfs=-60.0, max_redraws=30, batch_size=200).batch(0)
    assert gated[:, 0].any(dim=-1).all()


def test_nothing_is_drawn_again_without_a_gate(half_silent: Track) -> None:
    free = mixtures([half_silent], batch_size=200).batch(0)
    assert 60 < int((~free[:, 0].any(dim=-1)).sum()) < 130


def test_the_last_of_the_tries_is_kept_whatever_it_is(half_silent: Track) -> None:
    write_audio(half_silent.paths["drums"], np.zeros((1, 1000), dtype=np.int16), 8000)
    batch = mixtures([half_silent], redraw_below_dbfs=-60.0).batch(0)
    assert not batch[:, 0].any()


def test_a_gate_redraws_the_silent_source_alone_when_incoherent(half_silent: Track) -> None:
    settings: dict[str, Any] = {"mode": "incoherent", "stems": ["bass", "drums"], "batch_size": 50}
    gated = mixtures([half_silent], redraw_below_dbfs=-60.0, **settings).batch(0)
    free = mixtures([half_silent], **settings).batch(0)
    assert torch.equal(gated[:, 0], free[:, 0])
    assert not torch.equal(gated[:, 1], free[:, 1])


def test_the_mixture_is_the_sum_of_the_sources(tracks: list[Track]) -> None:
    batch = mixtures(tracks).batch(0)
    assert torch.equal(mixture_of(batch), batch[:, 0] + batch[:, 1] + batch[:, 2])


def test_random_excerpts_equal_windows_of_the_grid_at_the_same_place(tracks: list[Track]) -> None:
    excerpt = mixtures(tracks[:1]).batch(0)[0]
    grid = StemExamples(tracks[:1], STEMS[:3], chunk_samples=50, batch_size=1, seed=0, blend=None)
    item, shift = divmod(origin(excerpt[0]).start, 50)
    np.testing.assert_array_equal(excerpt, grid.read_window(item, shift))


def test_a_source_that_no_track_has_is_named(make_track: MakeTrack) -> None:
    with pytest.raises(NoInputError, match=r"expected: flute; found: drums"):
        mixtures([make_track(0, stems=("drums",))], stems=["drums", "flute"], mode="incoherent")


def test_sources_that_no_track_has_together_are_named(make_track: MakeTrack) -> None:
    tracks = [make_track(0, stems=("drums",)), make_track(1, stems=("bass",))]
    with pytest.raises(NoInputError, match="expected: bass, drums"):
        mixtures(tracks, stems=["drums", "bass"])


def test_no_tracks_at_all_are_refused() -> None:
    with pytest.raises(NoInputError, match="no tracks"):
        mixtures([])


def test_another_sample_rate_is_named(tracks: list[Track]) -> None:
    tracks[1] = replace(tracks[1], sample_rate=16000)
    with pytest.raises(StemMismatchError, match="song_1 has another sample rate"):
        mixtures(tracks)


def test_another_number_of_channels_is_named(make_track: MakeTrack) -> None:
    with pytest.raises(StemMismatchError, match="song_1 has another number of channels"):
        mixtures([make_track(0), make_track(1, num_channels=2)])


def test_short_tracks_can_be_refused(tracks: list[Track]) -> None:
    with pytest.raises(TooShortError, match=r"song_1 .*expected: 650 samples; found: 600 samples"):
        mixtures(tracks, chunk_samples=650, short_tracks="refuse")


def test_an_empty_track_is_refused(tracks: list[Track]) -> None:
    tracks[2] = replace(tracks[2], num_frames=0)
    with pytest.raises(TooShortError, match="song_2"):
        mixtures(tracks)


def test_the_mixture_is_no_source(tracks: list[Track]) -> None:
    with pytest.raises(ConfigurationError, match="found: mixture"):
        mixtures(tracks, stems=["mixture", "drums"])


@pytest.mark.parametrize(
    ("groups", "found"), [({"low": ("drums", "tuba")}, "tuba"), ({"high": ("flute",)}, "high")]
)
def test_unknown_names_in_groups_are_refused(
    tracks: list[Track], groups: dict[str, tuple[str, ...]], found: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"found: {found}"):
        mixtures(tracks, stems=["low", "piano"], groups=groups)


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "both"},
        {"draw": "longest"},
        {"short_tracks": "loop"},
        {"groups": {"low": ()}},
        {"groups": {"low": "drums"}},
        {"groups": {"low": ("drums", "drums")}},
        {"max_redraws": -1},
        {"redraw_below_dbfs": 3.0},
        {"redraw_below_dbfs": float("nan")},
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"mixing.{next(iter(change))}"):
        MixingConfig(**change)


@pytest.mark.parametrize(
    "change", [{"batch_size": 0}, {"chunk_samples": 0}, {"num_items": 0}, {"stems": []}], ids=str
)
def test_numbers_out_of_range_are_refused(tracks: list[Track], change: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(change))):
        mixtures(tracks, **change)


def test_room_for_the_fastest_tempo_is_demanded_when_padding_is_refused(make_track: MakeTrack) -> None:
    settings: dict[str, Any] = {"short_tracks": "refuse", "chunk_samples": 200}
    mixtures([make_track(1)], **settings)
    with pytest.raises(TooShortError, match=r"song_1 .*expected: 800 samples; found: 600 samples"):
        mixtures([make_track(1)], pitch_tempo=DrawsLouder(), **settings)


def test_pitch_and_tempo_are_those_of_the_augmentation(tracks: list[Track]) -> None:
    change = PitchTempo(semitones=(2.0, 2.0), tempo=(1.25, 1.25))
    changed_batch = mixtures(tracks[:1], chunk_samples=720, pitch_tempo=change, batch_size=1).batch(0)
    whole = mixtures(tracks[:1], chunk_samples=900, batch_size=1).batch(0)
    drawn = change.draw(np.random.default_rng(0))
    expected = drawn.apply(whole[0].numpy(), 8000, 720)
    np.testing.assert_array_equal(changed_batch[0], expected)


def test_no_file_stays_open(make_track: MakeTrack, tmp_path: Path) -> None:
    first = make_track(0)
    tracks = []
    for number in range(20):
        paths = {stem: tmp_path / f"{number}_{stem}.wav" for stem in STEMS}
        for stem, path in paths.items():
            path.write_bytes(first.paths[stem].read_bytes())
        tracks.append(replace(first, track_id=str(number), paths=paths))
    drawn = mixtures(tracks, batch_size=1)
    drawn.batch(0)
    before = num_open_files()
    for step in range(1, 201):
        drawn.batch(step)
    assert num_open_files() == before


def num_open_files() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())
