"""Batches of training chunks."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sep_pipeline.audio.io import read_audio, write_audio
from sep_pipeline.data.augmentation import Gain
from sep_pipeline.data.examples import StemExamples
from sep_pipeline.data.manifest import Track
from sep_pipeline.errors import ConfigurationError, StemMismatchError, TooShortError, UnreadableFileError

LENGTHS = (260, 330, 470)


@pytest.fixture
def tracks(tmp_path: Path) -> list[Track]:
    random = np.random.default_rng(3)
    made = []
    for number, length in enumerate(LENGTHS):
        stems = random.integers(-8000, 8000, size=(2, 2, length), dtype=np.int16)
        sources = {"drums": stems[0], "rest": stems[1], "mixture": stems.sum(axis=0, dtype=np.int16)}
        paths = {name: tmp_path / f"song_{number}" / f"{name}.wav" for name in sources}
        for name, audio in sources.items():
            write_audio(paths[name], audio, 8000)
        made.append(
            Track(
                set_name="toy",
                split="train",
                track_id=f"song_{number}",
                sample_rate=8000,
                num_channels=2,
                num_frames=length,
                paths=paths,
            )
        )
    return made


def examples(tracks: list[Track], **changes: Any) -> StemExamples:
    settings: dict[str, Any] = {"chunk_samples": 50, "batch_size": 4, "seed": 1} | changes
    return StemExamples(tracks, settings.pop("stems", ["mixture", "drums", "rest"]), **settings)


def test_a_batch_has_the_documented_axes(tracks: list[Track]) -> None:
    batch = examples(tracks).batch(0)
    assert batch.shape == (4, 3, 1, 50)
    assert batch.dtype == torch.float32
    assert examples(tracks, blend=None).batch(0).shape == (4, 3, 2, 50)


def test_unshifted_unshuffled_chunks_are_the_files_in_order(tracks: list[Track]) -> None:
    plain = examples(tracks, stems=["drums"], shift=False, epoch_shuffle=False, blend=None)
    first = read_audio(tracks[0].paths["drums"])[0]
    np.testing.assert_array_equal(plain.batch(0)[1, 0].numpy(), first[:, 50:100])


def test_mixture_and_stems_come_from_the_same_window_and_panning(tracks: list[Track]) -> None:
    batch = examples(tracks).batch(5)
    torch.testing.assert_close(batch[:, 0], batch[:, 1] + batch[:, 2], atol=1e-6, rtol=0)


def test_independent_blend_pans_mixture_and_stems_differently(tracks: list[Track]) -> None:
    batch = examples(tracks, blend="independent").batch(5)
    assert not torch.allclose(batch[:, 0], batch[:, 1] + batch[:, 2], atol=1e-3)


def test_a_batch_does_not_depend_on_what_was_read_before_or_by_which_thread(tracks: list[Track]) -> None:
    steps = [7, 0, 3, 3, 11, 2, 7]
    in_order = {step: examples(tracks).batch(step) for step in sorted(set(steps))}
    shared = examples(tracks)
    with ThreadPoolExecutor(4) as pool:
        for step, batch in zip(steps, pool.map(shared.batch, steps), strict=True):
            assert torch.equal(batch, in_order[step])


@pytest.mark.parametrize("change", [{"seed": 2}, {"shift": False}, {"epoch_shuffle": False}])
def test_seed_shift_and_order_change_the_batches(tracks: list[Track], change: dict[str, Any]) -> None:
    assert not torch.equal(examples(tracks).batch(0), examples(tracks, **change).batch(0))


def test_global_generators_are_left_alone(tracks: list[Track]) -> None:
    before_torch, before_numpy = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index]
    examples(tracks).batch(0)
    assert torch.equal(torch.random.get_rng_state(), before_torch)
    np.testing.assert_array_equal(np.random.get_state()[1], before_numpy)  # type: ignore[index]


def test_an_epoch_visits_each_window_at_most_once_and_drops_the_incomplete_batch(tracks: list[Track]) -> None:
    drawn = examples(tracks)
    assert drawn.num_items == sum(LENGTHS) // 50 == 21
    assert drawn.batches_per_epoch == 5
    for epoch in range(2):
        items = np.concatenate([drawn.items_of(epoch * 5 + batch) for batch in range(5)])
        assert len(set(items.tolist())) == 20


def test_epochs_have_different_orders(tracks: list[Track]) -> None:
    drawn = examples(tracks, batch_size=21)
    assert sorted(drawn.items_of(0)) == sorted(drawn.items_of(1)) == list(range(21))
    assert drawn.items_of(0).tolist() != drawn.items_of(1).tolist()


def test_a_batch_larger_than_the_material_repeats_windows_evenly(tracks: list[Track]) -> None:
    drawn = examples(tracks, batch_size=50)
    assert drawn.batches_per_epoch == 1
    counts = Counter(drawn.items_of(0).tolist())
    assert set(counts) == set(range(21))
    assert set(counts.values()) == {2, 3}
    assert len({chunk.numpy().tobytes() for chunk in drawn.batch(0)}) == 50


def test_a_share_of_the_timeline_uses_its_first_windows(tracks: list[Track]) -> None:
    drawn = examples(tracks, item_share=0.5, batch_size=10)
    assert sorted(drawn.items_of(0)) == list(range(10))


def test_transforms_come_before_the_blend(tracks: list[Track]) -> None:
    plain = examples(tracks, blend="off").batch(0)
    louder = examples(tracks, blend="off", transforms=[Gain(low=2.0, high=2.0)]).batch(0)
    torch.testing.assert_close(louder, 2 * plain)


def test_a_survey_is_the_same_every_time(tracks: list[Track]) -> None:
    first, second = list(examples(tracks).survey(8)), list(examples(tracks, batch_size=2).survey(8))
    assert len(first) == 3
    np.testing.assert_array_equal(np.stack(first), np.stack(second))


def test_a_missing_stem_is_named(tracks: list[Track]) -> None:
    with pytest.raises(StemMismatchError, match=r"track song_0 lacks a stem .*piano"):
        examples(tracks, stems=["piano"])


def test_another_sample_rate_is_named(tracks: list[Track]) -> None:
    tracks[1] = replace(tracks[1], sample_rate=16000)
    with pytest.raises(StemMismatchError, match="song_1 has another sample rate"):
        examples(tracks)


def test_another_number_of_channels_matters_only_without_a_blend(tracks: list[Track]) -> None:
    tracks[1] = replace(tracks[1], num_channels=1)
    examples(tracks)
    with pytest.raises(StemMismatchError, match="song_1 has another number of channels"):
        examples(tracks, blend=None)


def test_a_track_shorter_than_a_chunk_is_named(tracks: list[Track]) -> None:
    with pytest.raises(TooShortError, match="song_0"):
        examples(tracks, chunk_samples=300)


@pytest.mark.parametrize("change", [{"batch_size": 0}, {"item_share": 0.0}, {"item_share": 1.1}])
def test_numbers_out_of_range_are_refused(tracks: list[Track], change: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(change))):
        examples(tracks, **change)


def test_a_share_without_any_window_is_refused(tracks: list[Track]) -> None:
    with pytest.raises(TooShortError, match="item_share"):
        examples(tracks, item_share=0.01)


def test_a_track_cut_short_on_disk_is_named(tracks: list[Track]) -> None:
    path = tracks[2].paths["drums"]
    path.write_bytes(path.read_bytes()[:200])
    read: Callable[[int], object] = examples(tracks, stems=["drums"], shift=False, epoch_shuffle=False).batch
    with pytest.raises(UnreadableFileError, match=r"song_2.drums\.wav"):
        read(4)
