"""Which songs of a corpus a synthesizer can play."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from sep_pipeline.data.midi import DRUM_PROGRAM
from sep_pipeline.data.midi_corpus.corpus import IndexedSong
from sep_pipeline.data.rendering.engines import Synthesizer
from sep_pipeline.errors import NoInputError, SoundFontError

logger = logging.getLogger(__name__)


def playable_songs(
    folder: Path,
    songs: Sequence[IndexedSong],
    programs_of: Mapping[str, frozenset[int]],
    synthesizer: Synthesizer,
) -> tuple[IndexedSong, ...]:
    """Songs whose instruments the synthesizer can play; the others are left out with a warning that names them.

    Raises:
        NoInputError: There are no songs, or one is not in the folder.
        SoundFontError: None can be played; names the programs that the sound font lacks.
    """
    if not songs:
        raise NoInputError("there is no song to render", file=folder)
    absent = next((song for song in songs if not (folder / song.file).is_file()), None)
    if absent is not None:
        raise NoInputError("a MIDI file of the index does not exist", file=folder / absent.file)
    wanted = frozenset().union(*programs_of.values())
    can_play = synthesizer.programs() | ({DRUM_PROGRAM} if synthesizer.drum_kits() else frozenset())
    lacking = {song.file: wanted.intersection(song.programs) - can_play for song in songs}
    playable = tuple(song for song in songs if not lacking[song.file])
    left_out = [
        f"{file} (program {', '.join(map(str, sorted(programs)))})"
        for file, programs in lacking.items()
        if programs
    ]
    if not playable:
        raise SoundFontError(
            "the sound font lacks programs of every song",
            parameter="sound_font",
            expected=f"programs {', '.join(map(str, sorted(wanted)))}",
            found=synthesizer.sound_font_name,
        )
    if left_out:
        logger.warning("left out, not in the sound font: %d: %s", len(left_out), ", ".join(left_out))
    return playable
