# The two commands: `make run` (sets up, runs the main job) and `make test` (sets up, passes the tests).
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=
SONG ?=

export PATH := $(CURDIR)/$(BIN):$(PATH)
export DO_NOT_TRACK := 1
export MLFLOW_DISABLE_TELEMETRY := true

.PHONY: run separate setup test lint unit test-browser docs ui viz notebook clean help

run: $(STAMP) ## set up and run the main job; ARGS="--env=paper ..." adds options
	kedro run --pipeline=jukebox_transfer $(ARGS)

separate: $(STAMP) ## set up and take a song apart: make separate SONG=song.mp3
	@test -n "$(SONG)" || { echo "Which song? make separate SONG=song.mp3"; exit 2; }
	$(BIN)/python -m sep_pipeline separate "$(SONG)" $(ARGS)

setup: $(STAMP) ## virtual environment with the pinned packages, and ffmpeg if the system has none

$(STAMP): pyproject.toml constraints.txt tools/provide_ffmpeg.py
	@test -n "$(PYTHON)" || { echo "Python 3.11 is needed and was not found"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]" -c constraints.txt
	$(BIN)/python tools/provide_ffmpeg.py $(BIN)
	@touch $@

test: lint unit ## set up and pass every check and test

lint: $(STAMP) ## style, types and import directions
	ruff check .
	ruff format --check .
	mypy
	lint-imports

unit: $(STAMP) ## the tests, two processes
	pytest -n 2 --dist loadfile $(ARGS)

test-browser: $(STAMP) ## the graph, MLflow's and a study's page in a real Chromium
	pytest -n 0 -m browser tests/browser $(ARGS)

docs: $(STAMP) ## the documentation as a site in site/, every warning an error
	sphinx-build --quiet --fail-on-warning --keep-going -c docs -d build/doctrees . site

ui: $(STAMP) ## MLflow's page: the arms side by side at the address it prints
	@echo "Arms by stem: http://127.0.0.1:5000/#/experiments/1/runs?viewStateShareKey=arms (the second button draws charts)"
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false mlflow server --workers 1 --host 127.0.0.1 --backend-store-uri sqlite:///mlflow.db

viz: $(STAMP) ## the graph of every pipeline at http://127.0.0.1:4141; ARGS="--env=test" shows that environment
	kedro viz run --include-hooks $(ARGS)

notebook: $(STAMP) ## JupyterLab in notebooks/, installed on first use
	@test -x $(BIN)/jupyter-lab || $(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[notebook]" -c constraints.txt
	cd notebooks && jupyter lab $(ARGS)

clean: ## remove what runs have written, keep the environment
	rm -rf data/0[2-8]_*/* data/test data/paper data/shipped mlflow.db mlruns

help: ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/'
