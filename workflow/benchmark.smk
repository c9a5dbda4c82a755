# The benchmark on simulated stars: methods judged on the same injected companions and null frames.
#
#   snakemake --snakefile workflow/benchmark.smk --configfile config/benchmark/survey.yaml \
#       --directory runs/benchmark
#
# A job a fold of stars: what learns for a fold's stars must have learnt from the others alone.
import json
import os
import sys
from pathlib import Path

from exosift import ALGORITHMS
from exosift.settings import parse
from exosift.simulate.population import Fold, Population

shell.prefix(f"set -euo pipefail; export PATH=$PATH:{Path(sys.executable).parent}; ")
os.environ.update(EXOSIFT_ROOT=str(Path(workflow.basedir).parent))

FOLDS = range(1, config["folds"] + 1)
STARS = parse(Population, config["population"], "population").names


def fold_of(wildcards):
    """The fold as the command wants it."""
    return json.dumps({"number": int(wildcards.fold), "folds": len(FOLDS)})


def stores_of(wildcards):
    """The stores of a fold's stars."""
    names = Fold(int(wildcards.fold), len(FOLDS)).of(STARS)
    return [f"stars/{name}/sequence.zarr" for name in names]


wildcard_constraints:
    fold=r"\d+",


rule all:
    default_target: True
    input:
        "roc/roc.ecsv",


rule simulate:
    output:
        stars="stars/stars-{fold}.ecsv",
    log:
        "logs/simulate/{fold}.log",
    benchmark:
        "benchmarks/simulate/{fold}.tsv"
    conda:
        "../envs/exosift.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        population=json.dumps(config["population"]),
        seed=config["seed"],
        fold=fold_of,
        folder=subpath(output.stars, parent=True),
        algorithms=ALGORITHMS,
    shell:
        "exosift simulate --population {params.population:q} --seed {params.seed} "
        "--fold {params.fold:q} --output {params.folder} --threads {threads} 2> {log}"


rule judge:
    input:
        stars="stars/stars-{fold}.ecsv",
    output:
        trials="trials/{fold}.npz",
    log:
        "logs/judge/{fold}.log",
    benchmark:
        "benchmarks/judge/{fold}.tsv"
    conda:
        "../envs/exosift.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        stores=stores_of,
        methods=json.dumps(config["methods"]),
        roc=json.dumps(config["roc"]),
        algorithms=ALGORITHMS,
    shell:
        "exosift judge {params.stores} --methods {params.methods:q} --roc {params.roc:q} "
        "--output {output.trials} --threads {threads} 2> {log}"


rule roc:
    input:
        trials=expand("trials/{fold}.npz", fold=FOLDS),
    output:
        table="roc/roc.ecsv",
        told="roc/tpr.ecsv",
        calibration="roc/calibration.ecsv",
        pictures=["roc/roc.png", "roc/calibration.png"],
    log:
        "logs/roc.log",
    benchmark:
        "benchmarks/roc.tsv"
    conda:
        "../envs/exosift.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        methods=json.dumps(config["methods"]),
        roc=json.dumps(config["roc"]),
        folder=subpath(output.table, parent=True),
        algorithms=ALGORITHMS,
    shell:
        "exosift roc {input.trials} --methods {params.methods:q} --roc {params.roc:q} "
        "--output {params.folder} > {log} 2>&1"
