"""Kedro's configuration loader, with the whole parameter tree checked and every arm completed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader

from sep_pipeline.configuration.project import ProjectParameters, node_parameters, parse_parameters


class CheckedConfigLoader(OmegaConfigLoader):
    """Gives `parameters` as the blocks that nodes name, see `configuration.project.node_parameters`.

    Whoever reads them, a run, a notebook or kedro-viz (which calls no hooks), gets the checked tree.

    Raises:
        ConfigurationError: On reading `parameters`, when one is unknown, missing or wrong.
    """

    def __getitem__(self, key: str) -> Any:
        """Load a kind of configuration: `catalog`, `mlflow`, `parameters` and so on."""
        if key == "parameters":
            return node_parameters(self.project_parameters)
        values = super().__getitem__(key)
        if key == "globals" and (self.runtime_params or {}).get("data_folder"):
            # Kedro's globals take no runtime parameters, yet a run must be able to write elsewhere.
            values = {**values, "data_folder": str(self.runtime_params["data_folder"])}
            self._globals = values
        return values

    @property
    def project_parameters(self) -> ProjectParameters:
        """The parameters as one typed object."""
        return parse_parameters(
            super().__getitem__("parameters"), Path(str(self.conf_source)).resolve().parent
        )
