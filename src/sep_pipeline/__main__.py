"""`python -m sep_pipeline`: the command line without Kedro's own."""

from __future__ import annotations

from pathlib import Path

from kedro.framework.startup import bootstrap_project


def main() -> None:
    """Run a command of `sep_pipeline.cli` in the project of the working directory."""
    bootstrap_project(Path.cwd())
    from sep_pipeline.cli import cli

    cli()


if __name__ == "__main__":
    main()
