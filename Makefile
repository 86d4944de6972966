# Every target makes its own virtual environment and installs what it needs: nothing has to be prepared.
# Another interpreter: make PYTHON=python3.13 …

PYTHON  ?= python3
WORKERS ?= 8

override VENV := .venv
BIN := $(VENV)/bin
PACKAGE := $(VENV)/package-installed
TOOLS := $(VENV)/tools-installed
PEERS := $(VENV)/peers-installed
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

# pip before 25.1 cannot read [dependency-groups] itself.
DEPENDENCIES := import sys, tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"][sys.argv[1]], sep="\n")
CHECK_VERSION := import sys; sys.version_info < (3, 11) and sys.exit("forge-jobs needs Python 3.11 or newer, $(PYTHON) is " + sys.version.split()[0] + ": say make PYTHON=python3.11")

ITSELF := import sys; print(sys.executable)

.PHONY: help demo test check bench bench-quick format docs clean

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(PACKAGE) ## Count a few thousand source files with eight worker processes, then check every figure.
	@$(BIN)/python -m examples.code_census --packages --workers $(WORKERS)

test: $(TOOLS) ## Run all tests.
	@$(BIN)/python -m pytest

check: $(TOOLS) ## Look for faults without running: lint, format, types, layers, generated docs.
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python docs/make_states.py --check

bench: $(PEERS) ## Measure forge-jobs beside what one would pick instead; tables and plots go to benchmarks/results.
	@$(BIN)/python -m benchmarks

bench-quick: $(PEERS) ## The same with less of everything, in two or three minutes.
	@$(BIN)/python -m benchmarks --quick

format: $(TOOLS) ## Format the code, and mend what can be mended by itself.
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

docs: $(PACKAGE) ## Draw the diagrams of the documentation from the code.
	@$(BIN)/python docs/make_states.py

clean: ## Remove the virtual environment, caches and what was built.
	@rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c '$(CHECK_VERSION)'
	@rm -rf $(VENV)
	@echo "making the virtual environment $(VENV)"
	@if $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then $(PYTHON) -m venv $(VENV); \
	elif command -v virtualenv >/dev/null; then virtualenv --quiet --python "$$($(PYTHON) -c "$(ITSELF)")" $(VENV); \
	elif command -v uv >/dev/null; then uv venv --quiet --seed --python "$$($(PYTHON) -c "$(ITSELF)")" $(VENV); \
	else echo "$(PYTHON) cannot make a virtual environment; this helps: apt-get install python3-venv" >&2; exit 1; \
	fi || { rm -rf $(VENV); exit 1; }

$(PACKAGE): pyproject.toml $(BIN)/python
	@echo "installing forge-jobs and what it needs"
	@$(PIP) --editable .
	@touch $@

$(TOOLS): $(PACKAGE)
	@echo "installing the tools for tests and checks"
	@$(BIN)/python -c '$(DEPENDENCIES)' dev > $(VENV)/tools.txt
	@$(PIP) --requirement $(VENV)/tools.txt
	@touch $@

$(PEERS): $(PACKAGE)
	@echo "installing what forge-jobs is measured beside"
	@$(BIN)/python -c '$(DEPENDENCIES)' bench > $(VENV)/peers.txt
	@$(PIP) --requirement $(VENV)/peers.txt
	@touch $@
