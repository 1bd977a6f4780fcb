from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from sep_pipeline import mapping
from sep_pipeline.audio import resampling
from sep_pipeline.fingerprints import code_digest
from sep_pipeline.fingerprints.code import THIS_PACKAGE, Package

NODES = '''
"""Nodes of a toy study."""

from toy.scores import mean
from toy.other import unused

FACTOR = 2
LOW, HIGH = 0, 9
SIZES = [1]
SIZES += [2]


def node(values):
    """Add up."""
    return helper(values) * FACTOR + len(SIZES) + HIGH


def helper(values):
    # A comment.
    from toy.late import shift

    return shift(mean(values))


def another(values):
    return unused(values) + 1
'''

TOY = {
    "toy/__init__.py": "",
    "toy/nodes.py": NODES,
    "toy/scores.py": "from toy import weights\n\n\ndef mean(values):\n    return weights.ONE * sum(values)\n",
    "toy/weights.py": "ONE = 1\n",
    "toy/late.py": "def shift(value):\n    return value + 1\n",
    "toy/other.py": "def unused(values):\n    return values\n",
    "toy/errors.py": "class ToyError(Exception):\n    pass\n",
    "toy/models/__init__.py": "from .network import Network\n",
    "toy/models/network.py": "from ..weights import ONE\n\n\nclass Network:\n    width = ONE\n",
}

Digest = Callable[..., str]


@pytest.fixture
def digest_of(tmp_path: Path) -> Digest:
    """The digest of `toy.nodes.node` after some files of the toy package were changed."""
    num_packages = 0

    def digest(changes: Mapping[str, Callable[[str], str]] | None = None, function: str = "node") -> str:
        nonlocal num_packages
        num_packages += 1
        root = tmp_path / str(num_packages)
        for name, text in TOY.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text((changes or {}).get(name, str)(text), encoding="utf-8")
        package = Package("toy", root / "toy", frozenset({"errors"}))
        named = SimpleNamespace(__module__="toy.nodes", __name__=function)
        return code_digest(named, package)  # type: ignore[arg-type]

    return digest


def replacing(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text, f"the toy package has no {old!r}"
        return text.replace(old, new)

    return change


BLIND: dict[str, tuple[str, Callable[[str], str]]] = {
    "comment": ("toy/nodes.py", replacing("# A comment.", "# Other words.\n    # And more.")),
    "docstring": ("toy/nodes.py", replacing('"""Add up."""', '"""Add them up."""')),
    "no docstring": ("toy/nodes.py", replacing('    """Add up."""\n', "")),
    "docstring of the module": ("toy/nodes.py", replacing("Nodes of a toy study", "Toys")),
    "layout": (
        "toy/nodes.py",
        replacing("helper(values) * FACTOR", "(helper(\n        values,\n    ) * FACTOR)"),
    ),
    "quotes": ("toy/late.py", lambda text: text + "\n\n\n\n"),
    "order": ("toy/nodes.py", lambda text: text + "\n\ndef unrelated():\n    return 3\n"),
    "function that is not reached": ("toy/nodes.py", replacing("+ 1\n", "+ 2\n")),
    "module of a function not reached": ("toy/other.py", replacing("return values", "return 2 * values")),
    "docstring of an imported module": ("toy/scores.py", lambda text: '"""Scores."""\n' + text),
    "docstring of a constant": ("toy/weights.py", lambda text: text + '"""The unit."""\n'),
    "module without effect": ("toy/errors.py", replacing("ToyError", "OtherError")),
}

SENSITIVE: dict[str, tuple[str, Callable[[str], str]]] = {
    "the function": ("toy/nodes.py", replacing("helper(values) *", "helper(values) -")),
    "a constant": ("toy/nodes.py", replacing("FACTOR = 2", "FACTOR = 3")),
    "a constant among several": ("toy/nodes.py", replacing("LOW, HIGH = 0, 9", "LOW, HIGH = 0, 8")),
    "an addition to a constant": ("toy/nodes.py", replacing("SIZES += [2]", "SIZES += [2, 3]")),
    "a helper": ("toy/nodes.py", replacing("shift(mean(values))", "mean(values)")),
    "an acting statement": ("toy/nodes.py", lambda text: text + "\nSIZES.append(3)\n"),
    "an imported module": ("toy/scores.py", replacing("sum(values)", "max(values)")),
    "what an imported module imports": ("toy/weights.py", replacing("ONE = 1", "ONE = 2")),
    "a module imported inside a function": ("toy/late.py", replacing("+ 1", "+ 2")),
    "where a name comes from": ("toy/nodes.py", replacing("from toy.scores import", "from toy.other import")),
}


def test_the_same_code_has_the_same_digest(digest_of: Digest) -> None:
    assert digest_of() == digest_of()


@pytest.mark.parametrize("change", BLIND)
def test_what_changes_no_number_redoes_nothing(digest_of: Digest, change: str) -> None:
    file, edit = BLIND[change]
    assert digest_of({file: edit}) == digest_of()


@pytest.mark.parametrize("change", SENSITIVE)
def test_what_can_change_a_number_is_seen(digest_of: Digest, change: str) -> None:
    file, edit = SENSITIVE[change]
    assert digest_of({file: edit}) != digest_of()


def test_a_change_redoes_only_the_functions_that_reach_it(digest_of: Digest) -> None:
    changes = {"toy/other.py": replacing("return values", "return 2 * values")}
    assert digest_of(changes, "another") != digest_of(None, "another")


def test_relative_imports_are_followed(digest_of: Digest) -> None:
    uses_models = replacing("from toy.scores import mean", "from toy.models import Network as mean")
    plain = {"toy/nodes.py": uses_models}
    assert digest_of({**plain, "toy/weights.py": replacing("ONE = 1", "ONE = 2")}) != digest_of(plain)


def test_an_imported_folder_stands_for_its_init(digest_of: Digest) -> None:
    uses_models = replacing("from toy.scores import mean", "import toy.models as mean")
    plain = {"toy/nodes.py": uses_models}
    changed = {**plain, "toy/models/__init__.py": lambda text: text + "\nWIDTH = 3\n"}
    assert digest_of(changed) != digest_of(plain)


def test_modules_that_import_each_other_end(digest_of: Digest) -> None:
    circle = {"toy/weights.py": lambda text: "from toy import scores\n" + text}
    assert digest_of(circle) != digest_of()


def test_every_module_of_this_package_is_found_as_a_file() -> None:
    assert THIS_PACKAGE.file("sep_pipeline.audio.resampling") == Path(resampling.__file__)
    assert THIS_PACKAGE.file("sep_pipeline.audio") == Path(resampling.__file__).with_name("__init__.py")
    assert THIS_PACKAGE.file("numpy.linalg") is None


@pytest.mark.parametrize(
    ("module", "counts"),
    [
        ("sep_pipeline.errors", False),
        ("sep_pipeline.tracking.session", False),
        ("sep_pipeline.audio.io", True),
        ("sep_pipeline.data.errors", True),
    ],
)
def test_modules_that_change_no_number_are_left_out(module: str, counts: bool) -> None:
    assert THIS_PACKAGE.counts(module) is counts


def test_functions_of_this_package_have_digests() -> None:
    assert code_digest(resampling.resample) != code_digest(mapping.map_tracks)
