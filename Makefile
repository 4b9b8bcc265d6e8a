# Everything a newcomer needs: python3, make and a package registry. No uv, no DAGSTER_HOME, no root.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
TEST_PROCESSES ?= 2
export TEST_SEED ?= 7
export DAGSTER_DISABLE_TELEMETRY := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help install demo ui test test-all lint format bench dbt describe fingerprint clean lock sbom

help: ## Show what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  \033[1m%-11s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else f"Python 3.11 to 3.13 is needed, this is {v[0]}.{v[1]}: make PYTHON=python3.12 ...")'
	@echo "Installing the pinned packages into $(VENV) (once, about a minute) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@chmod 700 data
	@touch $@

install: $(INSTALLED) ## Make .venv with everything pinned by hash

demo: $(INSTALLED) ## The whole road against local fakes: 7 days, 600 Kibo orders a day and 120 of the others, picks sent, a summary
	@$(BIN)/order-pipeline demo

ui: $(INSTALLED) ## The Dagster UI on http://127.0.0.1:3000 (docs/security.md: a login)
	@$(BIN)/order-pipeline ui

test: $(INSTALLED) ## The tests; of slow matrices and costly tests a seeded sample (TEST_SEED=8: another)
	@$(BIN)/python -m pytest -m "not slow" -n $(TEST_PROCESSES)

test-all: $(INSTALLED) ## Every test, the slow matrices whole
	@$(BIN)/python -m pytest -n $(TEST_PROCESSES)

fingerprint: $(INSTALLED) ## Do all recorded worlds still give the same rows? (some minutes; see order_pipeline_tests/fingerprint)
	@$(BIN)/python -m order_pipeline_tests.fingerprint all --compare

lint: $(INSTALLED) ## Format check, lint of Python and SQL, types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@PYTHONWARNINGS=ignore $(BIN)/sqlfluff lint --disable-progress-bar dbt_style_sql/models dbt_style_sql/tests
	@$(BIN)/basedpyright --pythonpath $(BIN)/python --level error

format: $(INSTALLED) ## Format the code and mend what ruff can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(INSTALLED) ## Measurements beside the peers, some hours (BENCH=--list names the parts)
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --constraint <(sed -nE '/^[a-z].*==/{s/ *\\$$//; s/\[[^]]*\]//; p}' requirements.lock) --editable '.[bench,dev,scale]'
	@.venv-bench/bin/python -m benchmarks.side_by_side $(BENCH)

dbt: $(INSTALLED) ## Real dbt on a demo's lake: the same rows, nothing written (installs dbt into .venv-dbt)
	@$(BIN)/python -m pytest -n 0 order_pipeline_tests/dbt_style_sql/test_real_dbt.py

describe: $(INSTALLED) ## Write the yml beside every folder of SQL models again
	@$(BIN)/python -m order_pipeline_tests.dbt_style_sql.describe_models

clean: ## Remove the environment, caches and all run-time state in data/ (data/reference stays)
	@find data -mindepth 1 -maxdepth 1 ! -name reference -exec rm -rf {} +
	@rm -rf $(VENV) .venv-bench .venv-dbt .venv-dbt.lock .venv-sbom .artifacts .pytest_cache .ruff_cache .hypothesis build dist *.egg-info

sbom: ## Write sbom.json: every pinned package with its hashes, as CycloneDX (docs/supply-chain.md)
	@$(PYTHON) -m venv .venv-sbom
	@.venv-sbom/bin/python -m pip install --quiet 'cyclonedx-bom==7.5.0'
	@PYTHONWARNINGS=ignore .venv-sbom/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --output-format JSON \
		--output-file sbom.json requirements.lock
	@$(PYTHON) -c 'import json; print("sbom.json:", len(json.load(open("sbom.json"))["components"]), "packages")'

lock: ## Resolve requirements.lock again (maintainers; needs uv)
	@uv pip compile pyproject.toml --extra dev --extra scale --universal --python-version 3.11 \
		--generate-hashes --no-strip-extras --no-header --quiet --output-file requirements.lock
