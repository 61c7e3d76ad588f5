# One environment, .venv, made on first use and again only when pyproject.toml changes.
# `make demo` and `make test` need Python >= 3.11, pip and a network once, and work offline from then on.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Workers for the tests. More than four help little.
WORKERS ?= auto --maxprocesses 4
# Where the distribution leaves pip out of new environments, the caller's pip installs into ours.
PIP = $$($(BIN)/python -m pip --version >/dev/null 2>&1 && echo "$(BIN)/python -m pip" || echo "$(PYTHON) -m pip --python $(BIN)/python")
INSTALL = $(PIP) install --quiet --disable-pip-version-check
# Both names slow NumPy's BLAS down where they are set, and the ratios with it.
BENCHMARK_ENV := env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE

.PHONY: help setup demo test lint bench docs clean

help:
	@echo "make demo   set up, then the demo: a graph, a regression, a network on real digits"
	@echo "make test   set up, then lint, types and all tests"
	@echo "make lint   ruff and mypy only"
	@echo "make bench  the benchmark table against the peers (installs them)"
	@echo "make docs   the documentation in docs/_build"
	@echo "make setup  only the environment, in .venv"
	@echo "make clean  remove the environment and everything built"

setup: $(VENV)/.stamp-test

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("wengert needs Python 3.11 or newer, this is " + sys.version.split()[0] + ". Name one: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || $(PYTHON) -m venv --clear --without-pip $(VENV)

$(VENV)/.stamp-%: pyproject.toml | $(BIN)/python
	@echo "Setting up $(VENV) for '$*' (once)"
	@$(INSTALL) --editable ".[$*]"
	@touch $@

demo: $(VENV)/.stamp-test
	@$(BIN)/wengert demo

test: lint
	$(BIN)/python -m pytest -n $(WORKERS) --hypothesis-profile=ci --cov --cov-report=term

lint: $(VENV)/.stamp-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(VENV)/.stamp-bench
	$(BENCHMARK_ENV) $(BIN)/python -m benchmarks

# -E: the pages run the library, so they are read anew even where only the library has changed.
docs: $(VENV)/.stamp-docs
	$(BIN)/sphinx-build -W -E --keep-going docs docs/_build

clean:
	rm -rf $(VENV) docs/_build build dist .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache wengert-demo.*
	find src tests examples benchmarks -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
