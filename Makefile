# Needs Python 3.11 or newer and make. Every target sets the environment up first, and again only when a lock changed.
PYTHON ?= python3
VENV ?= .venv
PORT ?= 3000
MLFLOW_PORT ?= 5000
# One more than two cores: the tests of a running server mostly wait for its daemon.
WORKERS ?= 3

BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
HOME_FOLDER = $${RETRAIN_ASSETS_HOME:-$(CURDIR)/var}
UV := UV_PYTHON_DOWNLOADS=never VIRTUAL_ENV="$(abspath $(VENV))" $(BIN)/uv
# A script's shell starts what it leaves in the background with SIGINT ignored, and Dagster does with SIGTERM what it
# does with SIGINT: without this nothing but SIGKILL would end the UI then.
HEEDING = $(BIN)/python -c 'import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])'

.PHONY: help setup demo test ui mlflow-ui lint bench lock
.DEFAULT_GOAL := help

help:
	@echo 'make demo       set up, replay 16 weeks of simulated ad clicks, say what happened and where to look'
	@echo 'make ui         Dagster with its daemon on http://127.0.0.1:$(PORT) (PORT=...)'
	@echo 'make mlflow-ui  MLflow on http://127.0.0.1:$(MLFLOW_PORT) (MLFLOW_PORT=...)'
	@echo 'make test       all tests'
	@echo 'make lint       ruff, mypy, dg check defs'
	@echo 'make bench      speed and memory, as a table and as benchmarks/results/bench.json'
	@echo 'make lock       resolve the versions of pyproject.toml again'

setup: $(STAMP)

$(BIN)/uv: requirements/bootstrap.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is $$($(PYTHON) --version 2>&1 || echo missing); this project needs Python 3.11 or newer: install one and name it, as in make PYTHON=python3.12 demo." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make a virtual environment with pip; install its venv package (on Debian and Ubuntu: apt-get install python3-venv) and run make again." >&2; exit 1; }
	@echo 'Setting up $(VENV) ...'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock
	@touch $@

# Compiled once here: where Python may not write bytecode, every command would compile its imports for seconds.
$(STAMP): $(BIN)/uv requirements/requirements.lock pyproject.toml Makefile
	@$(UV) pip sync --quiet --compile-bytecode --require-hashes requirements/bootstrap.lock requirements/requirements.lock
	@$(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q retrain_assets
	@printf '%s\nimport retrain_assets_startup\n' '$(CURDIR)/tools/startup' \
	  > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/retrain_assets_startup.pth"
	@touch $@

demo: $(STAMP)
	@$(BIN)/python -m retrain_assets.demo

test: $(STAMP)
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) $(ARGS)

ui: $(STAMP)
	@echo 'Dagster: http://127.0.0.1:$(PORT)   (models and runs in MLflow: make mlflow-ui, in another terminal)'
	@exec $(HEEDING) $(BIN)/dg dev --host 127.0.0.1 --port $(PORT)

mlflow-ui: $(STAMP)
	@mkdir -p "$(HOME_FOLDER)"
	@MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false $(BIN)/mlflow ui --workers 1 --host 127.0.0.1 --port $(MLFLOW_PORT) \
	  --backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///$(HOME_FOLDER)/mlflow.db}"

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/dg check defs

bench: $(STAMP)
	@$(BIN)/python -m benchmarks

lock: $(STAMP)
	@$(UV) pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url --generate-hashes \
	  requirements/bootstrap.in --output-file requirements/bootstrap.lock
	@$(UV) pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url --generate-hashes \
	  pyproject.toml --group dev --output-file requirements/requirements.lock
