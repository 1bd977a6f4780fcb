"""`python -m sep_pipeline`: the command line without Kedro's own."""

from __future__ import annotations

import sys
from pathlib import Path

from sep_pipeline.commands import STANDALONE


def main() -> None:
    """Run a command: one of `sep_pipeline.commands` anywhere, others in the project of the working directory."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name in STANDALONE:
        STANDALONE[name].main(args=sys.argv[2:], prog_name=f"sep-pipeline {name}")
    else:
        _run_in_project()


def _run_in_project() -> None:
    # Kedro takes seconds to import.
    from kedro.framework.startup import bootstrap_project

    bootstrap_project(Path.cwd())
    from sep_pipeline.cli import cli

    for name, command in STANDALONE.items():
        cli.add_command(command, name)
    cli()


if __name__ == "__main__":
    main()
