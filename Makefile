# Every target first makes .venv, with what constraints.txt pins; that takes about a minute, once.
# Needed beforehand: Python >= 3.12 (.ci/find-python looks for one; PYTHON= names one), make, a C compiler.

VENV := .venv
INSTALLED := $(VENV)/installed
DOCS_INSTALLED := $(VENV)/docs-installed
RUN := $(VENV)/bin/python

# The tests' matrices are small: on a busy machine BLAS threads that wait for each other cost more than they do.
test validate docs: export OPENBLAS_NUM_THREADS := 1

.DEFAULT_GOAL := help
.PHONY: help setup report test validate bench docs check clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/make \1|\2/p' Makefile | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

setup: $(INSTALLED)  ## the virtual environment .venv

$(INSTALLED): pyproject.toml constraints.txt
	@$(RUN) -c '' 2>/dev/null || { python=$$(PYTHON='$(PYTHON)' .ci/find-python) && "$$python" -m venv --clear $(VENV); }
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

$(DOCS_INSTALLED): $(INSTALLED)
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	@touch $@

report: setup  ## the founding study, a two-arm trial and random slopes as reports: build/reports/*.html
	$(RUN) docs/reports/sjogren_msct.py
	$(RUN) docs/reports/hamd17.py
	$(RUN) docs/reports/sleepstudy.py

test: setup  ## the test suite, a process for each of up to four cores (minutes)
	$(RUN) -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile

validate: setup  ## the slow tests: recovery, calibration, large data
	$(RUN) -m pytest -m slow || [ $$? -eq 5 ]  # 5: no slow tests were found

bench: setup  ## all benchmarks, half an hour; ONLY="mmrm power" some, FULL=1 also 50 million rows, RESUME=1 goes on
	$(RUN) benchmarks/harness/peers.py
	FULL=$(FULL) BENCH_RESUME=$(RESUME) $(RUN) benchmarks/run.py $(ONLY)

docs: report $(DOCS_INSTALLED)  ## the documentation, every page and docstring run: build/docs/index.html (minutes)
	$(RUN) -m sphinx --quiet --fail-on-warning --keep-going --nitpicky --jobs 2 -d build/doctrees docs build/docs
	$(RUN) -m pytest -o addopts=--import-mode=importlib -o 'doctest_optionflags=NORMALIZE_WHITESPACE ELLIPSIS' \
		--doctest-modules --doctest-glob='*.rst' src/msclong docs/reference
	$(RUN) docs/check_links.py build/docs
	$(RUN) -m pytest --quiet -m browser tests/browser/test_docs_pages.py

check: setup  ## linting, formatting and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

clean:  ## remove what was built, .venv included
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests docs benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
