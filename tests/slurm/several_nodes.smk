# One job on two nodes: the scheduler, the one who sums, and two workers. See pca_job.py.


rule pca:
    input:
        "sequence.zarr.json",
    output:
        "pca.npz",
    log:
        "pca.log",
    resources:
        mpi="srun",
        tasks=4,
        nodes=2,
        mem_mb=3000,
        runtime=10,
    params:
        store=subpath(input[0], strip_suffix=".json"),
    shell:
        "{resources.mpi} --ntasks={resources.tasks} --kill-on-bad-exit=1 "
        "python -m tests.slurm.pca_job {params.store} {output} srun {resources.mem_mb} 2> {log}"
