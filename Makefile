# `make` lists what there is. `make run` and `make test` need Python 3.11 or newer,
# the first time a package index, and nothing else.

# The newest Python on the PATH that works; PYTHON=... chooses another.
PYTHON ?= $(shell for python in python3.15 python3.14 python3.13 python3.12 python3.11 python3; do \
	if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	then echo $$python; break; fi; done)

BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test check style types security coverage bench sdk conformance reliability soak fuzz dist docs clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/run ## run the demo: relay, provider doubles, four conversations (ARGS=--once, ARGS=--live)
	@$(BIN)/relay demo $(ARGS)

test: .venv/test ## run the tests (ARGS are pytest's)
	$(BIN)/python -m pytest $(ARGS)

check: style types security coverage test ## everything that has to hold before a commit

style: .venv/dev ## lint, and check the format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev ## check the types, strictly, of sources and tests
	$(BIN)/mypy

security: .venv/dev ## look for calls that are known to be dangerous (bandit)
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml relay examples

coverage: .venv/dev ## 100 % branch coverage of the core, by the core's own tests
	$(BIN)/python -m coverage run -m pytest -q tests/protocol
	$(BIN)/python -m coverage report

bench: .venv/bench ## measure the relay beside nginx and other proxies (ARGS=--quick for a trial)
	$(BIN)/python -m bench $(ARGS)

sdk: .venv/test ## drive the official SDKs through the relay (ARGS=--only=NAME for some of them)
	$(BIN)/python -m tests.sdk $(ARGS)

conformance: .venv/test ## run the Autobahn suite through the relay and directly (FULL=1: all of it)
	$(BIN)/python -m tests.conformance $(if $(FULL),--full)

reliability: .venv/test ## measure what holds under faults (ARGS=--quick, ARGS='--only NAME')
	$(BIN)/python -m tests.reliability $(ARGS)

soak: .venv/test ## run 3000 short sessions with faults on both sides (ARGS="--sessions N --seed S")
	$(BIN)/python -m tests.soak $(ARGS)

fuzz: .venv/test ## search for inputs that break a law of the core, for 20 minutes (ARGS=--seconds=600)
	HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest -q tests/protocol -k law
	$(BIN)/python -m tests.fuzz $(ARGS)

dist: .venv/dist ## build the wheel, the sdist and relay.pyz into dist/
	@$(BIN)/python -m deploy.dist

docs: .venv/docs ## build the documents' site into build/docs, and check their links and anchors
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -c docs/site -b html . build/docs

clean: ## remove the virtual environment and all caches
	rm -rf .venv .sdk .conformance .fuzz .thirdparty .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none is on the PATH"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/run: .venv/bin/python pyproject.toml
	@echo "installing the relay into .venv"
	@$(PIP) --editable .
	@touch $@

# What a target needs besides is an extra of pyproject.toml, and its mark the extra's name; these
# have others in them.
HAS_bench := test
HAS_deploy := dist test
HAS_dev := docs test

$(addprefix .venv/,test bench dist deploy docs dev): .venv/%: .venv/bin/python pyproject.toml
	@echo "installing the relay and its extra '$*' into .venv"
	@$(PIP) --editable '.[$*]'
	@touch $@ .venv/run $(HAS_$*:%=.venv/%)
