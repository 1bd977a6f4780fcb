"""The options of `export`, and what they put together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sep_pipeline.commands.faults import short_errors
from sep_pipeline.commands.options import HELP_OPTIONS, data_folder_option

EPILOG = """\b
Examples:
  sep-pipeline export open_unmix/long/0 my_model
  sep-pipeline export open_unmix/long/0 my_model --half --licence CC-BY-4.0
  sep-pipeline separate song.mp3 --model my_model"""


@click.command(
    context_settings=HELP_OPTIONS,
    short_help="Copy a trained separator into a folder of its own, with a model card.",
    epilog=EPILOG,
)
@click.argument("model")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--half",
    "is_half",
    is_flag=True,
    help="Store matrices in 16 bits, which halves the size; refused where it changes the mean uSDR of a stem by more "
    "than 0.05 dB.",
)
@click.option(
    "--test-songs",
    type=click.Path(path_type=Path),
    help="Stem store whose test songs are scored.  [default: 03_primary/rendered of the data folder]",
)
@click.option("--licence", help="Licence of the weights.  [default: what the separator says]")
@click.option("--data", help="What it was trained on, in a sentence for the card.")
@click.option(
    "--limits",
    help="What not to expect of it, in sentences for the card.  [default: those of rendered music]",
)
@data_folder_option
@click.option("--overwrite", is_flag=True, help="Replace the folder if it exists.")
def export(**options: Any) -> None:
    """Copy the separator MODEL into FOLDER: its card, its weights and a README.md that says what it is.

    MODEL is named as for separate. The test songs are separated to measure what the model card states, so they should
    be songs that MODEL has not heard. FOLDER can be moved and sent anywhere, and named as --model of separate.

    Bad input ends with one line on standard error and exit code 2, and leaves no folder behind.
    """
    with short_errors():
        _run(**options)


def _run(
    *,
    model: str,
    folder: Path,
    is_half: bool,
    test_songs: Path | None,
    licence: str | None,
    data: str | None,
    limits: str | None,
    data_folder: Path,
    overwrite: bool,
) -> None:
    from sep_pipeline.scoring.export import export_separator
    from sep_pipeline.scoring.model_card import Description
    from sep_pipeline.separation.lookup import MODELS_FOLDER, find_separator

    said = {name: text for name, text in (("data", data), ("limits", limits)) if text is not None}
    text = export_separator(
        find_separator(model, data_folder / MODELS_FOLDER),
        folder,
        test_songs or data_folder / "03_primary" / "rendered",
        Description(origin=model, **said),
        is_half=is_half,
        licence=licence,
        should_overwrite=overwrite,
        progress=lambda done, total, track: click.echo(f"test song {done + 1} of {total}: {track}", err=True),
    )
    click.echo(text)
