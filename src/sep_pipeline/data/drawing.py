"""What random examples share, whether mixtures or triplets: a source of randomness for each, and checks."""

from __future__ import annotations

import numpy as np

from sep_pipeline.data.examples import CONTENT, FIXED_CONTENT, EpochOrder
from sep_pipeline.errors import ConfigurationError


class ExampleStreams:
    """Sources of randomness of the examples of every batch.

    Without `num_items` the stream of examples never repeats: an example depends on seed, step and slot. With it there
    are so many different ones, the same in every epoch: an example depends on the seed and its number, and the order
    is that of `EpochOrder`.

    Args:
        seed: Seed of all of them.
        batch_size: Examples per batch.
        num_items: Number of different examples; None for as many as are asked for.
        is_shuffled: Whether the order of the items is random; otherwise it is that of their numbers.
    """

    def __init__(self, seed: int, batch_size: int, num_items: int | None, *, is_shuffled: bool) -> None:
        self._seed, self._batch_size = seed, batch_size
        self._order = None if num_items is None else EpochOrder(num_items, batch_size, seed, is_shuffled)

    @property
    def batches_per_epoch(self) -> int:
        """Whole batches in one pass over the items, at least one.

        Raises:
            ConfigurationError: The stream has no end.
        """
        if self._order is None:
            raise ConfigurationError("a stream without end has no epochs", parameter="num_items")
        return self._order.batches_per_epoch

    def of_step(self, step: int) -> list[np.random.Generator]:
        """One for every slot of the batch of a step."""
        if self._order is None:
            slots = range(self._batch_size)
            return [np.random.default_rng([self._seed, CONTENT, step, slot]) for slot in slots]
        return [self.of_item(int(number)) for number in self._order.items_of(step)]

    def of_item(self, number: int) -> np.random.Generator:
        """That of a fixed example; numbers begin at 0."""
        return np.random.default_rng([self._seed, FIXED_CONTENT, number])


def check_word(parameter: str, word: str, known: tuple[str, ...]) -> None:
    """Refuse a word that is not known.

    Raises:
        ConfigurationError: It is not.
    """
    if word not in known:
        raise ConfigurationError("unknown word", parameter=parameter, expected=", ".join(known), found=word)


def check_positive(**numbers: int | None) -> None:
    """Refuse numbers under 1, by the names of their parameters; None is no number.

    Raises:
        ConfigurationError: One is.
    """
    for parameter, number in numbers.items():
        if number is not None and number < 1:
            raise ConfigurationError("too small", parameter=parameter, expected=">= 1", found=number)
