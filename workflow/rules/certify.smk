# False alarms counted on null frames: scores of a star's, and candidates told by them. Those of the
# whole survey are pooled by the report: a job that waits for all would fail with any of them.


rule nulls:
    input:
        sequence="results/{target}/{epoch}/sequence.zarr.json",
        stars=null_stars_of,
        model=null_model_of,
    output:
        scores="results/{target}/{epoch}/{reduction}/nulls.ecsv",
    log:
        "logs/nulls/{target}/{epoch}/{reduction}.log",
    benchmark:
        "benchmarks/nulls/{target}/{epoch}/{reduction}.tsv"
    wildcard_constraints:
        reduction=one_of(SURVEY.config.certify.methods),
    priority: 4
    conda:
        "../../envs/exosift.yaml"
    threads: 2
    resources:
        mem_mb=nulls_memory,
        runtime=nulls_minutes,
    params:
        method=null_method,
        search=json.dumps(plain(SURVEY.config.search)),
        certify=json.dumps(plain(SURVEY.config.certify.of_each)),
        known=known_of,
        store=subpath(input.sequence, strip_suffix=".json"),
        stars=star_options,
        folder=subpath(output.scores, parent=True),
        algorithms=ALGORITHMS,
    shell:
        "exosift nulls {params.store} {params.stars} {params.method} "
        "--search {params.search:q} --certify {params.certify:q} --known {params.known:q} "
        "--output {params.folder} --memory {resources.mem_mb} --threads {threads} 2> {log}"


rule certify:
    input:
        candidates="results/{target}/{epoch}/{reduction}/candidates.ecsv",
        nulls="results/{target}/{epoch}/{reduction}/nulls.ecsv",
    output:
        table="results/{target}/{epoch}/{reduction}/certified.ecsv",
        picture=report(
            "results/{target}/{epoch}/{reduction}/certified.png",
            caption="../report/certified.rst",
            category="{target}",
            subcategory="{epoch}",
            labels={"reduction": "{reduction}"},
        ),
    log:
        "logs/certify/{target}/{epoch}/{reduction}.log",
    benchmark:
        "benchmarks/certify/{target}/{epoch}/{reduction}.tsv"
    wildcard_constraints:
        reduction=one_of(SURVEY.config.certify.methods),
    priority: 5
    conda:
        "../../envs/exosift.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 500 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        certify=json.dumps(plain(SURVEY.config.certify.of_each)),
        folder=subpath(output.table, parent=True),
        algorithms=ALGORITHMS,
    shell:
        "exosift certify {input.candidates} --nulls {input.nulls} "
        "--certify {params.certify:q} --output {params.folder} > {log} 2>&1"
