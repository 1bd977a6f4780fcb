import errno
import hashlib
import os
from pathlib import Path

import pytest

from sep_pipeline.errors import NoInputError, StorageError
from sep_pipeline.files import (
    file_digest,
    folder_written_aside,
    require_writable,
    storage_errors,
    tree_digest,
    write_text,
    written_aside,
)


class StopError(Exception):
    """What a failing writer raises in these tests."""


def disk_is_full() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def write_half(path: Path, error: Exception) -> None:
    with written_aside(path) as aside:
        aside.write_text("half")
        raise error


def fill_half(folder: Path, error: Exception) -> None:
    with folder_written_aside(folder) as aside:
        (aside / "new.txt").touch()
        raise error


def replace_folder(folder: Path) -> None:
    with folder_written_aside(folder) as aside:
        (aside / "new.txt").touch()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class TestWrittenAside:
    def test_the_file_appears_with_the_content_of_the_block(self, tmp_path: Path) -> None:
        with written_aside(tmp_path / "a.txt") as aside:
            aside.write_text("new")
        assert (tmp_path / "a.txt").read_text() == "new"

    def test_nothing_stands_at_the_path_while_the_block_runs(self, tmp_path: Path) -> None:
        with written_aside(tmp_path / "a.txt") as aside:
            aside.write_text("new")
            assert not (tmp_path / "a.txt").exists()

    def test_missing_folders_are_made(self, tmp_path: Path) -> None:
        write_text(tmp_path / "one" / "two" / "a.txt", "new")
        assert (tmp_path / "one" / "two" / "a.txt").read_text() == "new"

    def test_the_temporary_name_keeps_the_suffix(self, tmp_path: Path) -> None:
        with written_aside(tmp_path / "a.wav") as aside:
            aside.touch()
            assert aside.suffix == ".wav"

    def test_nothing_is_left_when_the_block_fails(self, tmp_path: Path) -> None:
        with pytest.raises(StopError):
            write_half(tmp_path / "a.txt", StopError())
        assert names(tmp_path) == []

    def test_the_old_content_is_kept_when_the_block_fails(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text("old")
        with pytest.raises(StopError):
            write_half(tmp_path / "a.txt", StopError())
        assert (tmp_path / "a.txt").read_text() == "old"

    def test_a_file_in_place_of_the_folder_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "taken").write_text("a file")
        with (
            pytest.raises(StorageError, match="a file stands where a folder should be"),
            written_aside(tmp_path / "taken" / "song.txt") as aside,
        ):
            aside.write_text("new")
        assert (tmp_path / "taken").read_text() == "a file"

    def test_a_full_disk_names_the_file(self, tmp_path: Path) -> None:
        with pytest.raises(StorageError, match=r"the disk is full \(file: .*a\.txt\)"):
            write_half(tmp_path / "a.txt", disk_is_full())

    def test_a_full_disk_at_the_last_moment_keeps_the_old_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(_: int) -> None:
            raise disk_is_full()

        write_text(tmp_path / "a.txt", "old")
        monkeypatch.setattr("sep_pipeline.files.os.fsync", fail)
        with pytest.raises(StorageError):
            write_text(tmp_path / "a.txt", "new")
        assert (tmp_path / "a.txt").read_text() == "old"
        assert names(tmp_path) == ["a.txt"]

    def test_what_a_killed_process_left_is_neither_used_nor_removed(self, tmp_path: Path) -> None:
        leftover = tmp_path / ".a.1.partial.txt"
        leftover.write_text("half of another process")
        write_text(tmp_path / "a.txt", "whole")
        assert (tmp_path / "a.txt").read_text() == "whole"
        assert leftover.exists()

    def test_a_leftover_of_the_same_name_is_overwritten(self, tmp_path: Path) -> None:
        (tmp_path / f".a.{os.getpid()}.partial.txt").write_text("a long leftover of an earlier process")
        write_text(tmp_path / "a.txt", "whole")
        assert (tmp_path / "a.txt").read_text() == "whole"


class TestFolderWrittenAside:
    def test_the_folder_appears_whole(self, tmp_path: Path) -> None:
        with folder_written_aside(tmp_path / "songs") as aside:
            (aside / "a.txt").write_text("a")
            assert not (tmp_path / "songs").exists()
        assert names(tmp_path / "songs") == ["a.txt"]

    def test_the_old_folder_is_replaced_and_not_merged(self, tmp_path: Path) -> None:
        (tmp_path / "songs").mkdir()
        (tmp_path / "songs" / "old.txt").touch()
        with folder_written_aside(tmp_path / "songs") as aside:
            (aside / "new.txt").touch()
        assert names(tmp_path / "songs") == ["new.txt"]
        assert names(tmp_path) == ["songs"]

    def test_the_old_folder_is_kept_when_the_block_fails(self, tmp_path: Path) -> None:
        (tmp_path / "songs").mkdir()
        (tmp_path / "songs" / "old.txt").touch()
        with pytest.raises(StopError):
            fill_half(tmp_path / "songs", StopError())
        assert names(tmp_path / "songs") == ["old.txt"]
        assert names(tmp_path) == ["songs"]

    def test_the_old_folder_is_kept_when_the_exchange_fails(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "songs").mkdir()
        (tmp_path / "songs" / "old.txt").touch()
        replace = Path.replace

        def fail_for_the_new_one(source: Path, target: Path) -> Path:
            if source.name.endswith(".partial"):
                raise disk_is_full()
            return replace(source, target)

        monkeypatch.setattr(Path, "replace", fail_for_the_new_one)
        with pytest.raises(StorageError):
            replace_folder(tmp_path / "songs")
        assert names(tmp_path / "songs") == ["old.txt"]

    def test_a_leftover_is_emptied_first(self, tmp_path: Path) -> None:
        leftover = tmp_path / f".songs.{os.getpid()}.partial"
        leftover.mkdir()
        (leftover / "half.txt").touch()
        with folder_written_aside(tmp_path / "songs") as aside:
            (aside / "new.txt").touch()
        assert names(tmp_path / "songs") == ["new.txt"]


