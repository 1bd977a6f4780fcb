"""The options of `stream`, and what they put together."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sep_pipeline.commands.faults import short_errors
from sep_pipeline.commands.options import HELP_OPTIONS, data_folder_option, stem_names

if TYPE_CHECKING:
    from sep_pipeline.commands.stream.outputs import Writer
    from sep_pipeline.separation.streaming import StreamingSeparator

STANDARD = "-"
PRECISIONS = ("fp32", "fp16", "int8")
FORMATS = ("s16le", "f32le")
FILE_BLOCK_HOPS = 64

EPILOG = """\b
Examples:
  sep-pipeline stream --input song.wav --output stems
  sep-pipeline stream --model open_unmix/unidirectional/0 --input song.wav --output stems --live
  ffmpeg -v error -i song.mp3 -f s16le -ac 2 -ar 44100 - \\
    | sep-pipeline stream --input - --output - --stems drums \\
    | ffplay -f s16le -ch_layout stereo -sample_rate 44100 -"""


@click.command(
    context_settings=HELP_OPTIONS,
    short_help="Separate while the music comes in; needs a unidirectional Open-Unmix.",
    epilog=EPILOG,
)
@click.option(
    "--model",
    help="Unidirectional Open-Unmix: a folder with separator.json, <study>/<arm>/<seed> of one that was trained "
    "here, or the name of a shipped one.  [default: the shipped one]",
)
@click.option(
    "--input",
    "source",
    required=True,
    help="Audio file with the model's sample rate and channels, or - for raw samples on standard input.",
)
@click.option(
    "--output",
    "target",
    required=True,
    help="Folder for one <stem>.wav per stem, or - for raw samples on standard output: per instant the channels "
    "of the first stem, then those of the second, and so on.",
)
@click.option(
    "--stems",
    callback=stem_names,
    help="Stems to give, with commas between, in this order.  [default: all of the model]",
)
@click.option(
    "--format",
    "raw_format",
    type=click.Choice(FORMATS),
    default="s16le",
    show_default=True,
    help="Samples on standard input and output, and in written files: 16-bit integers, which clip, or 32-bit "
    "floats.",
)
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="fp32",
    show_default=True,
    help="Bits per weight. Fewer are faster and less exact.",
)
@click.option(
    "--ratio-mask",
    is_flag=True,
    help="Share the mixture among all stems of the model, bin by bin, so that they add up to it.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Threads. More than one stall when other programs want the processors.",
)
@click.option(
    "--block",
    "block_samples",
    type=click.IntRange(min=1),
    help="Samples handed over at once; the stems do not depend on it.  [default: the model's hop with --live or "
    f"standard input, else {FILE_BLOCK_HOPS} hops]",
)
@click.option(
    "--live", "is_live", is_flag=True, help="Feed a file no faster than it plays, and count deadlines."
)
@click.option(
    "--report",
    "report_path",
    type=click.Path(path_type=Path),
    help="JSON file for what is measured; one line of it always goes to standard error.",
)
@data_folder_option
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
def stream(**options: Any) -> None:
    """Separate a file, or samples from standard input, while they come in.

    Every sample is given as soon as no later input can change it: 4096 samples (92.88 ms at 44.1 kHz) after it
    came in at the usual sizes, plus the time to compute a hop. Output is as long as input. Nothing is resampled
    or mixed: rate and channels of the input must be those of the model.

    Bad input ends with one line on standard error and exit code 2, and leaves no file behind.
    """
    if options["is_live"] and options["source"] == STANDARD:
        raise click.UsageError("--live paces a file; standard input has its own pace.")
    with short_errors():
        _run(**options)


def _run(
    *,
    model: str | None,
    source: str,
    target: str,
    stems: tuple[str, ...] | None,
    raw_format: str,
    precision: str,
    ratio_mask: bool,
    threads: int,
    block_samples: int | None,
    is_live: bool,
    report_path: Path | None,
    data_folder: Path,
    overwrite: bool,
) -> None:
    import torch

    from sep_pipeline.commands.stream.inputs import Audio, file_blocks, raw_blocks
    from sep_pipeline.commands.stream.outputs import check_outputs, stem_paths
    from sep_pipeline.commands.stream.timing import run_stream
    from sep_pipeline.files import write_text
    from sep_pipeline.separation.lookup import DEFAULT_LIVE_MODEL, MODELS_FOLDER, find_separator
    from sep_pipeline.separation.streaming import load_streaming_separator

    torch.set_num_threads(threads)
    folder = find_separator(model, data_folder / MODELS_FOLDER, default=DEFAULT_LIVE_MODEL)
    separator = load_streaming_separator(folder, stems=stems, precision=precision, ratio_mask=ratio_mask)
    chosen = stems or separator.stems
    paths = [] if target == STANDARD else stem_paths(Path(target), chosen)
    check_outputs([*paths, *([report_path] if report_path else [])], should_overwrite=overwrite)
    is_raw = source == STANDARD
    size = block_samples or separator.hop_samples * (1 if is_live or is_raw else FILE_BLOCK_HOPS)
    channels = separator.num_channels
    blocks: Iterator[Audio]
    if is_raw:
        raw = sys.stdin.buffer
        blocks = raw_blocks(raw, raw_format=raw_format, num_channels=channels, block_samples=size)
    else:
        rate = separator.sample_rate
        blocks = file_blocks(Path(source), sample_rate=rate, num_channels=channels, block_samples=size)
    rows = [separator.stems.index(stem) for stem in chosen]
    separator.warm_up()
    with _naming(source), _writer(paths, separator, raw_format) as write:
        report = run_stream(separator, blocks, lambda ready: write(ready[rows]), is_live=is_live)
    if report_path:
        write_text(report_path, report.as_json())
    click.echo(report.as_text(), err=True)


def _naming(source: str) -> AbstractContextManager[None]:
    """Add the file to errors of the separator, which knows samples only."""
    from sep_pipeline.errors import DataError, naming_file

    return nullcontext() if source == STANDARD else naming_file(Path(source), DataError)


@contextmanager
def _writer(paths: list[Path], separator: StreamingSeparator, raw_format: str) -> Iterator[Writer]:
    """Files if there are paths, else standard output."""
    from sep_pipeline.commands.stream.outputs import raw_writer, stem_files

    if not paths:
        yield raw_writer(sys.stdout.buffer, raw_format=raw_format)
        return
    rate, channels = separator.sample_rate, separator.num_channels
    with stem_files(paths, sample_rate=rate, num_channels=channels, raw_format=raw_format) as write:
        yield write
