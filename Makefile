# make demo      a simulated survey, from frames to a report page
# make betapic   β Pictoris b on the real sequence (public data, or $EXOSIFT_DATA), by every PSF model
# make ifs, rdi  simulated: a spectrograph with 39 channels; a companion with reference stars
# make test      all tests            make check   all static checks
# make bench     speed against the peers, benchmarks/results.json
# Everything is set up in .venv with the pinned versions of envs/constraints.txt.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
CORES ?= all

# Real observations for tests and `make betapic`, where there are any on this machine.
ifneq ($(wildcard ../shared/data),)
EXOSIFT_DATA ?= ../shared/data
endif
ifdef EXOSIFT_DATA
override EXOSIFT_DATA := $(abspath $(EXOSIFT_DATA))
export EXOSIFT_DATA
endif

# The constraints hold for the packages that build others, too.
export PIP_CONSTRAINT := $(abspath envs/constraints.txt)

.PHONY: demo betapic ifs rdi figures test check bench schema clean

demo betapic ifs rdi: %: $(VENV)/run.stamp
	PATH="$(abspath $(BIN)):$$PATH" snakemake --snakefile Snakefile --cores $(CORES) \
		--configfile config/$*/config.yaml --directory runs/$*

# The figures of the documentation, from the products of a run.
figures: betapic
	for folder in runs/betapic/results/betapic/2013-02-01/*/; do \
		[ ! -f $$folder/detection.png ] || \
			cp $$folder/detection.png docs/figures/betapic/$$(basename $$folder).png; \
	done
	$(BIN)/python -m benchmarks.false_positives

test: $(VENV)/develop.stamp
	PATH="$(abspath $(BIN)):$$PATH" pytest $(PYTEST)

check: $(VENV)/develop.stamp
	PATH="$(abspath $(BIN)):$$PATH" tests/checks.sh

bench: $(VENV)/develop.stamp
	PATH="$(abspath $(BIN)):$$PATH" python -m benchmarks

schema: $(VENV)/run.stamp
	$(BIN)/exosift schema

# What it takes to run: the package with its pinned dependencies.
$(VENV)/run.stamp: pyproject.toml envs/constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	touch $@

# What it takes to develop: tests, checks, and the peers that results are compared with.
$(VENV)/develop.stamp: $(VENV)/run.stamp
	$(PIP) -e '.[test,checks,peers,nn]'
	touch $@

clean:
	rm -rf $(VENV) runs build .pytest_cache .mypy_cache .ruff_cache
