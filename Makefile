# Everything a newcomer or CI runs. `make help` lists the targets; each is documented by the `##` on its line.
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CHART_STAMP := $(VENV)/.installed-chart
# Hundreds of processes are started by the tests: each would compile what it imports anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run demo test test-unit tools lint format types verify-protos generate-protos generate-functions verify-functions generate-chart verify-chart generate-lock bench soak chaos image image-test cluster-images cluster-test clean

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

# --- set-up: a virtual environment from the locked, hashed requirements -------------------------------------------
$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is %d.%d: make PYTHON=/path/to/python3.11" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@echo "Installing the locked dependencies into $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

# What only the chart's tests need, and is larger than the rest.
$(CHART_STAMP): requirements-chart.lock $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-chart.lock
	@touch $@

# --- the main job -------------------------------------------------------------------------------------------------
run: $(STAMP) ## Start a PostgreSQL, the demo data and the three services; walk through the product; serve until Ctrl-C
	@$(BIN)/directflow dev

demo: $(STAMP) ## The same journey once, then exit
	@$(BIN)/directflow dev --once

# --- proofs -------------------------------------------------------------------------------------------------------
test: $(STAMP) $(CHART_STAMP) ## Every test (a few minutes)
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder -m "not soak and not chaos and not image and not cluster" tests

test-unit: $(STAMP) ## Tests that start no PostgreSQL and no server (seconds)
	@$(BIN)/python -m pytest -m "not soak and not chaos" tests/architecture tests/runtime tests/query_gateway/sql tests/segments/audience

tools: $(STAMP) ## What makes tests more real, where Go, Node and apt are on the machine (minutes, once)
	@scripts/make_tools

lint: $(STAMP) ## ruff: rules and format
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

format: $(STAMP) ## Let ruff rewrite the files
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

types: $(STAMP) ## mypy --strict on our packages
	@$(BIN)/mypy

bench: $(STAMP) ## Ratios against peers, measured in one run
	@$(BIN)/python -m benchmarks

soak: $(STAMP) $(CHART_STAMP) ## The long forms: millions of rows, flat memory (tens of minutes)
	@$(BIN)/python -m pytest -m soak tests

chaos: $(STAMP) $(CHART_STAMP) ## The long forms with real faults (tens of minutes)
	@$(BIN)/python -m pytest -m chaos tests

image: $(STAMP) ## The container image with buildah: make image BASE=python:3.11-slim-bookworm@sha256:...
	@scripts/image_build $(if $(BASE),--base $(BASE))

image-test: $(STAMP) ## The same on a base from Debian's packages, each service run from it (minutes; root, buildah, runc, mmdebstrap)
	@$(BIN)/python -m pytest -m image tests/image

cluster-images: ## What stands behind DirectFlow in cluster-test, as an image archive (once; needs root, buildah, mmdebstrap)
	@scripts/cluster_images build

cluster-test: $(STAMP) ## The chart on the Kubernetes cluster that kubectl has (a quarter of an hour; skipped without one)
	@$(BIN)/python -m pytest -m cluster tests/cluster

# --- generated things: each has a generate and a verify -------------------------------------------------------------
generate-protos: $(STAMP) ## Regenerate protos/gen from protos/directflow
	@scripts/generate_protos $(BIN)/python

verify-protos: $(STAMP) ## buf lint, buf breaking, and: the committed stubs are what the protos generate
	@scripts/verify_protos $(BIN)

generate-functions: $(STAMP) ## Rebuild the lists of built-in functions from real catalogues (needs PostgreSQL 15 on the machine)
	@$(BIN)/python scripts/generate_functions

verify-functions: $(STAMP) ## The committed lists are what the catalogues on this machine say
	@$(BIN)/python scripts/generate_functions --check

generate-chart: $(STAMP) $(CHART_STAMP) ## Regenerate the chart's schema, README table, copies, and the golden render of its defaults
	@$(BIN)/python scripts/generate_chart
	@DIRECTFLOW_GOLDEN=write $(BIN)/python -m pytest -q -p no:cacheprovider tests/chart/test_golden.py

verify-chart: $(STAMP) $(CHART_STAMP) ## The chart's generated files are what values.yaml and deploy/observability say
	@$(BIN)/python scripts/generate_chart --check

generate-lock: $(STAMP) ## Resolve the dependencies anew (needs uv)
	@scripts/generate_lock

clean: ## Remove the virtual environment and caches
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
