from dataclasses import replace

import pytest

from sep_pipeline.reporting.page import load_listening, save_listening


def saved(folder, listening):
    save_listening(
        folder,
        listening.songs,
        seed=listening.seed,
        metric=listening.metric,
        data_hashes=listening.data_hashes,
    )


def test_what_is_saved_comes_back(small_page, tmp_path):
    saved(tmp_path / "listening", small_page.listening)
    assert load_listening(tmp_path / "listening") == small_page.listening


def test_a_new_list_leaves_nothing_of_the_old(small_page, tmp_path):
    folder = tmp_path / "listening"
    saved(folder, small_page.listening)
    saved(folder, replace(small_page.listening, songs=small_page.listening.songs[:1]))
    assert not list(folder.glob("1-*"))
    assert [song.name for song in load_listening(folder).songs] == ["one"]


def test_a_failure_leaves_the_old_list(small_page, tmp_path):
    folder = tmp_path / "listening"
    saved(folder, small_page.listening)

    def broken():
        yield small_page.listening.songs[1]
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        save_listening(folder, broken(), seed=1, metric="x", data_hashes={})
    assert load_listening(folder) == small_page.listening


def test_arms_are_listed_in_order(small_page):
    assert small_page.listening.arms == ("pretrained", "scratch")
