# Supervised detection: a classifier taught for each observation, its maps, and the candidates in them.
#
# What teaches others is drawn once for all of them, and for all classifiers that are drawn for alike.


rule sample:
    input:
        sequence="results/{target}/{epoch}/sequence.zarr.json",
    output:
        samples="results/{target}/{epoch}/{reduction}/samples.zarr.json",
    log:
        "logs/sample/{target}/{epoch}/{reduction}.log",
    benchmark:
        "benchmarks/sample/{target}/{epoch}/{reduction}.tsv"
    wildcard_constraints:
        reduction=one_of(
            [name for name, asked in SURVEY.config.classifiers.items() if asked.by_others]
        ),
    priority: 3
    conda:
        "../../envs/exosift.yaml"
    threads: 2
    resources:
        mem_mb=sample_memory,
        runtime=sample_minutes,
    params:
        drawing=drawing,
        known=known_to_samples,
        among=among,
        store=subpath(input.sequence, strip_suffix=".json"),
        folder=subpath(output.samples, parent=True),
        algorithms=ALGORITHMS,
    shell:
        "exosift sample {params.store} --learning {params.drawing:q} --known {params.known:q} "
        "--among {params.among} --output {params.folder} --memory {resources.mem_mb} "
        "--threads {threads} 2> {log}"


rule learn:
    input:
        sequence="results/{target}/{epoch}/sequence.zarr.json",
        samples=samples_of,
    output:
        model="results/{target}/{epoch}/{reduction}/model.npz",
        card=multiext("results/{target}/{epoch}/{reduction}/card", ".md", ".json", ".png"),
    log:
        "logs/learn/{target}/{epoch}/{reduction}.log",
    benchmark:
        "benchmarks/learn/{target}/{epoch}/{reduction}.tsv"
    wildcard_constraints:
        reduction=one_of(classifiers(network=False)),
    priority: 3
    conda:
        "../../envs/exosift.yaml"
    threads: 2
    resources:
        mem_mb=learn_memory,
        runtime=learn_minutes,
    params:
        learning=lambda wildcards: json.dumps(method_of(wildcards)),
        known=known_to_teachers,
        store=subpath(input.sequence, strip_suffix=".json"),
        samples=sample_options,
        folder=subpath(output.model, parent=True),
        algorithms=ALGORITHMS,
    shell:
        "exosift learn {params.store} {params.samples} --learning {params.learning:q} "
        "--known {params.known:q} --output {params.folder} --memory {resources.mem_mb} "
        "--threads {threads} 2> {log}"


# The same of a network, which leaves its training curve, too.
use rule learn as train with:
    output:
        model="results/{target}/{epoch}/{reduction}/model.npz",
        card=multiext("results/{target}/{epoch}/{reduction}/card", ".md", ".json", ".png"),
        curve=report(
            "results/{target}/{epoch}/{reduction}/training.png",
            caption="../report/training.rst",
            category="{target}",
            subcategory="{epoch}",
            labels={"reduction": "{reduction}"},
        ),
    wildcard_constraints:
        reduction=one_of(classifiers(network=True)),


rule predict:
    input:
        sequence="results/{target}/{epoch}/sequence.zarr.json",
        model="results/{target}/{epoch}/{reduction}/model.npz",
    output:
        margin="results/{target}/{epoch}/{reduction}/margin.fits",
        probability="results/{target}/{epoch}/{reduction}/probability.fits",
    log:
        "logs/predict/{target}/{epoch}/{reduction}.log",
    benchmark:
        "benchmarks/predict/{target}/{epoch}/{reduction}.tsv"
    wildcard_constraints:
        reduction=one_of(SURVEY.config.classifiers),
    priority: 4
    conda:
        "../../envs/exosift.yaml"
    threads: 2
    resources:
        mem_mb=predict_memory,
        runtime=predict_minutes,
    params:
        store=subpath(input.sequence, strip_suffix=".json"),
        folder=subpath(output.margin, parent=True),
        algorithms=ALGORITHMS,
    shell:
        "exosift predict {params.store} --model {input.model} --output {params.folder} "
        "--memory {resources.mem_mb} --threads {threads} 2> {log}"


use rule search as sift with:
    input:
        image="results/{target}/{epoch}/{reduction}/probability.fits",
        snr="results/{target}/{epoch}/{reduction}/margin.fits",
    output:
        candidates="results/{target}/{epoch}/{reduction}/candidates.ecsv",
        picture=report(
            "results/{target}/{epoch}/{reduction}/detection.png",
            caption="../report/classifier.rst",
            category="{target}",
            subcategory="{epoch}",
            labels={"reduction": "{reduction}"},
        ),
    wildcard_constraints:
        reduction=one_of(SURVEY.config.classifiers),
