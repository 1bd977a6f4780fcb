"""What becomes of a song: which files, refined how, in which format, called what."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from sep_pipeline.audio.io import Subtype
from sep_pipeline.errors import ConfigurationError

REFINEMENTS = ("none", "consistency", "wiener")
RESIDUAL = "residual"
"""Name of the file that holds the song minus the other files."""

DEFAULT_BITS = 16
TEMPLATE = "{track}/{stem}"
FIELDS = ("track", "stem", "model")

SUBTYPES: Mapping[str, Mapping[int, Subtype]] = {
    "wav": {16: "PCM_16", 24: "PCM_24", 32: "FLOAT"},
    "flac": {16: "PCM_16", 24: "PCM_24"},
    "mp3": {DEFAULT_BITS: "MPEG_LAYER_III"},
}
"""Format of files to bits per sample to what libsndfile calls it; MP3 has no choice."""

MP3_RATES_HZ = (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)


@dataclass(frozen=True, kw_only=True)
class SongOptions:
    """Everything that decides the files of a song, besides the song and the separator.

    Attributes:
        stems: Stems that are written, in this order; None stands for all of the separator.
        has_residual: Whether the song minus the written stems is written as well.
        refine: "none"; "consistency" shares out what the stems of the separator leave of the song in equal parts;
            "wiener" gives every bin of the song's spectrogram to the stems in proportion to their power there.
        format: "wav", "flac" or "mp3".
        bits: Per sample: 16, 24 or, as floating point in WAV files, 32; 16 and 24 clip.
        template: Path of a file below the output folder without its ending, with the fields `FIELDS`.
    """

    stems: tuple[str, ...] | None = None
    has_residual: bool = False
    refine: str = "none"
    format: str = "wav"
    bits: int = DEFAULT_BITS
    template: str = TEMPLATE

    def __post_init__(self) -> None:
        _require(self.refine in REFINEMENTS, "refine", "unknown refinement", REFINEMENTS, self.refine)
        _require(self.format in SUBTYPES, "format", "unknown format of files", tuple(SUBTYPES), self.format)
        choices = tuple(SUBTYPES[self.format])
        _require(self.bits in choices, "bits", f"{self.format} files have other bits", choices, self.bits)
        _check_template(self.template)

    @property
    def subtype(self) -> Subtype:
        """Format of samples as libsndfile names it."""
        return SUBTYPES[self.format][self.bits]

    def chosen(self, stems: Sequence[str]) -> tuple[str, ...]:
        """The stems of a separator that are written.

        Raises:
            ConfigurationError: One is unknown or named twice, the residual bears the name of a stem, or a single
                stem, which would become the song, is to be refined.
        """
        chosen = tuple(stems) if self.stems is None else self.stems
        is_choice = bool(chosen) and set(chosen) <= set(stems) and len(set(chosen)) == len(chosen)
        problem = "stems must be stems of the separator, once each"
        _require(is_choice, "stems", problem, tuple(stems), chosen)
        problem = "a single stem would become the whole song by refinement"
        _require(len(stems) > 1 or self.refine == "none", "refine", problem, ("none",), self.refine)
        problem = "the separator has a stem of this name"
        _require(not (self.has_residual and RESIDUAL in stems), "has_residual", problem, ("false",), "true")
        return chosen

    def check_rate(self, source: Path, sample_rate: int) -> None:
        """Refuse a song whose sample rate the format does not know.

        Raises:
            ConfigurationError: It names the song.
        """
        if self.format == "mp3" and sample_rate not in MP3_RATES_HZ:
            raise ConfigurationError(
                "MP3 files cannot have the sample rate of the song",
                file=source,
                parameter="format",
                expected="wav or flac",
                found=f"{sample_rate} Hz",
            )

    def paths(self, output: Path, *, track: str, model: str, stems: Sequence[str]) -> dict[str, Path]:
        """Stem, and the residual if it is wanted, to its file."""
        names = [*stems, *([RESIDUAL] if self.has_residual else [])]
        label = model.replace("/", "_")
        return {
            stem: output / f"{self.template.format(track=track, stem=stem, model=label)}.{self.format}"
            for stem in names
        }


def _require(is_right: bool, parameter: str, problem: str, choices: Sequence[object], found: object) -> None:
    if not is_right:
        expected = ", ".join(map(str, choices))
        shown = ", ".join(found) if isinstance(found, tuple) else found
        raise ConfigurationError(problem, parameter=parameter, expected=expected, found=shown)


def _check_template(template: str) -> None:
    try:
        fields = {name for _, name, *_ in string.Formatter().parse(template) if name is not None}
    except ValueError:
        fields = set()
    path = PurePath(template)
    is_below = not path.is_absolute() and ".." not in path.parts
    if "stem" not in fields or not fields <= set(FIELDS) or not is_below:
        raise ConfigurationError(
            "the template of file names is wrong",
            parameter="template",
            expected=f"a path below the output folder with {{stem}}, such as {TEMPLATE}; fields: {', '.join(FIELDS)}",
            found=template,
        )
