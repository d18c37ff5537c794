# One door. Every recipe is one plain line that can be typed by hand; `make test` and `make demo`
# do their own set-up, on a fresh clone too. Another interpreter: make PYTHON=python3.12 test
PYTHON ?= python3
ARGS ?=

.PHONY: help setup demo test check bench soak docs clean

help:           ## list the recipes
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:[^#]*##/\t/'

setup:          ## everything that developing needs: .venv, packages, a browser
	@$(PYTHON) tools/setup.py develop

demo:           ## a shop with a problem, traced; ARGS="--for 20s --json" goes to `fanlight demo`
	@$(PYTHON) tools/setup.py demo && .venv/bin/fanlight demo $(ARGS)

check: setup    ## style, types, directions, tidiness: the gates that run no code of ours
	@.venv/bin/ruff check && .venv/bin/ruff format --check && .venv/bin/mypy && .venv/bin/lint-imports --no-logo && .venv/bin/python tools/tidy.py

test: check     ## the gates, then every test but the long ones
	@.venv/bin/python -m pytest -n 4 --dist worksteal --hypothesis-profile=steady $(ARGS)

soak: setup     ## the tests that take minutes each; ARGS=--long takes hours, ARGS=--page writes the page
	@.venv/bin/python tools/soak.py $(ARGS)

bench: setup    ## our cost beside the peers', in one run; fails when a ratio is missed
	@.venv/bin/python bench/run.py $(ARGS)

docs: setup     ## write the generated reference pages anew; ARGS=--matrix measures every server too
	@.venv/bin/python tools/reference.py $(ARGS)

clean:          ## remove what the recipes made
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
