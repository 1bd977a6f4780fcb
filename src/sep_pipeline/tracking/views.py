"""How MLflow's page shows a study: as training, with the columns and order that compare arms."""

from __future__ import annotations

import json

MAIN_SCORE = "final/SDR_whole_song"
"""The metric that the saved view shows and sorts by."""

VIEW = "arms"
"""Key of the saved view: `…/runs?viewStateShareKey=arms` opens it."""

VIEW_NAME = "Arms by stem"


def experiment_tags() -> dict[str, str]:
    """Tags of a new experiment.

    MLflow keeps the saved views of an experiment in its tags. Without one its list of runs shows neither arm
    nor score and its charts only the ten newest runs. A page that does not know these tags leaves them alone.
    """
    columns = ["tags.`stem`", "tags.`arm`", "tags.`seed`", f"metrics.`{MAIN_SCORE}`", "attributes.`Created`"]
    state = {
        "searchFilter": "tags.kind = 'cell'",
        "orderByKey": "tags.`stem`",
        "orderByAsc": True,
        "selectedColumns": columns,
        "runsHiddenMode": "SHOWALL",
    }
    view = {"name": VIEW_NAME, "createdAt": 0, "updatedAt": 0, "state": json.dumps(state)}
    return {
        "mlflow.experimentKind": "custom_model_development",
        f"mlflow.sharedViewState.{VIEW}": json.dumps(view),
    }
