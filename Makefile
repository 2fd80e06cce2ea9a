# `make conformance` and `make test` are all that a newcomer needs; `make help` lists the rest.

PYTHON ?= python3
ARGS ?=
JOBS ?= 2

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
MUTATION := $(VENV)/.mutation

.PHONY: help conformance load test lint types format screenshots bench soak peers kill-matrix mutation proto data clean

help:  ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /|/' | awk -F'|' '{printf "  make %-12s %s\n", $$1, $$2}'

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

conformance: $(READY)  ## judge the bundled reference backend; ARGS='--target http://... --user ...' for another server
	@$(BIN)/hanami-conformance run $(if $(findstring --target,$(ARGS)),,--target reference) $(ARGS)

load: $(READY)  ## load the bundled reference backend for 20 s and judge it; ARGS='--target http://... --users 50'
	@$(BIN)/hanami-load run $(if $(findstring --target,$(ARGS)),,--target reference) $(if $(findstring --seconds,$(ARGS)),,--seconds 20) $(ARGS)

test: $(READY)  ## run all tests of this repository, two at a time (JOBS=2)
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadscope $(ARGS)

lint: $(READY)  ## ruff: mistakes and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(READY)  ## mypy, strict
	@$(BIN)/mypy

format: $(READY)  ## let ruff mend what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

screenshots: $(READY)  ## take the pictures of the pages again, from real runs; needs a Chromium
	@$(BIN)/python tools/pictures/pages.py
	@$(BIN)/python tools/pictures/load.py

bench: $(READY)  ## measure speed side by side, as ratios
	@$(BIN)/python -m tools.bench $(ARGS)

soak: $(READY)  ## 30 runs in a row beside a busy machine: do they all say the same? ARGS='--runs 5'
	@$(BIN)/python -P tools/repeatability.py $(ARGS)

peers: $(READY)  ## the suite against hard peers: dialects, TLS, latency, crashes ...; ARGS='--peer NAME' or '--list'
	@$(BIN)/python -P tools/target_matrix/__main__.py --jobs $(JOBS) $(ARGS)

kill-matrix: $(READY)  ## does the suite notice every fault of the reference backend? ARGS='--fault NAME' for one
	@$(BIN)/python -P tools/kill_matrix/__main__.py $(ARGS)

$(MUTATION): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,mutation]'
	@touch $@

mutation: $(MUTATION)  ## change the models a little at a time: do their tests notice? takes about a minute
	@$(BIN)/python -P tools/mutation.py $(ARGS)

proto: $(READY)  ## generate the protobuf modules again
	@$(BIN)/python proto/generate.py

data: $(READY)  ## make the shipped data files again
	@$(BIN)/python -m tools.sample_data

clean:  ## remove everything that the commands made
	rm -rf $(VENV) .tox .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info reports/latest reports/latest-load reports/servers reports/compare reports/soak reports/peers reports/kill-matrix
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
