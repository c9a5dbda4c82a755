# S/N maps and candidates.


rule detect:
    input:
        image="results/{target}/{epoch}/{reduction}/image.fits",
    output:
        snr="results/{target}/{epoch}/{reduction}/snr.fits",
        candidates="results/{target}/{epoch}/{reduction}/candidates.ecsv",
        picture=report(
            "results/{target}/{epoch}/{reduction}/detection.png",
            caption="../report/detection.rst",
            category="{target}",
            subcategory="{epoch}",
            labels={"reduction": "{reduction}"},
        ),
    log:
        "logs/detect/{target}/{epoch}/{reduction}.log",
    benchmark:
        "benchmarks/detect/{target}/{epoch}/{reduction}.tsv"
    wildcard_constraints:
        reduction=one_of(SURVEY.config.reductions),
    conda:
        "../../envs/exosift.yaml"
    threads: 1
    resources:
        mem_mb=detect_memory,
        runtime=lambda wildcards, attempt: 15 * attempt,
    params:
        search=json.dumps(plain(SURVEY.config.search)),
        folder=subpath(output.snr, parent=True),
        algorithms=ALGORITHMS,
    shell:
        "exosift detect {input.image} --search {params.search:q} --output {params.folder} "
        "--threads {threads} 2> {log}"
