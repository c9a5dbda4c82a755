# make demo      a simulated survey, from frames to a report page
# make betapic   β Pictoris b on the real sequence (public data, or $EXOSIFT_DATA), by every PSF model
# make ifs, rdi  simulated: a spectrograph with 39 channels; a companion with reference stars
# make test      all tests            make check   all static checks
# make slurm     the tests on a real SLURM of two nodes alone (root; Debian's slurm-wlm and munge)
# make benchmark methods of detection judged: a real sequence, and simulated stars
# make bench     speed against the peers, benchmarks/results.json
# make bench-large  a cube larger than memory, benchmarks/large.json
# make bench-survey  300 small observations in one run, benchmarks/survey_batch.json
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

.PHONY: demo betapic ifs rdi benchmark survey figures test slurm check bench bench-large bench-survey schema clean

demo betapic ifs rdi benchmark: %: $(VENV)/run.stamp
	PATH="$(abspath $(BIN)):$$PATH" snakemake --snakefile Snakefile --cores $(CORES) \
		--configfile config/$*/config.yaml --directory runs/$*

# Networks are judged, too.
benchmark survey: $(VENV)/networks.stamp

benchmark: survey

survey: $(VENV)/run.stamp
	PATH="$(abspath $(BIN)):$$PATH" snakemake --snakefile workflow/benchmark.smk --cores $(CORES) \
		--workflow-profile profiles/default --configfile config/benchmark/survey.yaml --directory runs/survey

# The figures of the documentation, from the products of a run.
figures: betapic
	for folder in runs/betapic/results/betapic/2013-02-01/*/; do \
		[ ! -f $$folder/detection.png ] || \
			cp $$folder/detection.png docs/figures/betapic/$$(basename $$folder).png; \
	done
	$(BIN)/python -m benchmarks.false_positives

test: $(VENV)/develop.stamp
	PATH="$(abspath $(BIN)):$$PATH" pytest $(PYTEST)

slurm: $(VENV)/develop.stamp
	PATH="$(abspath $(BIN)):$$PATH" pytest tests/slurm $(PYTEST)

check: $(VENV)/develop.stamp
	PATH="$(abspath $(BIN)):$$PATH" tests/checks.sh

# A cube of 8.4 GB in 2.5 GB of memory; takes some 25 minutes and 35 GB of $$TMPDIR.
bench-large: $(VENV)/develop.stamp
	PATH="$(abspath $(BIN)):$$PATH" python -m benchmarks.large

bench: $(VENV)/bench.stamp
	PATH="$(abspath $(BIN)):$$PATH" python -m benchmarks

bench-survey: $(VENV)/develop.stamp
	PATH="$(abspath $(BIN)):$$PATH" python -m benchmarks.survey_batch

schema: $(VENV)/run.stamp
	$(BIN)/exosift schema

# What it takes to run: the package with its pinned dependencies.
$(VENV)/run.stamp: pyproject.toml envs/constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	touch $@

$(VENV)/networks.stamp: $(VENV)/run.stamp
	$(PIP) -e '.[nn]'
	touch $@

# What it takes to develop: tests, checks, and the peers that results are compared with.
$(VENV)/develop.stamp: $(VENV)/run.stamp
	$(PIP) -e '.[test,checks,peers,slurm,nn]'
	touch $@

# OpenCV, with which VIP is at its fastest. It brings a BLAS of its own, so tests go without.
$(VENV)/bench.stamp: $(VENV)/develop.stamp
	$(PIP) -e '.[bench]'
	touch $@

clean:
	rm -rf $(VENV) runs build .pytest_cache .mypy_cache .ruff_cache
