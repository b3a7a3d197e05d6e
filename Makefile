# Everything that a person or CI runs. Exact versions come from the lock files; pip takes its
# index from the environment.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.run-installed
DEV_STAMP := $(VENV)/.dev-installed
PYTEST_WORKERS ?= 2

.PHONY: up agent test lint format bench lock prebuild release-check clean

## Start everything and print the dashboard's address.
up: $(RUN_STAMP)
	@$(BIN)/perfcompare up $(ARGS)

## Build or unpack the .NET agent and say which one is used.
agent: $(RUN_STAMP)
	@$(BIN)/python -m backend_dotnet_shim.delivery

## Check and test everything that this machine has the tools for.
test: $(DEV_STAMP) lint
	@$(BIN)/python -m backend_dotnet_shim.delivery || true
	@scripts/test-dotnet
	$(BIN)/pytest -n $(PYTEST_WORKERS) -m "not quiet"
	$(BIN)/pytest -m quiet

lint: $(DEV_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(DEV_STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

## Measure what the product promises about itself; exits 1 when a target is missed.
bench: $(RUN_STAMP)
	@scripts/bench

## Remake the lock files from pyproject.toml.
lock:
	@scripts/lock

## Remake the prebuilt .NET agent; do it in the last commit of a change to the C# source.
prebuild: $(RUN_STAMP)
	$(BIN)/python -m backend_dotnet_shim.prebuild

## Fail when the prebuilt .NET agent is not made from the source beside it.
release-check: $(RUN_STAMP)
	$(BIN)/python -m backend_dotnet_shim.prebuild --check

clean:
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(RUN_STAMP): requirements.lock pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(DEV_STAMP): requirements-dev.lock $(RUN_STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.lock
	@touch $@
