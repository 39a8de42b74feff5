# The project's commands. `study` and `test` need a Python, make and a package index; they set up the rest.
#
#   make study ARGS="--quick"      arguments for the command behind a target
#   make test PYTHON=/opt/py/bin/python3 VENV=/tmp/venv

VENV ?= .venv
PYTHON ?=
ARGS ?=
PIP_TOOLS := pip-tools==7.6.2
# Each process begins in its own part of the tests: what a module prepares is made by one of them, and none waits for
# the quick run that another has begun. Whoever is done takes from the rest.
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist worksteal

CANDIDATES := $(PYTHON) python3 python3.13 python3.12 python3.14
# Made last, so an environment that was interrupted half way has none and is completed by the next run.
STAMP := $(VENV)/.ready
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check

# Leaves the first usable candidate in $$python.
find_python = python=; for candidate in $(CANDIDATES); do \
	if "$$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1; \
	then python=$$candidate; break; fi; done; \
	if [ -z "$$python" ]; then echo "bri_bayes needs Python 3.12 or newer with its venv module, and none of" \
	"$(strip $(CANDIDATES)) is one; install it or name it: make PYTHON=/path/to/python3 ..." >&2; exit 1; fi

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: study test docs calibration bench lint types lock clean help

study: $(STAMP)  ## run the whole study and write reports/
	$(VENV)/bin/bri-bayes run --jobs 2 $(ARGS)

test: $(STAMP)  ## run the tests
	$(VENV)/bin/python -m pytest $(SIDE_BY_SIDE) $(ARGS)

docs: $(STAMP)  ## build the documentation, build/docs/index.html; a warning is an error
	$(VENV)/bin/python -m sphinx -W --keep-going -q -b html -d build/doctrees docs build/docs $(ARGS)

calibration: $(STAMP)  ## run the simulation studies: bias, coverage, size, ranks
	$(VENV)/bin/python -m pytest $(SIDE_BY_SIDE) -m calibration -o faulthandler_timeout=0 $(ARGS)

bench: $(STAMP)  ## measure speed and memory against named peers (ARGS="--write" keeps the figures)
	$(VENV)/bin/python -m pytest -n 0 --speed -m speed
	$(VENV)/bin/python benchmarks/run.py $(ARGS)

lint: types  ## ruff (rules and format) and mypy
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check

types: $(STAMP)  ## mypy alone
	$(VENV)/bin/mypy

# Resolved without the machine's own pip settings: a folder of local wheels would add its hashes to the lock.
# Pins that still fit are kept; ARGS="--upgrade" moves all of them, ARGS="--upgrade-package NAME" one. Resolved under the
# oldest Python of pyproject.toml, as a newer one takes releases that the oldest cannot install.
lock: CANDIDATES := $(PYTHON) python3.12 $(CANDIDATES)
lock:  ## write requirements.lock again from pyproject.toml
	@$(find_python); set -e; folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	unset PIP_FIND_LINKS PIP_EXTRA_INDEX_URL PIP_CONSTRAINT; export PIP_CONFIG_FILE=/dev/null; \
	"$$python" -m venv "$$folder/venv"; \
	"$$folder/venv/bin/pip" --disable-pip-version-check install --quiet $(PIP_TOOLS); \
	CUSTOM_COMPILE_COMMAND="make lock" "$$folder/venv/bin/pip-compile" --quiet --generate-hashes --allow-unsafe \
		--strip-extras --no-emit-options --extra dev --build-deps-for editable $(ARGS) \
		--output-file requirements.lock pyproject.toml

clean:  ## remove the environment, caches and build output; reports stay
	rm -rf $(VENV) .ci-venv .bench-venv .cache .pytest_cache .ruff_cache .mypy_cache .hypothesis build dist docs/_generated
	find src tests benchmarks -name __pycache__ -type d -exec rm -rf {} +

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*##/\1/p' Makefile | awk '{name = $$1; $$1 = ""; printf "make %-11s %s\n", name, $$0}'

# Not compiled to bytecode: of 12,000 modules, 80 seconds of a processor, Python compiles those that are imported, and
# keeps them. Where the machine forbids that, each process compiles all of them again: a command takes three times as
# long, and a worker of Dask twenty seconds.
unexport PYTHONDONTWRITEBYTECODE
$(STAMP): requirements.lock pyproject.toml
	@rm -f $@
	@if ! $(VENV)/bin/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then \
		$(find_python); echo "Setting up $(VENV) with $$python; this takes a minute or two, once."; \
		"$$python" -m venv --clear $(VENV); fi
	$(PIP) install --quiet --no-compile --require-hashes -r requirements.lock
	$(PIP) install --quiet --no-compile --no-deps --no-build-isolation -e .
	@touch $@
