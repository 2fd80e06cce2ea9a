# `make conformance` and `make test` are all that a newcomer needs; `make help` lists the rest.

PYTHON ?= python3
ARGS ?=
JOBS ?= 2

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
MUTATION := $(VENV)/.mutation
SCHEMATHESIS := $(VENV)/schemathesis
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable
LOCK := UV_CUSTOM_COMPILE_COMMAND='make lock' $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-annotate --constraint constraints.txt pyproject.toml
TEST := $(BIN)/python -m pytest -n $(JOBS) --dist loadscope

.PHONY: help conformance load test test-slow test-all lint types format docs dist pictures bench clocks repeatability sequence-search target-matrix kill-matrix client-kill-matrix mutation schemathesis autobahn lock proto data clean released-servers

help:  ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /|/' | awk -F'|' '{printf "  make %-14s %s\n", $$1, $$2}'

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) '.[dev]'
	@touch $@

conformance: $(READY)  ## judge the bundled reference backend; ARGS='--target http://... --user ...' for another server
	@$(BIN)/hanami-conformance run $(if $(findstring --target,$(ARGS)),,--target reference) $(ARGS)

load: $(READY)  ## load the bundled reference backend for 20 s and judge it; ARGS='--target http://... --users 50'
	@$(BIN)/hanami-load run $(if $(findstring --target,$(ARGS)),,--target reference) $(if $(findstring --seconds,$(ARGS)),,--seconds 20) $(ARGS)

test: $(READY)  ## run the tests of this repository except the slowest, two at a time (JOBS=2); ARGS for pytest
	@$(TEST) -m "not slow" $(ARGS)

test-slow: $(READY)  ## run the slowest tests alone
	@$(TEST) -m slow $(ARGS)

test-all: test test-slow  ## run all tests: first the others, then the slowest

lint: $(READY)  ## ruff: mistakes and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(READY)  ## mypy, strict
	@$(BIN)/mypy

format: $(READY)  ## let ruff fix what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: $(READY)  ## build the site of the documentation in build/site; a dead link is an error
	@$(BIN)/python -m tools.docs

dist: $(READY)  ## build sdist and wheel in dist/, and check what is in them
	@$(BIN)/python -m tools.dist

pictures: $(READY)  ## take the pictures of the documentation again, from real runs; needs a Chromium
	@$(BIN)/python -m tools.pictures.terminal
	@$(BIN)/python -m tools.pictures.pages
	@$(BIN)/python -m tools.pictures.load

bench: $(READY)  ## measure speed side by side, as ratios
	@$(BIN)/python -m tools.bench $(ARGS)

clocks: $(READY)  ## can the clocks be trusted? servers with known response times, ours and stock Locust: ten minutes; ARGS=--quick
	@$(BIN)/python -m tools.clocks $(ARGS)

sequence-search: $(READY)  ## which of 30 faults do generated sequences find alone, and with what effort? ARGS='--unguided'
	@$(BIN)/python -m tools.sequence_search $(ARGS)

repeatability: $(READY)  ## 30 runs in a row beside a busy machine: do they all say the same? ARGS='--runs 5'
	@$(BIN)/python -m tools.repeatability $(ARGS)

target-matrix: $(READY)  ## the suite against challenging targets: dialects, TLS, latency, crashes ...; ARGS='--target NAME' or '--list'
	@$(BIN)/python -m tools.target_matrix --jobs $(JOBS) $(ARGS)

released-servers: $(READY)  ## the suite against simulated released servers: each defect shown, nothing else? 20 minutes
	@$(BIN)/python -m tools.target_matrix --released --jobs $(JOBS) $(ARGS)

kill-matrix: $(READY)  ## does the suite detect every fault of the reference backend? ARGS='--fault NAME' for one
	@$(BIN)/python -m tools.kill_matrix $(ARGS)

client-kill-matrix: $(READY)  ## does hanami-conformance client detect every fault of the example client? ARGS='--variant NAME' for one
	@$(BIN)/python -m tools.client_kill_matrix $(ARGS)

$(MUTATION): $(READY)
	$(INSTALL) '.[dev,mutation]'
	@touch $@

mutation: $(MUTATION)  ## make small changes to the models: do their tests detect them? takes about a minute
	@$(BIN)/python -m tools.mutation $(ARGS)

$(SCHEMATHESIS)/.ready: $(READY)
	$(PYTHON) -m venv $(SCHEMATHESIS)
	$(SCHEMATHESIS)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[schemathesis]'
	@touch $@

schemathesis: $(SCHEMATHESIS)/.ready  ## the API page of the reference backend against its answers, in all dialects: five minutes; ARGS='--seconds 20'
	@$(BIN)/python -m tools.schemathesis $(ARGS)

autobahn: $(READY)  ## the websockets of the reference backend against the Autobahn test suite, where that can be had; ARGS='--case 7.*'
	@$(BIN)/python -m tools.autobahn $(ARGS)

lock: $(READY)  ## pin what the GitHub action and the image download by hash, after a change of constraints.txt or pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	@echo hatchling | $(LOCK) - --output-file .ci/requirements.txt
	@echo hatchling | $(LOCK) - --extra load --output-file .ci/requirements-load.txt

proto: $(READY)  ## generate the protobuf modules again
	@$(BIN)/python proto/generate.py

data: $(READY)  ## make the shipped data files again
	@$(BIN)/python -m tools.sample_data

clean:  ## remove everything that the commands made
	rm -rf $(VENV) .tox .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info reports/latest reports/latest-load reports/rerun reports/servers reports/compare reports/repeatability reports/target-matrix reports/kill-matrix reports/client-kill-matrix reports/autobahn reports/schemathesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
