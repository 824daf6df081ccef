# Everything runs from .venv, which `make setup` creates; nothing outside this folder is touched.
#   make demo ARGS="--for 30"            pass arguments to a command
#   make setup PYTHON=python3.13         choose the interpreter (3.11 to 3.13)

PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# What has to be covered in full, by tests of its own: measuring all others would take twice as long.
DECIDING := tests/core tests/engine

.DEFAULT_GOAL := help
.PHONY: help setup demo test cover lint types fmt bench picture clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## create .venv and install instep with its tools into it

# Done once, and again when what is to be installed has changed.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || \
		{ echo "instep needs Python 3.11, 3.12 or 3.13: make setup PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(STAMP) ## three simulated services and instep between them, on this machine only
	@$(BIN)/instep demo $(ARGS)

test: $(STAMP) ## lint, types, all tests; core and engine must be covered in full
	@$(MAKE) --no-print-directory -j 2 lint types cover
	$(BIN)/pytest -n 4 --dist worksteal $(ARGS) $(DECIDING:%=--ignore %)

cover: $(STAMP) ## the tests of core and engine, which must cover them in full
	$(BIN)/pytest -n 4 --dist worksteal --cov --cov-report= $(ARGS) $(DECIDING)
	$(BIN)/coverage report --fail-under=100

lint: $(STAMP) ## check style and formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(STAMP) ## check types
	$(BIN)/mypy

fmt: $(STAMP) ## mend style and formatting
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(STAMP) ## measure a cycle's cost
	$(BIN)/python bench/bench.py $(ARGS)

picture: $(STAMP) ## draw docs/demo.svg from a run of the demo
	$(BIN)/instep demo --for 15 --seed 3 --svg docs/demo.svg

clean: ## remove .venv and everything else that was made here
	rm -rf $(VENV) build dist htmlcov .coverage .coverage.* .hypothesis
	rm -rf .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
