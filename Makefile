# Every target first makes .venv, with what constraints.txt pins; that takes about a minute, once.
# Needed beforehand: Python >= 3.12 (.ci/find-python looks for one; PYTHON= names one), make, a C compiler.

VENV := .venv
INSTALLED := $(VENV)/installed
RUN := $(VENV)/bin/python

# The tests' matrices are small: on a busy machine BLAS threads that wait for each other cost more than they do.
test validate: export OPENBLAS_NUM_THREADS := 1

.DEFAULT_GOAL := help
.PHONY: help setup report test validate bench docs check clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/make \1|\2/p' Makefile | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

setup: $(INSTALLED)  ## the virtual environment .venv

$(INSTALLED): pyproject.toml constraints.txt
	@$(RUN) -c '' 2>/dev/null || { python=$$(PYTHON='$(PYTHON)' .ci/find-python) && "$$python" -m venv --clear $(VENV); }
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

report: setup  ## the founding study and the example trial as reports: build/reports/*.html
	$(RUN) docs/reports/sjogren_msct.py
	$(RUN) docs/reports/hamd17.py

test: setup  ## the test suite (minutes)
	$(RUN) -m pytest

validate: setup  ## the slow tests: recovery, calibration, large data
	$(RUN) -m pytest -m slow || [ $$? -eq 5 ]  # 5: no slow tests were found

bench: setup  ## the benchmarks
	@for script in $(wildcard benchmarks/bench_*.py); do echo "$$script"; $(RUN) "$$script" || exit 1; done

docs: report  ## the documentation: build/docs/index.html
	$(RUN) docs/build.py

check: setup  ## linting, formatting and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

clean:  ## remove what was built, .venv included
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests docs benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
