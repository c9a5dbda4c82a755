# Maps of significance and candidates.


rule detect:
    input:
        image="results/{target}/{epoch}/{reduction}/image.fits",
        sequence="results/{target}/{epoch}/sequence.zarr.json",
        residuals="results/{target}/{epoch}/{reduction}/residuals.zarr.json",
    output:
        snr="results/{target}/{epoch}/{reduction}/snr.fits",
        maps=[
            f"results/{{target}}/{{epoch}}/{{reduction}}/{name}.fits"
            for name in SURVEY.config.search.maps
        ],
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
    priority: 5
    conda:
        "../../envs/exosift.yaml"
    threads: 1
    resources:
        mem_mb=detect_memory,
        runtime=lambda wildcards, attempt: 15 * attempt,
    params:
        search=json.dumps(plain(SURVEY.config.search)),
        known=known_of,
        sequence=subpath(input.sequence, strip_suffix=".json"),
        residuals=subpath(input.residuals, strip_suffix=".json"),
        folder=subpath(output.snr, parent=True),
        algorithms=ALGORITHMS,
    shell:
        "exosift detect {input.image} --sequence {params.sequence} "
        "--residuals {params.residuals} --search {params.search:q} --known {params.known:q} "
        "--output {params.folder} --threads {threads} 2> {log}"
