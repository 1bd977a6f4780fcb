"""Kedro's project settings."""

from typing import Any

from sep_pipeline.config_loader import CheckedConfigLoader
from sep_pipeline.hooks import ConfigurationHook, FingerprintHook, ResultHook, StatisticsHook, TrackingHook

# The last hook registered is called first: configuration, fingerprints, tracking, results.
HOOKS = (StatisticsHook(), ResultHook(), TrackingHook(), FingerprintHook(), ConfigurationHook())

RUNNER_MODULE_ALLOWLIST = ["sep_pipeline"]

CONFIG_LOADER_CLASS = CheckedConfigLoader
CONFIG_LOADER_ARGS: dict[str, Any] = {
    "base_env": "base",
    "default_run_env": "local",
    "merge_strategy": {"parameters": "soft"},
    "config_patterns": {"mlflow": ["mlflow*"]},
}
