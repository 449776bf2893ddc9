# Two commands do everything: `make demo` and `make test`. Both need git, make and Python ≥ 3.11 with venv and pip.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
CO2 := src/unspool/datasets/data/co2.csv

help:  ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

demo: .venv/installed  ## forecast the CO2 record of Mauna Loa a year ahead, into out/demo/
	$(BIN)/unspool forecast $(CO2) --target co2 --time date --horizon 52 --out out/demo --overwrite

test: .venv/installed  ## run the tests
	$(BIN)/pytest

check: lint docs  ## lint, formatting, types, which room may import which, and the documentation

lint: .venv/installed  ## the same without the documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

format: .venv/installed  ## mend lint and formatting
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/installed  ## build the documentation, with a page for every cell, into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

picture: .venv/installed  ## draw docs/demo.svg, the picture in the README, and docs/explain.svg, from the demo's data
	$(BIN)/python docs/picture.py
	$(BIN)/python docs/explain_picture.py

.venv/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,docs,export,tensorboard,tune]'
	touch $@

.PHONY: help demo test check lint format docs picture
