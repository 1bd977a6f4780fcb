"""Separation from a file to a folder of files, without holding a long song in memory where that is possible."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from sep_pipeline.audio.channels import to_channels
from sep_pipeline.audio.io import AudioInfo, Subtype, audio_info, audio_written_in_blocks, read_audio
from sep_pipeline.errors import ConfigurationError, DataError, TooShortError
from sep_pipeline.separation.separator import Separator, separate

Audio = npt.NDArray[np.float32]
Progress = Callable[[float], None]

_SEEKABLE_SUBTYPES = ("PCM_", "FLOAT", "DOUBLE")
"""Formats in which any stretch of a file decodes to the same samples as the whole."""


@runtime_checkable
class BlockSeparator(Separator, Protocol):
    """A separator whose memory does not grow with the song."""

    def separate_blocks(
        self,
        read: Callable[[int, int], Audio],
        num_samples: int,
        *,
        mode: str = "context",
        progress: Progress | None = None,
    ) -> Iterator[Audio]:
        """Estimates, (stem, channel, time), in successive pieces.

        Args:
            read: Gives the samples from the first to before the second number, (channel, time), repeatedly.
            num_samples: Length of the song.
            mode: As for `separate`.
            progress: Called with the share of the work that is done, up to 1.
        """
        ...


def separate_file(
    separator: Separator,
    source: Path,
    folder: Path,
    *,
    mode: str = "context",
    subtype: Subtype = "PCM_16",
    progress: Progress | None = None,
) -> dict[str, Path]:
    """Write one WAV file per stem, as long and at the same sample rate as the source.

    A `BlockSeparator` reads and writes block by block. Other separators, sources at another rate than the
    separator's, and compressed ones that cannot be read from any place exactly are held in memory whole.

    Args:
        separator: A trained separator.
        source: An audio file that libsndfile decodes.
        folder: Where the files go, `<stem>.wav`; older ones are replaced once all new ones are complete.
        mode: "context" or, for the behaviour of the replicated study, "published".
        subtype: "PCM_16", which clips, or "FLOAT".
        progress: Called with the share of the work that is done, up to 1.

    Returns:
        Stem name to its file.

    Raises:
        UnreadableFileError: The source is no audio.
        TooShortError: The source has no samples.
        DataError: The source does not fit the separator, or a sample is not finite.
        ConfigurationError: The mode is unknown, the folder is a file, or a stem's file would replace the source.
        StorageError: A folder is not writable or a disk is full.
    """
    info = audio_info(source)
    if info.num_frames == 0:
        raise TooShortError("nothing to separate", file=source, expected="at least 1 sample", found=0)
    paths = {stem: folder / f"{stem}.wav" for stem in separator.stems}
    _check_folder(folder, source, paths)
    with _naming(source):
        if isinstance(separator, BlockSeparator) and _fits(separator, info):
            blocks = _streamed(separator, source, info, mode, progress)
        else:
            mixture, rate = read_audio(source)
            blocks = iter([separate(separator, mixture, rate, mode=mode)])
        _write(paths, blocks, info, min(separator.num_channels, info.num_channels), subtype)
    if progress is not None:
        progress(1.0)
    return paths


def _check_folder(folder: Path, source: Path, paths: dict[str, Path]) -> None:
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError("the folder for the stems is a file", parameter="folder", found=folder)
    if source.resolve() in {path.resolve() for path in paths.values()}:
        raise ConfigurationError(
            "a stem would replace the file that is separated", parameter="folder", found=folder
        )


@contextmanager
def _naming(source: Path) -> Iterator[None]:
    """Add the source to errors of a separator, which knows samples only."""
    try:
        yield
    except DataError as error:
        if error.file is not None:
            raise
        raise type(error)(
            error.problem,
            file=source,
            parameter=error.parameter,
            expected=error.expected,
            found=error.found,
        ) from error


def _fits(separator: Separator, info: AudioInfo) -> bool:
    return info.sample_rate == separator.sample_rate and info.subtype.startswith(_SEEKABLE_SUBTYPES)


def _streamed(
    separator: BlockSeparator, source: Path, info: AudioInfo, mode: str, progress: Progress | None
) -> Iterator[Audio]:
    num_channels = min(separator.num_channels, info.num_channels)

    def read(start: int, stop: int) -> Audio:
        samples, _ = read_audio(source, start=start, num_frames=stop - start)
        return to_channels(to_channels(samples, num_channels), separator.num_channels)

    for block in separator.separate_blocks(read, info.num_frames, mode=mode, progress=progress):
        yield np.stack([to_channels(stem, num_channels) for stem in block])


def _write(
    paths: dict[str, Path], blocks: Iterator[Audio], info: AudioInfo, num_channels: int, subtype: Subtype
) -> None:
    """Write all files aside by side; none appears unless all blocks came."""
    with ExitStack() as stack:
        writers = [
            stack.enter_context(
                audio_written_in_blocks(
                    path,
                    info.sample_rate,
                    num_channels=num_channels,
                    num_frames=info.num_frames,
                    subtype=subtype,
                )
            )
            for path in paths.values()
        ]
        for block in blocks:
            for write, stem in zip(writers, block, strict=True):
                write(stem)
