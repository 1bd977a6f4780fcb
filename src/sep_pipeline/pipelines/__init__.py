"""Pipelines: `pipeline.py` wires, `nodes.py` holds the functions.

Dataset names carry the study, arm, stem and seed in dots although nodes of different namespaces share them;
Kedro warns of that once per process.
"""

import warnings

warnings.filterwarnings("ignore", message="One or more dataset names contain '.' characters")
