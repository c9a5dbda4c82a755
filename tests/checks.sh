#!/usr/bin/env bash
# All static checks: style, types, import contracts, workflow format, lint, dry runs of every config.
set -euo pipefail
cd "$(dirname "$0")/.."
ruff check src tests benchmarks
ruff format --check src tests benchmarks
mypy
lint-imports
snakefmt --check Snakefile workflow
snakemake --lint
snakemake --snakefile workflow/benchmark.smk --configfile config/benchmark/survey.yaml --lint
runs=$(mktemp -d)
trap 'rm -rf "$runs"' EXIT
snakemake --snakefile workflow/benchmark.smk --configfile config/benchmark/survey.yaml \
    --workflow-profile profiles/default --directory "$runs" --dry-run --quiet all
for config in config/config.yaml config/*/config.yaml; do
    snakemake --configfile "$config" --directory "$runs" --dry-run --quiet all
    echo "dry run of $config: passed"
done