class TestStorageErrors:
    @pytest.mark.parametrize(
        ("number", "words"),
        [
            (errno.ENOSPC, "the disk is full"),
            (errno.EDQUOT, "the disk quota is used up"),
            (errno.EACCES, "the folder is not writable"),
            (errno.EROFS, "the file system is read-only"),
            (errno.ENOTDIR, "a file stands where a folder should be"),
        ],
    )
    def test_the_reason_is_put_in_words(self, tmp_path: Path, number: int, words: str) -> None:
        with pytest.raises(StorageError, match=words), storage_errors(tmp_path / "a"):
            raise OSError(number, os.strerror(number))

    def test_other_failures_of_the_system_stay_what_they_are(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError), storage_errors(tmp_path / "a"):
            raise FileNotFoundError(errno.ENOENT, "gone")

    def test_an_error_number_in_the_words_of_a_compiled_writer_counts(self, tmp_path: Path) -> None:
        with pytest.raises(StorageError, match="the disk is full"), storage_errors(tmp_path / "a"):
            raise RuntimeError("I/O error: No space left on device (os error 28)")

    def test_a_wrapped_failure_of_the_system_counts(self, tmp_path: Path) -> None:
        with pytest.raises(StorageError, match="the disk is full"), storage_errors(tmp_path / "a"):
            raise RuntimeError("saving failed") from disk_is_full()

    def test_an_unexplained_failure_on_a_full_disk_counts(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        usage = type("usage", (), {"free": 0})
        monkeypatch.setattr("sep_pipeline.files.shutil.disk_usage", lambda _: usage)
        with pytest.raises(StorageError, match="the disk is full"), storage_errors(tmp_path / "a"):
            raise RuntimeError("System error.")

    def test_an_unexplained_failure_on_a_disk_with_room_stays(self, tmp_path: Path) -> None:
        with pytest.raises(StopError), storage_errors(tmp_path / "a"):
            raise StopError

    def test_errors_of_the_project_pass_through(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        usage = type("usage", (), {"free": 0})
        monkeypatch.setattr("sep_pipeline.files.shutil.disk_usage", lambda _: usage)
        with pytest.raises(NoInputError), storage_errors(tmp_path / "a"):
            raise NoInputError("there are no songs")


class TestDigests:
    def test_file_digest_is_sha256_of_the_content(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"abc")
        assert file_digest(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()

    def test_tree_digest_is_the_same_for_an_untouched_tree(self, tmp_path: Path) -> None:
        write_text(tmp_path / "one" / "a.txt", "a")
        assert tree_digest(tmp_path) == tree_digest(tmp_path)

    @pytest.mark.parametrize("change", ["content", "new file", "new name"])
    def test_tree_digest_changes_with_the_tree(self, tmp_path: Path, change: str) -> None:
        write_text(tmp_path / "one" / "a.txt", "a")
        before = tree_digest(tmp_path)
        if change == "content":
            write_text(tmp_path / "one" / "a.txt", "longer")
        elif change == "new file":
            write_text(tmp_path / "one" / "b.txt", "")
        else:
            (tmp_path / "one" / "a.txt").rename(tmp_path / "one" / "b.txt")
        assert tree_digest(tmp_path) != before

    def test_tree_digest_leaves_hidden_files_out(self, tmp_path: Path) -> None:
        write_text(tmp_path / "a.txt", "a")
        before = tree_digest(tmp_path)
        write_text(tmp_path / ".a.1.partial.txt", "half")
        assert tree_digest(tmp_path) == before

    def test_tree_digest_looks_only_at_the_pattern(self, tmp_path: Path) -> None:
        write_text(tmp_path / "a.mid", "a")
        before = tree_digest(tmp_path, "**/*.mid")
        write_text(tmp_path / "read_me.txt", "b")
        assert tree_digest(tmp_path, "**/*.mid") == before


class TestRequireWritable:
    def test_a_folder_that_can_be_made_is_fine(self, tmp_path: Path) -> None:
        require_writable(tmp_path / "new" / "folder" / "file")
        assert not (tmp_path / "new").exists()

    def test_a_file_in_the_way_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "taken").write_text("a file")
        with pytest.raises(StorageError, match="cannot be written to") as caught:
            require_writable(tmp_path / "taken" / "folder" / "file")
        assert caught.value.file == tmp_path / "taken"

    def test_a_folder_of_someone_else_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sep_pipeline.files.os.access", lambda *_: False)
        with pytest.raises(StorageError, match="cannot be written to") as caught:
            require_writable(tmp_path / "file")
        assert caught.value.file == tmp_path
