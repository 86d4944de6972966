# Every target makes its own virtual environment and installs what it needs: nothing has to be prepared.
# Another interpreter: make PYTHON=python3.13 …

PYTHON  ?= python3
WORKERS ?= 8
MINUTES ?= 60
SEED    ?= 0
ABREAST ?= 4

override VENV := .venv
override BENCH_VENV := .venv-bench
BIN := $(VENV)/bin
PACKAGE := $(VENV)/package-installed
TOOLS := $(VENV)/tools-installed
PEERS := $(BENCH_VENV)/peers-installed
INSTALL := python -m pip --disable-pip-version-check install --quiet

# pip before 25.1 cannot read [dependency-groups] itself.
GROUP := import sys, tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"][sys.argv[1]], sep="\n")
CHECK_VERSION := import sys; sys.version_info < (3, 11) and sys.exit("forge-jobs needs Python 3.11 or newer, $(PYTHON) is " + sys.version.split()[0] + ": say make PYTHON=python3.11")

ITSELF := import sys; print(sys.executable)

# The newest Python that really starts, for the peers that need it: a shim of pyenv may be there and fail.
PYENV := $$HOME/.pyenv/versions
BENCH_PYTHON = $(shell for python in python3.13 $(PYENV)/3.13.*/bin/python python3.12 $(PYENV)/3.12.*/bin/python; do \
	$$python -c pass 2>/dev/null && echo $$python && exit; done; echo $(PYTHON))

# $(call make_venv,PYTHON,DIRECTORY)
define make_venv
@rm -rf $(2)
@echo "making the virtual environment $(2)"
@if $(1) -c 'import ensurepip, venv' 2>/dev/null; then $(1) -m venv $(2); \
elif command -v virtualenv >/dev/null; then virtualenv --quiet --python "$$($(1) -c "$(ITSELF)")" $(2); \
elif command -v uv >/dev/null; then uv venv --quiet --seed --python "$$($(1) -c "$(ITSELF)")" $(2); \
else echo "$(1) cannot make a virtual environment; this helps: apt-get install python3-venv" >&2; exit 1; \
fi || { rm -rf $(2); exit 1; }
endef

.PHONY: help demo test torture soak twins hostile check bench bench-quick format docs clean

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(PACKAGE) ## Count a few thousand source files with eight worker processes, then check every figure.
	@$(BIN)/python -m examples.code_census --packages --workers $(WORKERS)

test: $(TOOLS) ## Run all tests, ABREAST=4 at a time: most of them wait for processes.
	@$(BIN)/python -m pytest -n $(ABREAST) --dist loadfile --no-loadscope-reorder

torture: $(TOOLS) ## Kill its processes at random, then check everything. More or others: make torture TORTURE="--kills 50 --seed x".
	@$(BIN)/python -m tests.faults $(TORTURE)

soak: $(TOOLS) ## The same for MINUTES=60 on each backend, and see whether anything grows meanwhile.
	@$(BIN)/python -m tests.faults --minutes $(MINUTES) --pause 0.5 3 $(TORTURE)

twins: $(TOOLS) ## Do verbs at random to SQLite, PostgreSQL and a plain dictionary, which must agree after each.
	@$(BIN)/python -m tests.faults.walk $(TWINS)

hostile: $(TOOLS) ## Write into rows, type and configure what nobody would: make hostile SEED=x HOSTILE="--cases 500".
	@$(BIN)/python -m tests.hostile --seed "$(SEED)" $(HOSTILE)
	@FORGE_TEST_SEED="$(SEED)" $(BIN)/python -m pytest -q --hypothesis-profile=search tests/hostile/test_cli.py tests/hostile/test_config.py

check: $(TOOLS) ## Look for faults without running: lint, format, types, layers, generated docs.
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python docs/make_states.py --check

bench: $(PEERS) ## Measure forge-jobs beside what one would pick instead; tables and plots go to benchmarks/results.
	@$(BENCH_VENV)/bin/python -m benchmarks

bench-quick: $(PEERS) ## The same with less of everything, in less than two minutes.
	@$(BENCH_VENV)/bin/python -m benchmarks --quick

format: $(TOOLS) ## Format the code, and mend what can be mended by itself.
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

docs: $(PACKAGE) ## Draw the diagrams of the documentation from the code.
	@$(BIN)/python docs/make_states.py

clean: ## Remove the virtual environment, caches and what was built.
	@rm -rf $(VENV) $(BENCH_VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c '$(CHECK_VERSION)'
	$(call make_venv,$(PYTHON),$(VENV))

$(BENCH_VENV)/bin/python:
	@$(PYTHON) -c '$(CHECK_VERSION)'
	$(call make_venv,$(BENCH_PYTHON),$(BENCH_VENV))

$(PACKAGE): pyproject.toml $(BIN)/python
	@echo "installing forge-jobs and what it needs"
	@$(BIN)/$(INSTALL) --editable .
	@touch $@

$(TOOLS): $(PACKAGE)
	@echo "installing the tools for tests and checks"
	@$(BIN)/python -c '$(GROUP)' dev > $(VENV)/tools.txt
	@$(BIN)/$(INSTALL) --requirement $(VENV)/tools.txt
	@touch $@

$(PEERS): pyproject.toml $(BENCH_VENV)/bin/python
	@echo "installing forge-jobs and the peers it is measured beside"
	@$(BENCH_VENV)/bin/$(INSTALL) --editable .
	@$(BENCH_VENV)/bin/python -c '$(GROUP)' bench > $(BENCH_VENV)/peers.txt
	@$(BENCH_VENV)/bin/$(INSTALL) --requirement $(BENCH_VENV)/peers.txt || while read -r peer; do \
		$(BENCH_VENV)/bin/$(INSTALL) "$$peer" || echo "left out, since it cannot be installed here: $$peer"; \
	done < $(BENCH_VENV)/peers.txt
	@touch $@
