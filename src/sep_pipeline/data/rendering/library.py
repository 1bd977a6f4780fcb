"""Find FluidSynth's shared library and a sound font on this machine."""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from sep_pipeline.errors import RenderError, SoundFontError

DEFAULT_SOUND_FONT = "TimGM6mb.sf2"
_WAYS_TO_FIX = (
    "install the pygame-ce package (its Linux and macOS wheels carry the library), or FluidSynth with the "
    "system's package manager, or give its path as `library`, or choose the engine `sine`"
)


@lru_cache(maxsize=4)
def load_library(path: Path | None = None) -> ctypes.CDLL:
    """Open FluidSynth's shared library.

    Args:
        path: The library; None tries the one inside the pygame-ce package, then the system's.

    Raises:
        RenderError: None can be opened; the message lists the ways to get one.
    """
    candidates = [str(path)] if path is not None else list(_candidates())
    failures = []
    for candidate in candidates:
        try:
            library = ctypes.CDLL(candidate)
            library.fluid_version_str.restype = ctypes.c_char_p
            return library
        except (OSError, AttributeError) as error:
            failures.append(f"{candidate}: {error}")
    raise RenderError(
        "FluidSynth's library cannot be opened",
        file=path,
        parameter="library",
        expected=_WAYS_TO_FIX,
        found="; ".join(failures) or "no such library",
    )


def _candidates() -> Iterator[str]:
    package = _package_folder("pygame")
    if package is not None:
        for folder, pattern in (
            (package.parent / "pygame_ce.libs", "libfluidsynth*.so*"),
            (package / ".dylibs", "libfluidsynth*.dylib"),
        ):
            yield from (str(file) for file in sorted(folder.glob(pattern)))
    system = ctypes.util.find_library("fluidsynth")
    if system is not None:
        yield system


def find_sound_font(path: Path | None = None) -> Path:
    """Give the sound font to use; None takes TimGM6mb from the installed pretty_midi package.

    Raises:
        SoundFontError: There is no such file.
    """
    if path is None:
        package = _package_folder("pretty_midi")
        path = Path(DEFAULT_SOUND_FONT) if package is None else package / DEFAULT_SOUND_FONT
    if not path.is_file():
        raise SoundFontError(
            "the sound font does not exist",
            file=path,
            parameter="sound_font",
            expected="an .sf2 or .sf3 file",
        )
    return path


def _package_folder(name: str) -> Path | None:
    """Folder of an installed package, found without importing it."""
    spec = importlib.util.find_spec(name)
    return None if spec is None or spec.origin is None else Path(spec.origin).parent
