# Raw files: dark, flat, sky, bad pixels; one store of frames an observation.


rule calibrate:
    input:
        frames="results/frames.ecsv",
    output:
        frames="results/{target}/{epoch}/calibrated.zarr.json",
    log:
        "logs/calibrate/{target}/{epoch}.log",
    benchmark:
        "benchmarks/calibrate/{target}/{epoch}.tsv"
    priority: 1
    conda:
        "../../envs/exosift.yaml"
    threads: 2
    resources:
        mem_mb=calibrate_memory,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        recipe=json.dumps(plain(SURVEY.config.calibrate)),
        instruments=INSTRUMENTS,
        store=subpath(output.frames, strip_suffix=".json"),
        algorithms=ALGORITHMS,
    shell:
        "exosift calibrate {input.frames} --observation {wildcards.target}/{wildcards.epoch} "
        "--recipe {params.recipe:q} --instruments {params.instruments:q} "
        "--output {params.store} --threads {threads} 2> {log}"
