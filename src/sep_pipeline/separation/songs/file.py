"""From one file to files of its stems: decode, separate, refine, write, and see whether they add up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sep_pipeline.audio.io import Subtype, WriteBlock, as_stored, audio_written_in_blocks
from sep_pipeline.errors import DataError, naming_file
from sep_pipeline.files import storage_errors
from sep_pipeline.separation.blocks import Audio, Progress
from sep_pipeline.separation.interface import Separator
from sep_pipeline.separation.songs.estimates import refined_estimates, song_estimates
from sep_pipeline.separation.songs.options import RESIDUAL, SongOptions
from sep_pipeline.separation.songs.staging import StagedSong, stage


@dataclass(kw_only=True)
class WrittenSong:
    """The files of a song.

    Attributes:
        files: Stem, and the residual where it is wanted, to its file.
        playing_seconds: Length of the song.
        sum_error: Largest difference between a sample of the song and the sum of the written ones, full scale 1.0;
            MP3 files count as they were before encoding.
        clipped: Stem to the number of its samples that lay outside full scale, where there are some.
    """

    files: dict[str, Path]
    playing_seconds: float
    sum_error: float = 0.0
    clipped: dict[str, int] = field(default_factory=dict)

    def count_clipped(self, stem: str, estimate: Audio, subtype: Subtype) -> None:
        """Count samples that the format cannot hold."""
        num_outside = 0 if subtype == "FLOAT" else int(np.count_nonzero((estimate >= 1) | (estimate < -1)))
        if num_outside:
            self.clipped[stem] = self.clipped.get(stem, 0) + num_outside

    def compare(self, mixture: Audio, total: npt.NDArray[np.float64]) -> None:
        """Compare a piece of the song with the sum of what was written of it."""
        self.sum_error = max(self.sum_error, float(np.abs(mixture - total).max()))


def separate_file(
    separator: Separator,
    source: Path,
    folder: Path,
    *,
    options: SongOptions | None = None,
    progress: Progress | None = None,
) -> WrittenSong:
    """Write the stems of a song, as long as it and with its sample rate and channels.

    The song lies in a temporary file in the folder meanwhile, so that memory does not grow with its length.

    Args:
        separator: A trained separator; a mono one separates every channel by itself.
        source: A mono or stereo file of any format that libsndfile or ffmpeg reads.
        folder: Where the files go, `<stem>.<format>`; older ones are replaced once all new ones are complete.
        options: What becomes of the song; the template of names plays no part here.
        progress: Called with the share of the work that is done, up to 1.

    Raises:
        UnreadableFileError: The source is no audio.
        TooShortError: The source has no samples.
        DataError: It has more than two channels, or a sample is not finite.
        ConfigurationError: An option does not fit the separator or the song, or ffmpeg is needed and missing.
        StorageError: The folder is not writable or the disk is full.
    """
    chosen = options or SongOptions()
    rows = {stem: separator.stems.index(stem) for stem in chosen.chosen(separator.stems)}
    with storage_errors(folder / "stems"):
        folder.mkdir(parents=True, exist_ok=True)
    with naming_file(source, DataError), closing(stage(source, folder)) as song:
        chosen.check_rate(source, song.sample_rate)
        with closing(song.at_rate(separator.sample_rate, folder)) as native:
            estimates = song_estimates(separator, song, native, progress)
            return _write(folder, song, refined_estimates(song, estimates, chosen.refine), rows, chosen)


def _write(
    folder: Path, song: StagedSong, estimates: Iterator[Audio], rows: Mapping[str, int], options: SongOptions
) -> WrittenSong:
    """Write one file per stem, all side by side.

    The residual is the song minus what is in the other files, rounded as it is there: where the format holds the
    song's samples exactly and nothing clips, the files add up to it exactly.
    """
    names = [*rows, *([RESIDUAL] if options.has_residual else [])]
    written = WrittenSong(
        files={name: folder / f"{name}.{options.format}" for name in names},
        playing_seconds=song.num_samples / song.sample_rate,
    )
    start, subtype = 0, options.subtype
    with _writers(written.files, song, subtype) as writers:
        for block in estimates:
            mixture = song.read(start, start + block.shape[-1])
            start += block.shape[-1]
            total = np.zeros(mixture.shape, dtype=np.float64)
            for name in names:
                signal = block[rows[name]] if name in rows else (mixture - total).astype(np.float32)
                written.count_clipped(name, signal, subtype)
                stored = as_stored(signal, subtype)
                writers[name](stored)
                total += stored
            written.compare(mixture, total)
    return written


@contextmanager
def _writers(
    files: Mapping[str, Path], song: StagedSong, subtype: Subtype
) -> Iterator[dict[str, WriteBlock]]:
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                audio_written_in_blocks(
                    path,
                    song.sample_rate,
                    num_channels=song.num_channels,
                    num_frames=song.num_samples,
                    subtype=subtype,
                )
            )
            for name, path in files.items()
        }
