# Inverse methods: maps of flux, error and S/N, and the candidates in them.


rule invert:
    input:
        sequence="results/{target}/{epoch}/sequence.zarr.json",
    output:
        flux="results/{target}/{epoch}/{reduction}/flux.fits",
        sigma="results/{target}/{epoch}/{reduction}/sigma.fits",
        snr="results/{target}/{epoch}/{reduction}/snr.fits",
    log:
        "logs/invert/{target}/{epoch}/{reduction}.log",
    benchmark:
        "benchmarks/invert/{target}/{epoch}/{reduction}.tsv"
    wildcard_constraints:
        reduction=one_of(SURVEY.config.inversions),
    priority: 3
    conda:
        "../../envs/exosift.yaml"
    threads: threads_of
    resources:
        mem_mb=invert_memory,
        runtime=invert_minutes,
    params:
        inversion=lambda wildcards: json.dumps(method_of(wildcards)),
        store=subpath(input.sequence, strip_suffix=".json"),
        folder=subpath(output.flux, parent=True),
        algorithms=ALGORITHMS,
    shell:
        "exosift invert {params.store} --inversion {params.inversion:q} "
        "--output {params.folder} --threads {threads} 2> {log}"


rule search:
    input:
        image="results/{target}/{epoch}/{reduction}/flux.fits",
        snr="results/{target}/{epoch}/{reduction}/snr.fits",
    output:
        candidates="results/{target}/{epoch}/{reduction}/candidates.ecsv",
        picture=report(
            "results/{target}/{epoch}/{reduction}/detection.png",
            caption="../report/inversion.rst",
            category="{target}",
            subcategory="{epoch}",
            labels={"reduction": "{reduction}"},
        ),
    log:
        "logs/search/{target}/{epoch}/{reduction}.log",
    benchmark:
        "benchmarks/search/{target}/{epoch}/{reduction}.tsv"
    wildcard_constraints:
        reduction=one_of(SURVEY.config.inversions),
    priority: 5
    conda:
        "../../envs/exosift.yaml"
    threads: 1
    resources:
        mem_mb=detect_memory,
        runtime=lambda wildcards, attempt: 5 * attempt,
    params:
        search=json.dumps(plain(SURVEY.config.search)),
        known=known_of,
        folder=subpath(output.candidates, parent=True),
        algorithms=ALGORITHMS,
    shell:
        "exosift detect {input.image} --snr {input.snr} --search {params.search:q} "
        "--known {params.known:q} --output {params.folder} --threads {threads} 2> {log}"
