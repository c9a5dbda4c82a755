# Where data come from: raw files, sorted; public files, checked; or the simulator.


rule archive:
    output:
        folder=directory("data/raw"),
        truth="data/truth.json",
    log:
        "logs/archive.log",
    benchmark:
        "benchmarks/archive.tsv"
    conda:
        "../../envs/exosift.yaml"
    threads: 2
    resources:
        mem_mb=archive_memory,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        archive=json.dumps(plain(SURVEY.config.simulate.archive)),
        seed=SURVEY.config.simulate.seed,
        folder=subpath(output.truth, parent=True),
        algorithms=ALGORITHMS,
    shell:
        "exosift simulate --archive {params.archive:q} --seed {params.seed} "
        "--output {params.folder} --threads {threads} 2> {log}"


rule ingest:
    input:
        raw_folders(),
    output:
        "results/frames.ecsv",
    log:
        "logs/ingest.log",
    benchmark:
        "benchmarks/ingest.tsv"
    conda:
        "../../envs/exosift.yaml"
    threads: 2
    resources:
        mem_mb=least_memory,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        instruments=INSTRUMENTS,
        algorithms=ALGORITHMS,
    shell:
        "exosift ingest {input:q} --instruments {params.instruments:q} --output {output} "
        "--threads {threads} 2> {log}"


rule fetch:
    output:
        "data/{folder}/{file}.fits",
    log:
        "logs/fetch/{folder}/{file}.log",
    benchmark:
        "benchmarks/fetch/{folder}/{file}.tsv"
    wildcard_constraints:
        folder=NAME,
        file=NAME,
    conda:
        "../../envs/exosift.yaml"
    threads: 1
    resources:
        mem_mb=least_memory,
        runtime=lambda wildcards, attempt: 30 * attempt,
    shell:
        "exosift fetch {wildcards.folder}/{wildcards.file}.fits --output {output} 2> {log}"


rule simulate:
    output:
        cube="data/{target}/{epoch}/cube.fits",
        angles="data/{target}/{epoch}/angles.fits",
        psf="data/{target}/{epoch}/psf.fits",
        wavelengths="data/{target}/{epoch}/wavelengths.fits",
        truth="data/{target}/{epoch}/truth.json",
    log:
        "logs/simulate/{target}/{epoch}.log",
    benchmark:
        "benchmarks/simulate/{target}/{epoch}.tsv"
    conda:
        "../../envs/exosift.yaml"
    threads: threads_of
    resources:
        mem_mb=simulate_memory,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        scene=lambda wildcards: json.dumps(plain(SURVEY.config.simulate.scene)),
        companions=lambda wildcards: json.dumps(
            [
                plain(companion)
                for companion in SURVEY.config.simulate.companions.get(
                    f"{wildcards.target}/{wildcards.epoch}", ()
                )
            ]
        ),
        seed=SURVEY.config.simulate.seed,
        folder=subpath(output.cube, parent=True),
        algorithms=ALGORITHMS,
    shell:
        "exosift simulate --scene {params.scene:q} --companions {params.companions:q} "
        "--seed {params.seed} --name {wildcards.target}/{wildcards.epoch} "
        "--output {params.folder} --threads {threads} 2> {log}"
