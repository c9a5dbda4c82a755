# Star to the centre pixel; frames, angles and PSF into one store.


rule register:
    input:
        cube=file_of("cube"),
        angles=file_of("angles"),
        psf=file_of("psf"),
        wavelengths=file_of("wavelengths"),
        calibrated=calibrated_of,
    output:
        sequence="results/{target}/{epoch}/sequence.zarr.json",
        picture=report(
            "results/{target}/{epoch}/registration.png",
            caption="../report/registration.rst",
            category="{target}",
            subcategory="{epoch}",
        ),
        frames="results/{target}/{epoch}/selection.ecsv",
        selection=report(
            "results/{target}/{epoch}/selection.png",
            caption="../report/selection.rst",
            category="{target}",
            subcategory="{epoch}",
        ),
    log:
        "logs/register/{target}/{epoch}.log",
    benchmark:
        "benchmarks/register/{target}/{epoch}.tsv"
    priority: 2
    conda:
        "../../envs/exosift.yaml"
    threads: threads_of
    resources:
        mem_mb=register_memory,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        row=lambda wildcards: json.dumps(row_of(wildcards)),
        registration=json.dumps(plain(SURVEY.config.register)),
        calibrated=lambda wildcards, input: (
            f"--calibrated {input.calibrated.removesuffix('.json')}" if input.calibrated else ""
        ),
        instruments=INSTRUMENTS,
        store=subpath(output.sequence, strip_suffix=".json"),
        algorithms=ALGORITHMS,
    shell:
        "exosift register --observation {params.row:q} --registration {params.registration:q} "
        "{params.calibrated} --instruments {params.instruments:q} "
        "--output {params.store} --threads {threads} 2> {log}"
