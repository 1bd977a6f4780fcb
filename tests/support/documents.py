"""What the documentation prints: its pages, fenced blocks, code in running text, and commands by kind."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")

DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md", "notebooks/*.md", "data/01_raw/*.md")
    for path in PROJECT.glob(pattern)
)
WORKED_EXAMPLE = PROJECT / "docs" / "add_a_study.md"
"""Its names exist only once its blocks have been written to their files, as their own test does."""
PROSE = [
    path
    for path in DOCUMENTS
    if path.relative_to(PROJECT).parts[:2] != ("docs", "results") and path != WORKED_EXAMPLE
]


def name_of(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def fences(path: Path, *languages: str) -> list[str]:
    return [body for language, body in FENCE.findall(text_of(path)) if language in languages]


def spans(path: Path) -> list[str]:
    return SPAN.findall(FENCE.sub("", text_of(path)))


class Kind(Enum):
    """What a test does with a command."""

    RUN = "kedro run with what ships: it is executed in the environment `test`"
    STANDALONE = "a command of the package: it is executed"
    PIPE = "such a command between other programs: it is executed"
    LONG = "kedro run at the paper's scale, or for what ships: its parameters are parsed"
    MAKE = "a target of the Makefile: it exists"
    PROGRAM = "a program of the repository: its parser accepts the options"
    KEDRO = "another command of Kedro: it exists"


@dataclass(frozen=True)
class Command:
    """One command that a page prints.

    Attributes:
        text: The command on one line, without its comment.
        document: The page.
    """

    text: str
    document: Path

    @property
    def words(self) -> list[str]:
        return shlex.split(self.text)

    @property
    def kind(self) -> Kind:
        """What is done with it.

        Raises:
            ValueError: Nobody has said how such a command is checked.
        """
        if " | " in self.text:
            return Kind.PIPE
        match self.words:
            case ["kedro", "run", *options]:
                return Kind.LONG if {"--env=paper", "--env=shipped"} & set(options) else Kind.RUN
            case ["kedro", *_]:
                return Kind.KEDRO
            case ["sep-pipeline", *_] | ["python", "-m", "sep_pipeline", *_]:
                return Kind.STANDALONE
            case ["python", program, *_] if program.endswith(".py"):
                return Kind.PROGRAM
            case ["make", *_]:
                return Kind.MAKE
        raise ValueError(f"{name_of(self.document)} prints a command of no known kind: {self.text}")

    @property
    def is_mere_name(self) -> bool:
        """Whether running text names a command without saying what it shall do."""
        mentions = r"kedro( run( --pipeline=)?)?|(python -m sep_pipeline|sep-pipeline)( \w+)?|python|make"
        return re.fullmatch(mentions, self.text) is not None or "..." in self.text


def commands(path: Path) -> list[Command]:
    """Commands of shell examples, and of running text if they say what they shall do."""
    found = [Command(line, path) for body in fences(path, "bash") for line in _lines(body)]
    program = r"(kedro|make|python|sep-pipeline) "
    mentioned = [Command(span, path) for span in spans(path) if re.match(program, span)]
    return [*found, *(command for command in mentioned if not command.is_mere_name)]


def all_commands(*kinds: Kind) -> list[Command]:
    """Every command of some kinds in all documents; one that is printed twice counts where it stands first."""
    found: dict[str, Command] = {}
    for command in (command for path in DOCUMENTS for command in commands(path)):
        if command.kind in kinds:
            found.setdefault(command.text, command)
    return list(found.values())


def _lines(body: str) -> Iterator[str]:
    joined: Iterable[str] = body.replace("\\\n", " ").splitlines()
    for line in joined:
        command = " ".join(re.sub(r"(^|\s)#\s.*", "", line).split())
        if command:
            yield command
