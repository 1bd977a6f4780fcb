"""Import museval on machines without ffmpeg, which its scores do not need."""

from __future__ import annotations

import shutil
import sys
from types import ModuleType
from typing import Any

_PROGRAMS = ("ffmpeg", "ffprobe")


def import_museval() -> ModuleType:
    """Import museval, even where ffmpeg or ffprobe is missing.

    `stempeg`, which museval imports, refuses to load unless both programs are found on the path. While it
    loads for the first time, the look-up answers with their bare names; afterwards decoding fails as it
    should.

    Returns:
        The module `museval`.
    """
    if "museval" not in sys.modules and not all(shutil.which(program) for program in _PROGRAMS):
        _import_stempeg_without_programs()
    import museval

    return museval  # type: ignore[no-any-return]


def _import_stempeg_without_programs() -> None:
    search = shutil.which

    def answer(command: Any, *arguments: Any, **options: Any) -> Any:
        return command if command in _PROGRAMS else search(command, *arguments, **options)

    shutil.which = answer  # type: ignore[assignment]
    try:
        import stempeg  # noqa: F401
    finally:
        shutil.which = search
