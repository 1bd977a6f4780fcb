"""FluidSynth through ctypes: one fresh synthesizer per part, effects off, float samples."""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sep_pipeline.data.rendering.schedule import GRID_SAMPLES, Part
from sep_pipeline.errors import RenderError, SoundFontError
from sep_pipeline.files import file_digest

DRUM_CHANNEL = 9
MELODIC_CHANNEL = 0
DRUM_BANK = 128
BEND_CENTRE = 8192
GAIN = 0.2
MOST_VOICES, FEWEST_VOICES = 1024, 32
# No preset is known that starts more voices for one note.
VOICES_PER_NOTE = 8
_NUM_LOG_LEVELS = 5
_FAILED = -1

_POINTER, _TEXT, _INT, _DOUBLE = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_double
_SIGNATURES: dict[str, tuple[type | None, tuple[type, ...]]] = {
    "new_fluid_settings": (_POINTER, ()),
    "delete_fluid_settings": (None, (_POINTER,)),
    "fluid_settings_setint": (_INT, (_POINTER, _TEXT, _INT)),
    "fluid_settings_setnum": (_INT, (_POINTER, _TEXT, _DOUBLE)),
    "new_fluid_synth": (_POINTER, (_POINTER,)),
    "delete_fluid_synth": (None, (_POINTER,)),
    "fluid_synth_sfload": (_INT, (_POINTER, _TEXT, _INT)),
    "fluid_synth_add_sfont": (_INT, (_POINTER, _POINTER)),
    "fluid_synth_remove_sfont": (_INT, (_POINTER, _POINTER)),
    "fluid_synth_get_sfont_by_id": (_POINTER, (_POINTER, _INT)),
    "fluid_synth_program_select": (_INT, (_POINTER, _INT, _INT, _INT, _INT)),
    "fluid_synth_noteon": (_INT, (_POINTER, _INT, _INT, _INT)),
    "fluid_synth_noteoff": (_INT, (_POINTER, _INT, _INT)),
    "fluid_synth_cc": (_INT, (_POINTER, _INT, _INT, _INT)),
    "fluid_synth_pitch_bend": (_INT, (_POINTER, _INT, _INT)),
    "fluid_synth_write_float": (_INT, (_POINTER, _INT, _POINTER, _INT, _INT, _POINTER, _INT, _INT)),
    "fluid_sfont_iteration_start": (None, (_POINTER,)),
    "fluid_sfont_iteration_next": (_POINTER, (_POINTER,)),
    "fluid_preset_get_banknum": (_INT, (_POINTER,)),
    "fluid_preset_get_num": (_INT, (_POINTER,)),
    "fluid_set_log_function": (_POINTER, (_INT, _POINTER, _POINTER)),
}


