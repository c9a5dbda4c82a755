# The benchmark on simulated stars: methods judged on the same injected companions and null frames.
#
#   snakemake --snakefile workflow/benchmark.smk --configfile config/benchmark/survey.yaml \
#       --directory runs/benchmark
#
# Stars are simulated and judged a part of them a job. What learns from other stars is taught first,
# for each fold of the parts by the samples of those in the other folds; these are drawn once, for all
# folds and classifiers whose samples are alike.
import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from exosift import ALGORITHMS
from exosift.learn.learning import Learning
from exosift.learn.network import AnyNetwork
from exosift.limits.comparison import Comparison
from exosift.settings import parse, plain
from exosift.simulate.population import Fold, Population

shell.prefix(f"set -euo pipefail; export PATH=$PATH:{Path(sys.executable).parent}; ")
os.environ.update(EXOSIFT_ROOT=str(Path(workflow.basedir).parent))

PARTS = range(1, config["jobs"] + 1)
STARS = parse(Population, config["population"], "population").names


def learning():
    """The classifiers that are to be judged, without networks where PyTorch is not installed."""
    named = {one["method"] for one in config["roc"]["methods"]}
    return {
        name: one
        for name, one in parse(dict[str, Learning], config["classifiers"], "classifiers").items()
        if name in named and (find_spec("torch") or not isinstance(one.classifier, AnyNetwork))
    }


LEARNING = learning()
METHODS = config["methods"] | {name: config["classifiers"][name] for name in LEARNING}
ROC = config["roc"] | {
    "methods": [one for one in config["roc"]["methods"] if one["method"] in METHODS]
}
ASKED = parse(Comparison, ROC, "roc")
FOLDS = range(1, ASKED.folds + 1)
if LEARNING and len(PARTS) < len(FOLDS):
    raise WorkflowError(
        f"jobs is {len(PARTS)} and roc.folds {len(FOLDS)}: ask for a part a fold, or more"
    )


def fold_of(part):
    """The fold that a part is in."""
    return (part - 1) % len(FOLDS) + 1


JUDGED = [part for part in PARTS if fold_of(part) in config["judged"]]
DRAWN = {}  # the first classifier of each kind of samples, by their settings
for name, one in LEARNING.items():
    DRAWN.setdefault(one.drawing, name)


def part_of(wildcards):
    """The part as the command wants it."""
    return json.dumps({"number": int(wildcards.part), "folds": len(PARTS)})


def store_of(name):
    """The store of a star."""
    return f"stars/{name}/sequence.zarr"


def stores_of(wildcards):
    """The stores of a part's stars."""
    return list(map(store_of, Fold(int(wildcards.part), len(PARTS)).of(STARS)))


def judged_of(wildcards):
    """The store of one of the stars that a fold's model is to judge."""
    return store_of(Fold(int(wildcards.fold), len(PARTS)).of(STARS)[0])


def samples_of(wildcards):
    """The samples that teach for a fold: those of all parts in others."""
    drawn = DRAWN[LEARNING[wildcards.classifier].drawing]
    others = [part for part in PARTS if fold_of(part) != int(wildcards.fold)]
    return expand("samples/{drawn}/{part}/samples.zarr.json", drawn=drawn, part=others)


def sample_options(wildcards, input):
    """The samples as the command wants them."""
    return [f"--samples={path.removesuffix('.json')}" for path in input.samples]


def models_of(wildcards, input):
    """The models as the command wants them."""
    return [f"--model={path.split('/')[1]}={path}" for path in input.models]


wildcard_constraints:
    part=r"\d+",
    fold=r"\d+",


rule all:
    default_target: True
    input:
        "roc/roc.ecsv",


rule simulate:
    output:
        stars="stars/stars-{part}.ecsv",
    log:
        "logs/simulate/{part}.log",
    benchmark:
        "benchmarks/simulate/{part}.tsv"
    conda:
        "../envs/exosift.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        population=json.dumps(config["population"]),
        seed=config["seed"],
        part=part_of,
        folder=subpath(output.stars, parent=True),
        algorithms=ALGORITHMS,
    shell:
        "exosift simulate --population {params.population:q} --seed {params.seed} "
        "--fold {params.part:q} --output {params.folder} --threads {threads} 2> {log}"


rule sample:
    input:
        stars="stars/stars-{part}.ecsv",
    output:
        samples="samples/{classifier}/{part}/samples.zarr.json",
    log:
        "logs/sample/{classifier}/{part}.log",
    benchmark:
        "benchmarks/sample/{classifier}/{part}.tsv"
    conda:
        "../envs/exosift.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        stores=stores_of,
        drawing=lambda wildcards: json.dumps(plain(LEARNING[wildcards.classifier].drawing)),
        among=len(STARS) - len(STARS) // len(FOLDS),
        folder=subpath(output.samples, parent=True),
        algorithms=ALGORITHMS,
    shell:
        "exosift sample {params.stores} --learning {params.drawing:q} --among {params.among} "
        "--output {params.folder} --threads {threads} 2> {log}"


rule learn:
    input:
        samples=samples_of,
    output:
        model="models/{classifier}/{fold}/model.npz",
    log:
        "logs/learn/{classifier}/{fold}.log",
    benchmark:
        "benchmarks/learn/{classifier}/{fold}.tsv"
    conda:
        "../envs/exosift.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        judged=judged_of,
        samples=sample_options,
        learning=lambda wildcards: json.dumps(config["classifiers"][wildcards.classifier]),
        folder=subpath(output.model, parent=True),
        algorithms=ALGORITHMS,
    shell:
        "exosift learn {params.judged} {params.samples} --learning {params.learning:q} "
        "--output {params.folder} --threads {threads} 2> {log}"


rule judge:
    input:
        stars="stars/stars-{part}.ecsv",
        models=expand(
            "models/{classifier}/{fold}/model.npz", classifier=LEARNING, fold=config["judged"]
        ),
    output:
        trials="trials/{part}.npz",
    log:
        "logs/judge/{part}.log",
    benchmark:
        "benchmarks/judge/{part}.tsv"
    conda:
        "../envs/exosift.yaml"
    threads: 1
    resources:
        mem_mb=2500,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        stores=stores_of,
        models=models_of,
        methods=json.dumps(METHODS),
        roc=json.dumps(ROC),
        algorithms=ALGORITHMS,
    shell:
        "exosift judge {params.stores} {params.models} --methods {params.methods:q} --roc {params.roc:q} "
        "--output {output.trials} --threads {threads} 2> {log}"


rule roc:
    input:
        trials=expand("trials/{part}.npz", part=JUDGED),
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
        methods=json.dumps(METHODS),
        roc=json.dumps(ROC),
        folder=subpath(output.table, parent=True),
        algorithms=ALGORITHMS,
    shell:
        "exosift roc {input.trials} --methods {params.methods:q} --roc {params.roc:q} "
        "--output {params.folder} > {log} 2>&1"
