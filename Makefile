# make demo and make test set up what they need on a machine with Python 3.11+, pip and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SHELL := /bin/sh

export HF_HUB_OFFLINE := 1
export TRANSFORMERS_OFFLINE := 1
export DO_NOT_TRACK := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup models demo serve test check corpus bench profile load eval soak wheel clean

help: ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

# The stamp is newer than the files it depends on only when the whole set-up went through.
$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Own Words needs Python 3.11 or newer.")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

setup: $(VENV)/.ready ## create the environment in .venv

models: $(VENV)/.ready ## fetch the models once (about 176 MB), checked against their hashes
	$(BIN)/ownwords models fetch

demo: models ## the whole path on a fictional session
	$(BIN)/ownwords demo

serve: models ## the app, at http://127.0.0.1:7420/
	$(BIN)/ownwords serve

check: $(VENV)/.ready ## format, lint, types, import arrows
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: check corpus models ## every check and test, as continuous integration runs them
	$(BIN)/python -m pytest -q
	$(BIN)/ownwords eval --quick --out reports

bench: models ## speed figures, each with its method
	$(BIN)/python -m evals.speed

profile: models ## where the time of a long draft goes, in reports/profile.txt
	$(BIN)/python -m evals.speed --profile reports/profile.txt

load: models ## ten peers drafting and fifty people deciding at once, five minutes (needs Chromium)
	$(BIN)/python -m evals.load

corpus: $(VENV)/.ready ## check the practice corpus and print its spread
	$(BIN)/python -m models.corpus check
	$(BIN)/python -m models.corpus stats

eval: models ## every governance figure, and the report in reports/
	$(BIN)/ownwords eval --out reports

soak: models ## a million actions at the gate and a thousand kills; hours
	$(BIN)/python -m pytest -q -m soak tests --timeout 0 -s

wheel: $(VENV)/.ready ## build the wheel into dist/
	$(BIN)/python -m build --wheel --outdir dist .

clean: ## remove what make created here (not the models, not any data)
	rm -rf $(VENV) dist build reports .mypy_cache .ruff_cache .hypothesis
