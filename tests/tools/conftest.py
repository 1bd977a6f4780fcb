"""Programs of `tools/`, which are no package, as modules."""

import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture
def script() -> Callable[[str], ModuleType]:
    """Load a program by its name."""

    def load(name: str) -> ModuleType:
        spec = spec_from_file_location(f"{name}_script", TOOLS / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        # Dataclasses look their module up.
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module

    return load
