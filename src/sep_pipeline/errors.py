"""The exceptions a user can meet, each naming the file or parameter at fault.

Their tree::

    SepPipelineError
    ├── ConfigurationError          a parameter is unknown, missing or out of range
    │   └── UnnamedInputError     a study needs a folder or weights that nobody named
    ├── DataError                   audio or MIDI that cannot be used
    │   ├── NoInputError            nothing of the expected kind was found
    │   ├── UnreadableFileError     a file does not parse
    │   │   └── TruncatedFileError  a file ends before its header says
    │   ├── StemMismatchError       stems of one track differ in length, rate or channels
    │   ├── SilentStemError         a stem that must sound does not
    │   ├── TooShortError           a track is shorter than what is cut from it
    │   └── SplitOverlapError       the same audio or notes in two splits
    ├── RenderError                 the synthesizer cannot be used
    │   └── SoundFontError          a sound font is missing or refused
    ├── CheckpointError             weights cannot be used
    │   ├── MissingCheckpointError
    │   ├── TruncatedCheckpointError
    │   └── CheckpointMismatchError keys or shapes differ from the model
    ├── StorageError                a folder is not writable or the disk is full
    └── TrainingError               training cannot go on
        └── NonFiniteLossError
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class SepPipelineError(Exception):
    """Base of all errors meant for the user.

    Args:
        problem: What is wrong, in one sentence without a final stop.
        file: The file or folder at fault.
        parameter: The dotted name of the parameter at fault.
        expected: What would have been right.
        found: What was there instead.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: Path | str | None = None,
        parameter: str | None = None,
        expected: object = None,
        found: object = None,
    ) -> None:
        self.problem = problem
        self.file = None if file is None else Path(file)
        self.parameter = parameter
        self.expected = expected
        self.found = found
        super().__init__(self._message())

    def _message(self) -> str:
        details = [
            f"{name}: {value}"
            for name, value in (
                ("file", self.file),
                ("parameter", self.parameter),
                ("expected", self.expected),
                ("found", self.found),
            )
            if value is not None
        ]
        return self.problem + (f" ({'; '.join(details)})" if details else "")

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the named fields when an error crosses a process boundary."""
        values = _portable(self.expected), _portable(self.found)
        return _rebuilt, (type(self), self.problem, self.file, self.parameter, *values)


def _portable(value: object) -> object:
    """Values of any kind may be quoted in an error, but not all of them can be sent to another process."""
    return value if value is None or isinstance(value, str | int | float | Path) else str(value)


def _rebuilt(
    kind: type[SepPipelineError],
    problem: str,
    file: Path | None,
    parameter: str | None,
    expected: object,
    found: object,
) -> SepPipelineError:
    return kind(problem, file=file, parameter=parameter, expected=expected, found=found)


@contextmanager
def naming_file(file: Path, kind: type[SepPipelineError]) -> Iterator[None]:
    """Add a file to errors of a kind that name none, because what raised them knows values only.

    Raises:
        SepPipelineError: The error, of the same type.
    """
    try:
        yield
    except kind as error:
        if error.file is not None:
            raise
        facts = error.parameter, error.expected, error.found
        raise _rebuilt(type(error), error.problem, file, *facts) from error


class ConfigurationError(SepPipelineError):
    """A parameter is unknown, missing or out of range."""


class UnnamedInputError(ConfigurationError):
    """A study needs a folder of music or weights that the run does not name; other studies can run."""


class DataError(SepPipelineError):
    """Audio or MIDI that cannot be used."""


class NoInputError(DataError):
    """Nothing of the expected kind was found."""


class UnreadableFileError(DataError):
    """A file does not parse."""


class TruncatedFileError(UnreadableFileError):
    """A file ends before its header says it should."""


class StemMismatchError(DataError):
    """Stems of one track differ in length, sample rate or channels."""


class SilentStemError(DataError):
    """A stem that must sound does not."""


class TooShortError(DataError):
    """A track is shorter than what is cut from it."""


class SplitOverlapError(DataError):
    """The same audio or the same notes stand in two splits."""


class RenderError(SepPipelineError):
    """The synthesizer cannot be used."""


class SoundFontError(RenderError):
    """A sound font is missing or refused by the synthesizer."""


class CheckpointError(SepPipelineError):
    """Weights cannot be used."""


class MissingCheckpointError(CheckpointError):
    """The named weights file does not exist."""


class TruncatedCheckpointError(CheckpointError):
    """A weights file ends before its header says it should, or does not parse."""


class CheckpointMismatchError(CheckpointError):
    """Keys or shapes of a weights file differ from the model."""


class StorageError(SepPipelineError):
    """A folder is not writable or the disk is full."""


class TrainingError(SepPipelineError):
    """Training cannot go on."""


class NonFiniteLossError(TrainingError):
    """The loss or its gradient became NaN or infinite."""
