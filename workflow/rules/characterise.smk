# Companions: place, flux and their errors, by negative companions.


rule characterise:
    input:
        sequence="results/{target}/{epoch}/sequence.zarr.json",
        stars=stars_of,
        candidates=candidates_of,
    output:
        companions="results/{target}/{epoch}/{reduction}/companions.ecsv",
        corner=report(
            "results/{target}/{epoch}/{reduction}/corner.png",
            caption="../report/companions.rst",
            category="{target}",
            subcategory="{epoch}",
            labels={"reduction": "{reduction}"},
        ),
        picture=report(
            "results/{target}/{epoch}/{reduction}/companions.png",
            caption="../report/companions.rst",
            category="{target}",
            subcategory="{epoch}",
            labels={"reduction": "{reduction}"},
        ),
    log:
        "logs/characterise/{target}/{epoch}/{reduction}.log",
    benchmark:
        "benchmarks/characterise/{target}/{epoch}/{reduction}.tsv"
    wildcard_constraints:
        reduction=one_of(SURVEY.config.characterise.reductions),
    priority: 4
    conda:
        "../../envs/exosift.yaml"
    threads: 2
    resources:
        mem_mb=characterise_memory,
        runtime=characterise_minutes,
    params:
        reduction=lambda wildcards: json.dumps(method_of(wildcards)),
        asked=json.dumps(plain(SURVEY.config.characterise.of_each)),
        known=known_of,
        candidates=lambda wildcards, input: (
            f"--candidates {input.candidates}" if input.candidates else ""
        ),
        store=subpath(input.sequence, strip_suffix=".json"),
        stars=star_options,
        folder=subpath(output.companions, parent=True),
        algorithms=ALGORITHMS,
    shell:
        "exosift characterise {params.store} {params.stars} --reduction {params.reduction:q} "
        "--characterise {params.asked:q} --companion {params.known:q} {params.candidates} "
        "--output {params.folder} --threads {threads} 2> {log}"
