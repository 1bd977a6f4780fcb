import pickle
import re
from pathlib import Path

import pytest

from sep_pipeline import errors
from sep_pipeline.errors import ConfigurationError, SepPipelineError, UnreadableFileError

CLASSES = [
    item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, SepPipelineError)
]
INDENT = 4


def drawn_parents() -> dict[str, str]:
    """Class name to the name of the class above it in the drawing of the module's docstring."""
    parents: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r" {4}([│├└─ ]*)(\w+Error)\b", line)
        if found:
            depth = len(found[1]) // INDENT
            above[depth:] = [found[2]]
            parents[found[2]] = above[depth - 1] if depth else "Exception"
    return parents


def test_the_drawn_tree_is_the_tree_of_classes() -> None:
    assert drawn_parents() == {item.__name__: item.__bases__[0].__name__ for item in CLASSES}


def test_message_quotes_file_parameter_expected_and_found() -> None:
    error = SepPipelineError(
        "this is wrong", file="songs/a.wav", parameter="data.stems", expected=2, found="three"
    )
    assert str(error) == (
        "this is wrong (file: songs/a.wav; parameter: data.stems; expected: 2; found: three)"
    )


def test_message_without_details_is_the_problem_alone() -> None:
    assert str(SepPipelineError("this is wrong")) == "this is wrong"


def test_values_that_are_false_are_quoted() -> None:
    assert str(SepPipelineError("too few", expected=1, found=0)) == "too few (expected: 1; found: 0)"


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_survives_pickling(kind: type[SepPipelineError]) -> None:
    error = kind("this is wrong", file="a.wav", parameter="stems", expected="drums", found=None)
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.file) == (kind, str(error), Path("a.wav"))


def test_pickling_turns_what_cannot_be_pickled_into_its_text() -> None:
    class LocalError(Exception):
        pass

    error = UnreadableFileError("it does not parse", file="a.wav", found=LocalError("bad header"))
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_errors_of_one_branch_are_caught_together() -> None:
    assert not issubclass(ConfigurationError, errors.DataError)
    assert issubclass(UnreadableFileError, errors.DataError)
