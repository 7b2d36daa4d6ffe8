# make demo    sets everything up and runs the main example
# make test    sets everything up and runs the checks: layout, lint, types, import rules, tests
# make bench   measures cost per task; BENCH="map chain" picks tests/benchmarks/bench_map.py and bench_chain.py
# make docs    writes the reference pages that follow from the code
# make clean   removes what these commands made: the virtual environment, and the tools' caches

VENV ?= .venv
PYTEST_WORKERS ?= 2
PYTEST_OPTIONS ?=
BENCH ?=

BIN := $(VENV)/bin
EXAMPLES := $(VENV)/.installed-examples
DEV := $(VENV)/.installed-dev

.PHONY: help demo test format lint types imports tests bench docs clean

help:
	@sed -n -e '/^$$/q' -e 's/^# \{0,1\}//p' Makefile

demo: $(EXAMPLES)
	@$(BIN)/hookline run examples/diagnosis/workflow.py
	@echo
	@echo "What to try next, after '. $(BIN)/activate' and 'cd examples/diagnosis':"
	@printf '  %-36s %s\n' \
	    "hookline run workflow.py" "again: every result is reused" \
	    "hookline run workflow.py --help" "its options, such as --depths 2,4,8" \
	    "hookline runs show last" "what ran, and why" \
	    "hookline graph workflow.py" "how the tasks depend on each other"
	@echo "What to read: examples/diagnosis/README.md tells the story of this example,"
	@echo "  examples/fraud/README.md that of one with dirty data, docs/tutorial.md how to make your own."

test: format lint types imports tests

format: $(DEV)
	$(BIN)/python -m ruff format --check .

lint: $(DEV)
	$(BIN)/python -m ruff check .

types: $(DEV)
	$(BIN)/python -m mypy

imports: $(DEV)
	$(BIN)/lint-imports

tests: $(DEV)
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist loadfile $(PYTEST_OPTIONS)

bench: $(DEV)
	@for script in $(if $(BENCH),$(BENCH:%=tests/benchmarks/bench_%.py),tests/benchmarks/bench_*.py); do \
	    echo "== $$script"; $(BIN)/python "$$script" || exit 1; \
	done

docs: $(DEV)
	@$(BIN)/python docs/generate.py

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .nox

# Installing takes a while, so each set leaves a mark and is installed again only when pyproject.toml has changed.
# The examples' set is a part of the dev set.
$(EXAMPLES): pyproject.toml | $(BIN)/python
	@echo "Installing hookline and what its examples need (once)"
	@$(BIN)/python -m pip install --quiet --editable '.[examples]'
	@touch $@

$(DEV): pyproject.toml | $(BIN)/python
	@echo "Installing hookline and what its tests need (once)"
	@$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(EXAMPLES)

$(BIN)/python:
	@python=$$(sh .ci/find-python) && echo "Setting up $(VENV) with $$python" && \
	    { "$$python" -m venv $(VENV) || { rm -rf $(VENV); \
	      echo "help: '$$python' can't make virtual environments; on Debian and Ubuntu install python3-venv" >&2; \
	      exit 1; }; }