class FluidSynthesizer:
    """Plays parts with a sound font, which is loaded once and lent to the synthesizer of every part.

    Any thread may call; one at a time is served.

    Args:
        library: FluidSynth's shared library, version 2 or later.
        sound_font: SoundFont file.
        sample_rate: Hz.

    Raises:
        RenderError: The library lacks a function, so that it is older than version 2.
        SoundFontError: FluidSynth refuses the sound font.
    """

    name = "fluidsynth"

    def __init__(self, library: ctypes.CDLL, sound_font: Path, *, sample_rate: int) -> None:
        self._library = _declared(library)
        self._sound_font = sound_font
        self._sample_rate = sample_rate
        self.version = library.fluid_version_str().decode()
        self.sound_font_name = sound_font.name
        self.sound_font_hash = _font_digest(sound_font)
        self._lock = threading.Lock()
        settings = self._made_settings(FEWEST_VOICES)
        keeper = library.new_fluid_synth(settings)
        weakref.finalize(self, _delete, library, keeper, settings)
        self._font = self._loaded_font(keeper)
        self._presets = self._read_presets()

    def programs(self) -> frozenset[int]:
        """Programs of pitched parts in the sound font."""
        return frozenset(program for bank, program in self._presets if bank == 0)

    def drum_kits(self) -> tuple[int, ...]:
        """Programs of bank 128 in the sound font, ascending."""
        return tuple(sorted(program for bank, program in self._presets if bank == DRUM_BANK))

    def render(self, part: Part, num_steps: int) -> npt.NDArray[np.float32]:
        """Render a part; see `Synthesizer.render`. A kit that the font lacks is replaced by its first."""
        channel = DRUM_CHANNEL if part.is_drum else MELODIC_CHANNEL
        audio = np.zeros((2, num_steps * GRID_SAMPLES), dtype=np.float32)
        with self._lock, self._synth(_num_voices(part)) as (synth, font_id):
            bank, program = self.preset_of(part)
            if self._library.fluid_synth_program_select(synth, channel, font_id, bank, program) == _FAILED:
                return audio
            position = 0
            for step, send in self._messages(part, synth, channel):
                position = self._write(synth, audio, position, min(step, num_steps))
                send()
            self._write(synth, audio, position, num_steps)
        return audio

    def preset_of(self, part: Part) -> tuple[int, int]:
        """Bank and program that the sound font plays for a part."""
        if not part.is_drum:
            return 0, part.program
        kits = self.drum_kits()
        return DRUM_BANK, part.kit if part.kit in kits or not kits else kits[0]

    def _messages(self, part: Part, synth: int, channel: int) -> Iterator[tuple[int, _Message]]:
        """All messages by time; at one time note ends come first, then controllers, then note starts."""
        library = self._library
        messages: list[tuple[int, int, _Message]] = []
        for control in part.controls:
            if control.number is None:
                bend = control.value + BEND_CENTRE
                message = _Message(library.fluid_synth_pitch_bend, (synth, channel, bend))
            else:
                message = _Message(library.fluid_synth_cc, (synth, channel, control.number, control.value))
            messages.append((control.at, 1, message))
        for note in part.notes:
            on = _Message(library.fluid_synth_noteon, (synth, channel, note.pitch, note.velocity))
            messages.append((note.start, 2, on))
            messages.append(
                (note.end, 0, _Message(library.fluid_synth_noteoff, (synth, channel, note.pitch)))
            )
        for step, _, message in sorted(messages, key=lambda entry: entry[:2]):
            yield step, message

    def _write(self, synth: int, audio: npt.NDArray[np.float32], start_step: int, end_step: int) -> int:
        num_frames = (end_step - start_step) * GRID_SAMPLES
        if num_frames > 0:
            left, right = (audio[channel, start_step * GRID_SAMPLES :].ctypes.data for channel in (0, 1))
            self._library.fluid_synth_write_float(synth, num_frames, left, 0, 1, right, 0, 1)
        return max(start_step, end_step)

    @contextmanager
    def _synth(self, num_voices: int) -> Iterator[tuple[int, int]]:
        """A fresh synthesizer and the number of the font in it; the font stays when it goes."""
        library = self._library
        settings = self._made_settings(num_voices)
        synth = library.new_fluid_synth(settings)
        try:
            yield synth, int(library.fluid_synth_add_sfont(synth, self._font))
        finally:
            library.fluid_synth_remove_sfont(synth, self._font)
            _delete(library, synth, settings)

    def _made_settings(self, num_voices: int) -> int:
        library = self._library
        settings: int = library.new_fluid_settings()
        library.fluid_settings_setnum(settings, b"synth.sample-rate", float(self._sample_rate))
        library.fluid_settings_setnum(settings, b"synth.gain", GAIN)
        for name, value in (
            (b"synth.reverb.active", 0),
            (b"synth.chorus.active", 0),
            (b"synth.polyphony", num_voices),
            (b"synth.dynamic-sample-loading", 1),
        ):
            library.fluid_settings_setint(settings, name, value)
        return settings

    def _loaded_font(self, synth: int) -> int:
        font_id = self._library.fluid_synth_sfload(synth, str(self._sound_font).encode(), 1)
        if font_id == _FAILED:
            raise SoundFontError(
                "FluidSynth refuses the sound font",
                file=self._sound_font,
                parameter="sound_font",
                expected="a SoundFont 2 file, or SoundFont 3 where the library reads it",
            )
        return int(self._library.fluid_synth_get_sfont_by_id(synth, font_id))

    def _read_presets(self) -> frozenset[tuple[int, int]]:
        library, presets = self._library, set()
        library.fluid_sfont_iteration_start(self._font)
        while preset := library.fluid_sfont_iteration_next(self._font):
            presets.add((library.fluid_preset_get_banknum(preset), library.fluid_preset_get_num(preset)))
        return frozenset(presets)


class _Message:
    """A call into the library that is made later."""

    def __init__(self, function: ctypes._NamedFuncPointer, arguments: tuple[int, ...]) -> None:
        self._function = function
        self._arguments = arguments

    def __call__(self) -> None:
        self._function(*self._arguments)


def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    """Tell ctypes the types of the functions used, and silence the library's own log on standard error."""
    for name, (result, arguments) in _SIGNATURES.items():
        try:
            function = getattr(library, name)
        except AttributeError as error:
            raise RenderError(
                "FluidSynth's library is too old",
                parameter="library",
                expected="version 2 or later",
                found=name,
            ) from error
        function.restype, function.argtypes = result, arguments
    for level in range(_NUM_LOG_LEVELS):
        library.fluid_set_log_function(level, None, None)
    return library


def _num_voices(part: Part) -> int:
    """Voices that surely suffice: making a thousand of them takes longer than playing a few notes."""
    return min(max(VOICES_PER_NOTE * len(part.notes), FEWEST_VOICES), MOST_VOICES)


def _delete(library: ctypes.CDLL, synth: int, settings: int) -> None:
    library.delete_fluid_synth(synth)
    library.delete_fluid_settings(settings)


@lru_cache(maxsize=4)
def _font_digest(sound_font: Path) -> str:
    return file_digest(sound_font)
