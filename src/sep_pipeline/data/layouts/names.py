"""Names in trees of stems: the label of a spelling, words that usually name stems, numbers and prefixes."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sep_pipeline.data.layouts.source import normalised

MIXTURE_NAMES = ("mixture", "mix", "mixdown", "full", "master")
REST_NAMES = ("other", "others", "rest", "remainder", "residual", "accompaniment", "instrumental")
USUAL_ORDER = ("vocals", "drums", "bass", "guitar", "piano")

_MORE_WORDS = """
vocal vox voice voices singer singing speech dialogue choir soprano alto tenor baritone
drum drumkit percussion kick snare tom toms cymbal cymbals hat hats hihat hihats overhead overheads clap claps
guitars keys keyboard keyboards organ synth synths pad pads strings violin violins viola cello contrabass harp
flute clarinet oboe bassoon saxophone saxphone sax trumpet trombone horn horns tuba brass winds woodwinds
accordion banjo mandolin ukulele fx sfx
gesang stimme schlagzeug gitarre klavier geige begleitung
voix chant batterie basse guitare reste voz voces bateria bajo guitarra resto voce batteria basso chitarra
"""
_STEM_WORDS = frozenset((*MIXTURE_NAMES, *REST_NAMES, *USUAL_ORDER, *_MORE_WORDS.split()))
_NUMBER = re.compile(r"\d+[\s._)-]+(?=\S)")
_SEPARATORS = " \t_-.–—"


@dataclass(frozen=True, kw_only=True)
class Named:
    """A file's name inside its track.

    Attributes:
        track: Name of the track.
        name: The file's name without its suffix, as spelt.
    """

    track: str
    name: str


@functools.lru_cache(maxsize=1 << 16)
def label_of(name: str) -> str:
    """The stem name that stands for a spelling: small letters a to z, digits and `_`.

    Accents are dropped ("Gesang (Männer)" gives "gesang_manner"). A letter of another script becomes its name
    in Unicode ("ドラム" gives "doramu"), which is unambiguous if not always pretty. Empty where the spelling
    has neither a letter nor a digit.
    """
    composed = unicodedata.normalize("NFKC", name).casefold()
    return "_".join(re.findall("[a-z0-9]+", "".join(map(_in_ascii, composed))))


def _in_ascii(character: str) -> str:
    if character.isascii():
        return character
    words = unicodedata.name(character, "").split(" WITH ")[0].lower()
    category = unicodedata.category(character)
    if words.startswith("combining") or category == "Lm":
        return ""
    return re.split("[ -]", words)[-1] if category[0] in "LMN" else " "


def is_mixture(label: str) -> bool:
    """Whether a label names the mixture."""
    return label in MIXTURE_NAMES


def is_stem_word(label: str) -> bool:
    """Whether a label is, begins or ends with a word that usually names a stem ("kick_in", "guitar_2")."""
    words = [word for word in label.split("_") if not word.isdigit()]
    core = [word.rstrip("0123456789") for word in words]
    return bool(core) and not _STEM_WORDS.isdisjoint((core[0], core[-1]))


def share_of_stem_words(labels: Sequence[str]) -> float:
    """Share of labels that are stem words, from 0 to 1; 0 without labels."""
    return sum(map(is_stem_word, labels)) / len(labels) if labels else 0.0


def ordered_labels(counts: Counter[str]) -> tuple[str, ...]:
    """Labels in a fixed order: the five usual ones, others by frequency and name, then the rests by name."""

    def place(label: str) -> tuple[int, int, str]:
        if label in USUAL_ORDER:
            return (0, USUAL_ORDER.index(label), label)
        return (2, 0, label) if label in REST_NAMES else (1, -counts[label], label)

    return tuple(sorted(counts, key=place))


def labels_of(files: Sequence[Named]) -> list[str]:
    """Labels of all files of a tree, without the track's name and numbers where all files have them.

    "Song - drums" in the track "Song", "01 Drums" and "Song_01_drums" all give "drums". A prefix goes only if
    every file of the tree has it, apart from mixtures, and if no two labels of one track become the same
    by it. A file with the name of its track is the mixture if all others have that name as a prefix.
    """
    names = list(files)
    for strip in (_without_track, _without_number) * 2:
        stripped = _stripped(names, strip)
        names = stripped if stripped and _is_safe(names, stripped) else names
    return [label_of(entry.name) for entry in names]


def _stripped(files: Iterable[Named], strip: Callable[[Named], str | None]) -> list[Named] | None:
    """Apply `strip` to all files; None if it does not fit one of them that is no mixture."""
    results = []
    for entry in files:
        name = strip(entry)
        if name is None and not is_mixture(label_of(entry.name)):
            return None
        results.append(entry if name is None else Named(track=entry.track, name=name))
    return results


def _without_track(entry: Named) -> str | None:
    track, name = normalised(entry.track), normalised(entry.name)
    if name == track:
        return MIXTURE_NAMES[0]
    # Composed characters, so that prefix and name have the same length however they are spelt.
    name = unicodedata.normalize("NFC", entry.name)
    prefix = unicodedata.normalize("NFC", entry.track)
    head, tail = name[: len(prefix)], name[len(prefix) :]
    rest = tail.lstrip(_SEPARATORS)
    return rest if normalised(head) == track and rest and rest != tail else None


def _without_number(entry: Named) -> str | None:
    match = _NUMBER.match(entry.name)
    return entry.name[match.end() :] if match and label_of(entry.name[match.end() :]) else None


def _is_safe(before: Iterable[Named], after: Iterable[Named]) -> bool:
    """Whether stripping leaves labels that differed in a track different, and some that are stems."""
    old = {(entry.track, label_of(entry.name)) for entry in before}
    new = {(entry.track, label_of(entry.name)) for entry in after}
    return len(new) == len(old) and not all(is_mixture(label) for _, label in new)
