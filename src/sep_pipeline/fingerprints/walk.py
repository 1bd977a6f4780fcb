"""The walk through a pipeline that tells every artifact which fingerprint it should have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.io import DataCatalog
from kedro.io.core import is_parameter
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from sep_pipeline.datasets import ArtifactDataset, WorkspaceDataset
from sep_pipeline.fingerprints.code import code_digest
from sep_pipeline.fingerprints.values import digest


def expect_fingerprints(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Give each artifact of `pipeline` its expected fingerprint, and each working folder its identity.

    The fingerprint of an output joins the node's name and code, its parameters and the fingerprints of its
    inputs, in their order: the same parameter has another name in every study, and studies share what they have
    in common, such as rendered songs. An input that the pipeline does not make counts with the fingerprint
    recorded beside it, or with its content.
    """
    made: dict[str, str] = {}
    for node in pipeline.nodes:
        recipe = {"code": code_digest(node.func)}
        for name in node.inputs:
            ingredient = made[name] if name in made else _input_digest(name, catalog)
            if ingredient is not None:
                recipe[name] = ingredient
        identity = digest([node.name, *recipe.values()])
        for name in node.inputs:
            dataset = catalog.get(name)
            if isinstance(dataset, WorkspaceDataset):
                dataset.identity = identity
                dataset.identities[node.name] = identity
        for name in node.outputs:
            made[name] = digest([identity, name])
            dataset = catalog.get(name)
            if isinstance(dataset, ArtifactDataset):
                dataset.expect(made[name], recipe)


def stale_nodes(pipeline: Pipeline, catalog: DataCatalog) -> dict[Node, str]:
    """The nodes with an output that is missing or out of date, each with the reason in words."""
    stale: dict[Node, str] = {}
    for node in pipeline.nodes:
        for name in node.outputs:
            dataset = catalog.get(name)
            if isinstance(dataset, ArtifactDataset) and not dataset.exists():
                stale[node] = dataset.why_stale()
                break
    return stale


def _input_digest(name: str, catalog: DataCatalog) -> str | None:
    """Digest of a dataset that no node of the pipeline makes; None for what has no part in the results."""
    dataset: Any = catalog.get(name)
    if is_parameter(name):
        return digest(dataset.load())
    if isinstance(dataset, ArtifactDataset):
        return dataset.recorded_fingerprint() or digest(dataset.path)
    filepath = getattr(dataset, "_filepath", None)
    return None if filepath is None else digest(Path(str(filepath)))
