# PSF model, subtraction, derotation, combination: one job a reduction.


rule subtract:
    input:
        sequence="results/{target}/{epoch}/sequence.zarr.json",
        stars=stars_of,
    output:
        residuals="results/{target}/{epoch}/{reduction}/residuals.zarr.json",
        image="results/{target}/{epoch}/{reduction}/image.fits",
    log:
        "logs/subtract/{target}/{epoch}/{reduction}.log",
    benchmark:
        "benchmarks/subtract/{target}/{epoch}/{reduction}.tsv"
    wildcard_constraints:
        reduction=one_of(SURVEY.config.reductions),
    priority: 3
    conda:
        "../../envs/exosift.yaml"
    threads: threads_of
    resources:
        mem_mb=subtract_memory,
        runtime=subtract_minutes,
    params:
        reduction=lambda wildcards: json.dumps(method_of(wildcards)),
        store=subpath(input.sequence, strip_suffix=".json"),
        stars=star_options,
        folder=subpath(output.image, parent=True),
        launch=launch,
        cluster=lambda wildcards, resources: "srun" if resources.get("mpi") else "threads",
        algorithms=ALGORITHMS,
    shell:
        "{params.launch} exosift subtract {params.store} {params.stars} "
        "--reduction {params.reduction:q} --output {params.folder} --cluster {params.cluster} "
        "--memory {resources.mem_mb} --threads {threads} 2> {log}"
