# make demo | test | test-slow | check | coverage | bench
# Each target makes its environment first; VENV names another folder, PYTHON another interpreter.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt
export OMP_NUM_THREADS ?= 1

.PHONY: demo test test-slow check coverage bench

demo: $(VENV)/core
	$(BIN)/gridagora run quickstart --report --overwrite

test: $(VENV)/dev
	$(BIN)/python -m pytest -n 2 --dist worksteal -q -m "not slow"

# File by file: the tests of a queue share one.
test-slow: $(VENV)/dev
	$(BIN)/python -m pytest -n 2 --dist loadfile -q -m slow

check: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Kernels run as plain Python here, so that their lines count.
coverage: $(VENV)/dev
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest -n 2 --dist worksteal -q -m "not slow and not compiled" --cov --cov-report=term:skip-covered --cov-fail-under=95

bench: $(VENV)/dev
	$(BIN)/python benchmarks/run_all.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/core: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e .
	touch $@

$(VENV)/dev: $(VENV)/core
	$(PIP) -e ".[dev]"
	touch $@
