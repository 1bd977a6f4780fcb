"""The options of `separate`, and what they put together."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import click

from sep_pipeline.commands.faults import short_errors
from sep_pipeline.commands.options import HELP_OPTIONS, data_folder_option, stem_names

REFINEMENTS = ("none", "consistency", "wiener")
FORMATS = ("wav", "flac", "mp3")
BITS = ("16", "24", "32")
PRECISIONS = ("fp32", "bf16")
DEVICES = ("auto", "cpu", "cuda")

EPILOG = """\b
Examples:
  sep-pipeline separate song.mp3
  sep-pipeline separate song.mp3 --stems vocals --residual --format flac
  sep-pipeline separate album/ --output stems --jobs 2
  sep-pipeline separate song.wav --model open_unmix/open_unmix4/0 --refine wiener
  sep-pipeline separate --list-models

Files lie in separated/<song>/<stem>.wav unless told otherwise. A call that was
stopped and is repeated goes on with the first song that is not finished."""


@click.command(
    context_settings=HELP_OPTIONS,
    short_help="Take songs apart into files of their stems.",
    epilog=EPILOG,
)
@click.argument("sources", nargs=-1, metavar="SONG...", type=click.Path(path_type=Path))
@click.option(
    "--model",
    help="Separator: a folder with separator.json, <study>/<arm>/<seed> of one that was trained here, or the name "
    "of a shipped one.  [default: the shipped one]",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("separated"),
    show_default=True,
    help="Folder for the files.",
)
@click.option(
    "--stems",
    callback=stem_names,
    help="Stems to write, with commas between.  [default: all of the model]",
)
@click.option(
    "--residual",
    "has_residual",
    is_flag=True,
    help="Write residual as well: the song minus the written stems, so that the files add up to the song.",
)
@click.option(
    "--refine",
    type=click.Choice(REFINEMENTS),
    default="none",
    show_default=True,
    help="Make all stems of the model add up to the song: in equal shares of what they leave (consistency), or bin "
    "by bin of the spectrogram in proportion to their power (wiener).",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(FORMATS),
    default="wav",
    show_default=True,
    help="Of the files.",
)
@click.option(
    "--bits",
    type=click.Choice(BITS),
    default="16",
    show_default=True,
    help="Per sample. 16 and 24 (wav, flac) clip what is too loud, 32 (wav) is floating point; mp3 has no choice.",
)
@click.option(
    "--template",
    default="{track}/{stem}",
    show_default=True,
    help="Path of a file below the output folder, without its ending; {model} can be used, too.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Songs that are separated side by side, each in a process with its share of the cores.",
)
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
@click.option("--device", type=click.Choice(DEVICES), default="auto", show_default=True)
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="fp32",
    show_default=True,
    help="Numbers of the networks; bf16 is faster on processors and GPUs that compute in it, and less exact.",
)
@data_folder_option
@click.option("--list-models", is_flag=True, help="Show the separators that can be named, and end.")
def separate(**options: Any) -> None:
    """Take songs apart into files of their stems, such as drums and bass.

    SONG is an audio file of any format that libsndfile or ffmpeg reads, mono or stereo, of any sample rate and
    length, or a folder that is searched for such files. Every stem is as long as its song and has its sample rate
    and channels.

    Files of a song appear when all of them are complete. Songs that are finished are not separated again, and files
    that exist are kept unless --overwrite is given. Memory does not grow with the length of a song; temporary files
    in the output folder hold it meanwhile.

    Bad input ends with one line on standard error and exit code 2; the other songs of the call are separated.
    """
    is_list_wanted = options.pop("list_models")
    if not is_list_wanted and not options["sources"]:
        raise click.UsageError("SONG is missing.")
    with short_errors():
        if is_list_wanted:
            _list_models(options["data_folder"])
        else:
            _run(**options)


def _list_models(data_folder: Path) -> None:
    from sep_pipeline.commands.separate.listing import models_text
    from sep_pipeline.separation.lookup import MODELS_FOLDER

    click.echo(models_text(data_folder / MODELS_FOLDER))


def _run(
    *,
    sources: tuple[Path, ...],
    model: str | None,
    output: Path,
    stems: tuple[str, ...] | None,
    has_residual: bool,
    refine: str,
    file_format: str,
    bits: str,
    template: str,
    jobs: int,
    overwrite: bool,
    device: str,
    precision: str,
    data_folder: Path,
) -> None:
    from sep_pipeline.models.devices import resolved_device
    from sep_pipeline.separation.lookup import MODELS_FOLDER, find_separator
    from sep_pipeline.separation.songs import SongOptions, separate_songs

    options = SongOptions(
        stems=stems,
        has_residual=has_residual,
        refine=refine,
        format=file_format,
        bits=int(bits),
        template=template,
    )
    _show_progress()
    results = separate_songs(
        sources,
        output,
        find_separator(model, data_folder / MODELS_FOLDER),
        options=options,
        device=resolved_device(device),
        precision=precision,
        num_processes=jobs,
        should_overwrite=overwrite,
    )
    for result in results:
        click.echo(result.as_text())


def _show_progress() -> None:
    """Progress lines of the package go to standard error."""
    logger = logging.getLogger("sep_pipeline")
    logger.setLevel(logging.INFO)
    if not logger.hasHandlers():
        logger.addHandler(logging.StreamHandler(sys.stderr))
