"""Measures and picture of embeddings."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from sep_pipeline.data.triplets import ROLES
from sep_pipeline.pipelines.contrastive_demix.embeddings import (
    embedding_figure,
    measures,
    points_of,
    principal_components,
)


def rows(pretraining: str, seed: int, *triplets: tuple[tuple[float, float], ...]) -> pd.DataFrame:
    """Embeddings of triplets given as anchor, positive and negative in two dimensions."""
    return pd.DataFrame(
        {
            "triplet": number,
            "role": role,
            "stem": "drums" if role != "negative" else "bass",
            "track": "song",
            "dimension_0": point[0],
            "dimension_1": point[1],
            "pretraining": pretraining,
            "seed": seed,
        }
        for number, triplet in enumerate(triplets)
        for role, point in zip(ROLES, triplet, strict=True)
    )


ORDERED = ((0.0, 0.0), (0.5, 0.0), (3.0, 0.0))
REVERSED = ((0.0, 0.0), (0.0, 2.0), (0.0, 1.0))
COLLAPSED = ((1.0, 1.0),) * 3


def test_measures_are_those_of_every_encoder() -> None:
    embeddings = pd.concat([rows("triplets", 0, ORDERED, REVERSED), rows("triplets", 1, COLLAPSED)])
    found = measures(embeddings, 1.0)
    assert found[["pretraining", "seed"]].to_numpy().tolist() == [["triplets", 0], ["triplets", 1]]
    assert found["triplet_loss"].tolist() == pytest.approx([(0 + 2) / 2, 1], abs=1e-5)
    assert found["accuracy"].tolist() == [0.5, 0]
    assert found["embedding_norm"].tolist() == pytest.approx([6.5 / 6, 2**0.5])


def test_measures_do_not_depend_on_the_order_of_rows() -> None:
    embeddings = rows("triplets", 0, ORDERED, REVERSED, ORDERED)
    shuffled = embeddings.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(measures(embeddings, 1.0), measures(shuffled, 1.0))


def test_principal_components_keep_what_spreads_most() -> None:
    generator = np.random.default_rng(0)
    wide = generator.normal(0, [5.0, 0.01, 1.0], (200, 3))
    turned = wide @ np.linalg.qr(generator.normal(size=(3, 3)))[0] + 7
    found = principal_components(turned)
    assert found.shape == (200, 2)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-9)
    for column, place in enumerate((0, 2)):
        correlation = np.corrcoef(found[:, column], wide[:, place])[0, 1]
        assert abs(correlation) > 0.99
    largest = np.abs(found).argmax(axis=0)
    assert (found[largest, [0, 1]] > 0).all()


def test_points_are_the_dimensions_in_their_order() -> None:
    np.testing.assert_array_equal(points_of(rows("triplets", 0, ORDERED)), [[0, 0], [0.5, 0], [3, 0]])


def test_the_figure_has_a_panel_for_every_pretraining_and_a_colour_for_every_stem() -> None:
    names = ("untrained", "published_triplets")
    embeddings = pd.concat(
        [rows(name, seed, ORDERED, REVERSED) for name, seed in itertools.product(names, (0, 1))]
    )
    figure = embedding_figure(embeddings, ["bass", "drums"], title="title")
    panels = [axes for axes in figure.axes if axes.collections]
    assert [panel.get_title() for panel in panels] == ["untrained", "published triplets"]
    for panel in panels:
        assert [len(drawn.get_offsets()) for drawn in panel.collections] == [2, 4]
