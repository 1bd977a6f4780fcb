"""Pipelines and catalogs of the shipped environments, made without running anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kedro.config import OmegaConfigLoader
from kedro.pipeline import Pipeline

from sep_pipeline.configuration.project import ProjectParameters, parse_parameters
from sep_pipeline.pipelines import (
    chimera_transfer,
    contrastive_demix,
    data,
    jukebox_pretrain,
    jukebox_transfer,
    leaderboard,
    midi_waveform,
    open_unmix,
    report,
    score,
    separate,
)

RUN_TIME: dict[str, dict[str, str]] = {
    "base": {},
    "test": {},
    "paper": {
        "musdb_root": "/music/musdb18hq",
        "slakh_root": "/music/slakh2100",
        "bach10_root": "/music/Bach10_v1.1",
        "choirset_root": "/music/DagstuhlChoirSet_V1.2.3",
        "remixpacks_root": "/music/loops",
        "midi_root": "/music/midi",
        "weights": "/music/vqvae.pth.tar",
    },
}
REPORTED = ("jukebox_transfer", "chimera_transfer", "contrastive_demix", "open_unmix", "leaderboard")
Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def parameters(load_parameters: Any) -> Callable[..., ProjectParameters]:
    """The parsed parameters of an environment after a change of the YAML tree."""

    def parsed(env: str = "test", change: Change = lambda tree: None) -> ProjectParameters:
        tree = load_parameters(env, **RUN_TIME[env])
        change(tree)
        return parse_parameters(tree, Path("/project"))

    return parsed


@pytest.fixture
def make_pipelines(parameters: Any) -> Callable[..., dict[str, Pipeline]]:
    """All pipelines from the parameters alone, without a Kedro session."""

    def make(env: str = "test", change: Change = lambda tree: None) -> dict[str, Pipeline]:
        configuration = parameters(env, change)
        transfer = configuration.jukebox_transfer
        made = {
            "jukebox_transfer": jukebox_transfer.create_pipeline(configuration),
            "ingest": jukebox_transfer.create_data_pipeline(configuration),
            "render": data.create_rendering(transfer.data, "jukebox_transfer.data"),
            "jukebox_pretrain": jukebox_pretrain.create_pipeline(configuration),
            "chimera_transfer": chimera_transfer.create_pipeline(configuration),
            "contrastive_demix": contrastive_demix.create_pipeline(configuration),
            "open_unmix": open_unmix.create_pipeline(configuration),
            "midi_waveform": midi_waveform.create_pipeline(configuration),
            "score": score.create_pipeline(configuration),
            "leaderboard": leaderboard.create_pipeline(configuration),
            "separate": separate.create_pipeline(configuration),
        }
        everything = configuration.report.model_copy(update={"study": REPORTED})
        reporting = configuration.model_copy(update={"report": everything})
        return {**made, "report": report.create_pipeline(reporting, made)}

    return make


@pytest.fixture
def catalog_entries(project_path: Path) -> Callable[[str], dict[str, Any]]:
    """The catalog of an environment as configured."""

    def entries(env: str) -> dict[str, Any]:
        loader = OmegaConfigLoader(
            str(project_path / "conf"), env=env, base_env="base", default_run_env="local"
        )
        configured: dict[str, Any] = loader["catalog"]
        return configured

    return entries
