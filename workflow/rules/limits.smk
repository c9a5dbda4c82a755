# What could have been seen: contrast curves and completeness, by injected companions.


rule limits:
    input:
        sequence="results/{target}/{epoch}/sequence.zarr.json",
        stars=stars_of,
    output:
        contrast="results/{target}/{epoch}/{reduction}/contrast.ecsv",
        completeness="results/{target}/{epoch}/{reduction}/completeness.ecsv",
        curve=report(
            "results/{target}/{epoch}/{reduction}/contrast.png",
            caption="../report/contrast.rst",
            category="{target}",
            subcategory="{epoch}",
            labels={"reduction": "{reduction}"},
        ),
        picture=report(
            "results/{target}/{epoch}/{reduction}/completeness.png",
            caption="../report/completeness.rst",
            category="{target}",
            subcategory="{epoch}",
            labels={"reduction": "{reduction}"},
        ),
    log:
        "logs/limits/{target}/{epoch}/{reduction}.log",
    benchmark:
        "benchmarks/limits/{target}/{epoch}/{reduction}.tsv"
    wildcard_constraints:
        reduction=one_of(SURVEY.config.limits.reductions),
    priority: 4
    conda:
        "../../envs/exosift.yaml"
    threads: 2
    resources:
        mem_mb=limits_memory,
        runtime=limits_minutes,
    params:
        reduction=lambda wildcards: json.dumps(method_of(wildcards)),
        limits=json.dumps(plain(SURVEY.config.limits.of_each)),
        known=known_of,
        store=subpath(input.sequence, strip_suffix=".json"),
        stars=star_options,
        folder=subpath(output.contrast, parent=True),
        algorithms=ALGORITHMS,
    shell:
        "exosift limits {params.store} {params.stars} --reduction {params.reduction:q} "
        "--limits {params.limits:q} --known {params.known:q} --output {params.folder} "
        "--threads {threads} 2> {log}"
