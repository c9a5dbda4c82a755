# Methods judged by injected companions and null frames: ROC curves of an observation.


rule roc:
    input:
        sequence="results/{target}/{epoch}/sequence.zarr.json",
    output:
        table="results/{target}/{epoch}/roc.ecsv",
        picture=report(
            "results/{target}/{epoch}/roc.png",
            caption="../report/roc.rst",
            category="{target}",
            subcategory="{epoch}",
        ),
    log:
        "logs/roc/{target}/{epoch}.log",
    benchmark:
        "benchmarks/roc/{target}/{epoch}.tsv"
    priority: 4
    conda:
        "../../envs/exosift.yaml"
    threads: 2
    resources:
        mem_mb=roc_memory,
        runtime=roc_minutes,
    params:
        methods=json.dumps(plain(dict(SURVEY.config.judged))),
        roc=json.dumps(plain(SURVEY.config.roc)),
        known=judged_known_of,
        store=subpath(input.sequence, strip_suffix=".json"),
        folder=subpath(output.table, parent=True),
        algorithms=ALGORITHMS,
    shell:
        "exosift roc {params.store} --methods {params.methods:q} --roc {params.roc:q} "
        "--known {params.known:q} --output {params.folder} --threads {threads} 2> {log}"
