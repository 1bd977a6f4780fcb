"""Arms as named deltas: `based_on`, deep merging, and factors that expand to a product."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Mapping
from typing import Any

from sep_pipeline.configuration.strict import require_block
from sep_pipeline.errors import ConfigurationError

ARM_NAME = re.compile(r"[a-z0-9_]+")


def merged(base: Mapping[str, Any], delta: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `delta` in their places; blocks merge, all else is replaced."""
    result = dict(base)
    for key, value in delta.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            result[key] = merged(old, value)
        else:
            result[key] = value
    return result


def resolve_arms(
    study: str, defaults: Mapping[str, Any], arms: Mapping[str, Mapping[str, Any] | None]
) -> dict[str, dict[str, Any]]:
    """Every arm as a complete block.

    Args:
        study: Name of the study, for errors.
        defaults: The full block.
        arms: Arm name to its delta. A delta may name another arm with `based_on`; `factors` maps a word to
            options (option name to delta) and expands the arm into the product `<arm>_<option>_<option>…`.

    Raises:
        ConfigurationError: A name has other characters than a-z, 0-9 and _ or comes twice, a delta or a
            factor is no block, `based_on` names no arm or goes in a circle.
    """
    require_block(arms, f"{study}.arms")
    expanded = _expand_factors(study, arms)
    return {name: _resolve(study, name, defaults, expanded, ()) for name in expanded}


def _expand_factors(study: str, arms: Mapping[str, Mapping[str, Any] | None]) -> dict[str, dict[str, Any]]:
    expanded: dict[str, dict[str, Any]] = {}
    for name, given in arms.items():
        require_block({} if given is None else given, f"{study}.arms.{name}")
        delta = dict(given or {})
        factors = delta.pop("factors", {})
        require_block(factors, f"{study}.arms.{name}.factors")
        for word, options in factors.items():
            require_block(options or None, f"{study}.arms.{name}.factors.{word}")
        for options in itertools.product(*(factor.items() for factor in factors.values())):
            product = delta
            for _, option in options:
                product = merged(product, option or {})
            generated = "_".join([str(name), *(str(option) for option, _ in options)])
            _require_new_name(study, generated, expanded)
            expanded[generated] = product
    return expanded


def _require_new_name(study: str, name: str, others: Collection[str]) -> None:
    if ARM_NAME.fullmatch(name) and name not in others:
        return
    problem = "two arms have the same name" if name in others else "an arm has a name that cannot be used"
    raise ConfigurationError(
        problem, parameter=f"{study}.arms", expected="letters a-z, digits and _, each name once", found=name
    )


def _resolve(
    study: str,
    name: str,
    defaults: Mapping[str, Any],
    arms: Mapping[str, Mapping[str, Any]],
    chain: tuple[str, ...],
) -> dict[str, Any]:
    if name not in arms or name in chain:
        raise ConfigurationError(
            "an arm is based on " + ("itself" if name in chain else "an arm that does not exist"),
            parameter=f"{study}.arms.{chain[-1]}.based_on" if chain else f"{study}.arms",
            expected=f"one of {', '.join(arms)}",
            found=name,
        )
    delta = dict(arms[name])
    parent = delta.pop("based_on", None)
    base = dict(defaults) if parent is None else _resolve(study, parent, defaults, arms, (*chain, name))
    return merged(base, delta)
