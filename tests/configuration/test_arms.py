from typing import Any

import pytest

from sep_pipeline.configuration.arms import merged, resolve_arms
from sep_pipeline.errors import ConfigurationError

DEFAULTS: dict[str, Any] = {"rate": 1, "model": {"width": 8, "depth": 2}, "steps": [1, 2, 3]}


def resolve(arms: Any) -> dict[str, dict[str, Any]]:
    return resolve_arms("study", DEFAULTS, arms)


class TestMerged:
    def test_blocks_merge_key_by_key(self) -> None:
        assert merged({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}}) == {"a": {"b": 1, "c": 3}}

    def test_lists_are_replaced(self) -> None:
        assert merged({"a": [1, 2, 3]}, {"a": [4]}) == {"a": [4]}

    def test_none_replaces_a_block(self) -> None:
        assert merged({"a": {"b": 1}}, {"a": None}) == {"a": None}

    def test_a_block_replaces_a_value(self) -> None:
        assert merged({"a": 1}, {"a": {"b": 2}}) == {"a": {"b": 2}}

    def test_the_base_is_not_changed(self) -> None:
        base = {"a": {"b": 1}}
        merged(base, {"a": {"b": 2}})
        assert base == {"a": {"b": 1}}


class TestDeltas:
    @pytest.mark.parametrize("empty", [{}, None])
    def test_an_empty_delta_is_the_full_block(self, empty: dict[str, Any] | None) -> None:
        assert resolve({"plain": empty}) == {"plain": DEFAULTS}

    def test_a_delta_changes_what_it_names_and_nothing_else(self) -> None:
        arms = resolve({"wide": {"model": {"width": 16}}})
        assert arms["wide"] == {"rate": 1, "model": {"width": 16, "depth": 2}, "steps": [1, 2, 3]}

    def test_a_chain_of_arms_adds_up(self) -> None:
        arms = resolve(
            {
                "fast_wide_deep": {"based_on": "wide_deep", "rate": 9},
                "wide_deep": {"based_on": "wide", "model": {"depth": 4}},
                "wide": {"model": {"width": 16}},
            }
        )
        assert arms["fast_wide_deep"] == {"rate": 9, "model": {"width": 16, "depth": 4}, "steps": [1, 2, 3]}

    def test_the_nearer_arm_wins(self) -> None:
        arms = resolve({"one": {"rate": 2}, "two": {"based_on": "one", "rate": 3}})
        assert arms["two"]["rate"] == 3

    def test_the_order_of_the_file_is_kept(self) -> None:
        assert list(resolve({"b": {}, "a": {}})) == ["b", "a"]


class TestFactors:
    def test_two_factors_give_every_combination(self) -> None:
        factors = {
            "size": {"small": {"model": {"width": 4}}, "large": {"model": {"width": 32}}},
            "speed": {"slow": None, "fast": {"rate": 5}},
        }
        arms = resolve({"grid": {"factors": factors, "steps": []}})
        assert {name: (arm["model"]["width"], arm["rate"]) for name, arm in arms.items()} == {
            "grid_small_slow": (4, 1),
            "grid_small_fast": (4, 5),
            "grid_large_slow": (32, 1),
            "grid_large_fast": (32, 5),
        }

    def test_what_stands_beside_the_factors_holds_for_all(self) -> None:
        arms = resolve({"grid": {"factors": {"size": {"small": {}, "large": {}}}, "rate": 7}})
        assert [arm["rate"] for arm in arms.values()] == [7, 7]

    def test_no_resolved_arm_keeps_the_words_of_the_notation(self) -> None:
        arms = resolve({"plain": {}, "grid": {"based_on": "plain", "factors": {"size": {"small": {}}}}})
        assert set(arms["grid_small"]) == set(DEFAULTS)

    def test_a_combination_can_be_a_base(self) -> None:
        factors = {"size": {"small": {"rate": 3}}}
        arms = resolve({"grid": {"factors": factors}, "next": {"based_on": "grid_small"}})
        assert arms["next"]["rate"] == 3


@pytest.mark.parametrize(
    ("arms", "words"),
    [
        ({"one": {"based_on": "one"}}, r"based on itself .*study\.arms\.one\.based_on"),
        (
            {"one": {"based_on": "two"}, "two": {"based_on": "one"}},
            r"based on itself .*study\.arms\.two\.based_on",
        ),
        ({"one": {"based_on": "three"}}, r"does not exist .*study\.arms\.one\.based_on.*found: three"),
        ({"One": {}}, r"name that cannot be used .*found: One"),
        ({"one-two": {}}, "name that cannot be used"),
        ({"grid": {"factors": {"size": {"2.5": {}}}}}, r"found: grid_2\.5"),
        (
            {"grid_small": {}, "grid": {"factors": {"size": {"small": {}}}}},
            "two arms have the same name .*grid_small",
        ),
        ({"grid": {"factors": {"size": {}}}}, r"block of parameters .*study\.arms\.grid\.factors\.size"),
        ({"one": 5}, r"block of parameters .*study\.arms\.one"),
        (5, r"block of parameters .*study\.arms"),
    ],
    ids=[
        "itself",
        "circle",
        "unknown parent",
        "capital",
        "hyphen",
        "dotted option",
        "same name twice",
        "factor without options",
        "number for an arm",
        "number for all arms",
    ],
)
def test_arms_that_cannot_be_resolved_are_refused(arms: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        resolve(arms)
