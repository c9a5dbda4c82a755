# Names that the rules share: the checked survey, and small functions of wildcards.
#
# What comes later in the chain has the higher priority: an observation is done before the next is
# begun, and Snakemake, which looks at the inputs of all ready jobs whenever one ends, has few.
import json
import os
import re
import shlex
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

from exosift.compute import lessons, resources
from exosift.compute.memory import machine_memory
from exosift import ALGORITHMS
from exosift.config import check
from exosift.errors import ExosiftError
from exosift.io.atomic import whole
from exosift.io.shapes import (
    image_shape,
    samples_shape,
    sequence_fwhm,
    sequence_shape,
    window_shape,
)
from exosift.learn.network import Training
from exosift.observations import NAME, RAW, SIMULATED, as_registered, located, reference_stars
from exosift.settings import plain

# Jobs find the `exosift` that stands beside the Python running Snakemake, activated or not.
shell.prefix(f"set -euo pipefail; export PATH=$PATH:{Path(sys.executable).parent}; ")
# With `--software-deployment-method conda` they run in envs/exosift.yaml, which installs exosift
# from where the workflow is.
os.environ.update(EXOSIFT_ROOT=str(workflow.basedir))

FOLDER = Path(workflow.configfiles[-1]).resolve().parent
CONFIGURATION = Path("logs/configuration.json")
REPORT = f"exosift report {CONFIGURATION}"


def checked():
    """The survey of this run; a bad configuration ends here, with one line."""
    try:
        return check(config, FOLDER, Path(workflow.configfiles[-1]).name)
    except ExosiftError as error:
        raise WorkflowError(str(error)) from None


SURVEY = checked()
ROWS = {(row.target, row.epoch): row for row in SURVEY.rows}


# The most memory [MB] that a job can have: `--resources job_memory=…` or the profile's, else the
# machine's. Where a sequence needs more, its frames stay on disk.
MOST = workflow.global_resources.get("job_memory").value or machine_memory()

INSTRUMENTS = json.dumps(plain(dict(SURVEY.config.instruments)))


def raw_folders():
    """The survey's folders of raw files, as the run sees them."""
    return [
        "data/raw" if folder == SIMULATED else str((FOLDER / folder).resolve())
        for folder in SURVEY.config.raw
    ]


def calibrated_of(wildcards):
    """Input function: the calibrated frames of an observation that comes from raw files."""
    raw = ROWS[wildcards.target, wildcards.epoch].cube == RAW
    return "results/{target}/{epoch}/calibrated.zarr.json" if raw else []


def one_of(names):
    """A wildcard's constraint: one of the names, and nothing at all where there are none."""
    return "|".join(map(re.escape, names)) or "(?!)"


def classifiers(network):
    """Names of the classifiers that are networks, or of those that are none."""
    return [
        name
        for name, asked in SURVEY.config.classifiers.items()
        if isinstance(asked.classifier, Training) == network
    ]


def every(pattern, methods=SURVEY.config.searched):
    """`pattern` for every observation to be reduced, and whatever it goes through, or some."""
    return [
        pattern.format(target=row.target, epoch=row.epoch, reduction=reduction)
        for row in SURVEY.rows
        if row.role == "science"
        for reduction in methods
    ]


def keep_configuration():
    """Write the configuration as it was used, and what uses it, where report and crate find it."""
    used = plain(SURVEY.config) | {
        "observations": str(FOLDER / SURVEY.config.observations),
        "raw": [f if f == SIMULATED else str(FOLDER / f) for f in SURVEY.config.raw],
    }
    with whole(CONFIGURATION) as partial:
        partial.write_text(json.dumps(used, indent=1) + "\n")
    told = {
        "folder": str(workflow.basedir),
        "command": shlex.join(["snakemake", *sys.argv[1:]]),
        "snakemake": version("snakemake"),
    }
    with whole(CONFIGURATION.with_name("workflow.json")) as partial:
        partial.write_text(json.dumps(told, indent=1) + "\n")


def row_of(wildcards):
    """The observation's row, with its files where ingest puts them."""
    return plain(as_registered(ROWS[wildcards.target, wildcards.epoch]))


def file_of(name):
    """Input function: one of an observation's files. A file that nobody makes and that is not there
    is left out, so that its observation fails by itself, with its own line, and not the whole run.
    """

    def located_file(wildcards):
        row = ROWS[wildcards.target, wildcards.epoch]
        path = located(row, name)
        made = path != getattr(row, name)
        store = Path(f"results/{row.target}/{row.epoch}/sequence.zarr.json")
        return path if path and (made or Path(path).exists() or store.exists()) else []

    return located_file


def method_of(wildcards):
    """The parameters of the reduction, inversion or classifier."""
    return plain(SURVEY.config.searched[wildcards.reduction])


def known_of(wildcards):
    """The companions known in the observation."""
    row = ROWS[wildcards.target, wildcards.epoch]
    return json.dumps(plain(SURVEY.config.known_of(row)))


def judged_known_of(wildcards):
    """The companions known in the observation, as `exosift roc` wants them: by its name."""
    row = ROWS[wildcards.target, wildcards.epoch]
    return json.dumps({row.label: plain(SURVEY.config.known_of(row))})


def stars_of(wildcards):
    """Input function: the sequences of the reduction's reference stars."""
    row = ROWS[wildcards.target, wildcards.epoch]
    patterns = SURVEY.config.reductions[wildcards.reduction].stars
    return [
        f"results/{star.target}/{star.epoch}/sequence.zarr.json"
        for star in reference_stars(row, patterns, SURVEY.rows)
    ]


def samples_of(wildcards):
    """Input function: the samples that teach a classifier, where other stars do."""
    row, name = ROWS[wildcards.target, wildcards.epoch], wildcards.reduction
    if not SURVEY.config.classifiers[name].by_others:
        return []
    return [
        f"results/{star.target}/{star.epoch}/{SURVEY.drawn_for(name)}/samples.zarr.json"
        for star in SURVEY.taught_by(name, row)
    ]


def sample_options(wildcards, input):
    """Samples as the command wants them."""
    return [f"--samples={manifest.removesuffix('.json')}" for manifest in input.samples]


def drawing(wildcards):
    """How samples are drawn: nothing of who learns from them, so that they outlive its settings."""
    return json.dumps(plain(SURVEY.config.classifiers[wildcards.reduction].drawing))


def among(wildcards):
    """How many observations teach together, at least, where one of this filter does."""
    row = ROWS[wildcards.target, wildcards.epoch]
    return SURVEY.among[wildcards.reduction, row.filter]


def known_to_samples(wildcards):
    """The companions known in an observation, by its label."""
    row = ROWS[wildcards.target, wildcards.epoch]
    known = SURVEY.config.known_of(row)
    return json.dumps({row.label: plain(known)} if known else {})


def known_to_teachers(wildcards):
    """The companions known in the observations that teach a classifier, by their labels."""
    row = ROWS[wildcards.target, wildcards.epoch]
    return json.dumps(plain(SURVEY.known_to(wildcards.reduction, row)))


def star_options(wildcards, input):
    """Reference stars as the command wants them."""
    return [f"--star={manifest.removesuffix('.json')}" for manifest in input.stars]


def job_memory(step):
    """MB of a job, of what its step needs: on a cluster, Snakemake's own on top of it."""
    return step + (0 if workflow.local_exec else resources.SNAKEMAKE)


def least_memory(wildcards, attempt):
    return job_memory(resources.grown(0, attempt))


def simulate_memory(wildcards, attempt):
    scene = SURVEY.config.simulate.scene
    shape = scene.channels, scene.frames, scene.size, scene.size
    return job_memory(resources.simulate_memory(shape, attempt))


def archive_memory(wildcards, attempt):
    archive = SURVEY.config.simulate.archive
    nights = [
        resources.simulate_memory(
            (night.files, night.exposures, *2 * (archive.cameras[night.instrument].size,)), attempt
        )
        for night in archive.nights
    ]
    return job_memory(max(nights))


@cache
def shape_of(target, epoch):
    """Shape of an observation's cube, as far as it is known before anything has run."""
    row, scene = ROWS[target, epoch], SURVEY.config.simulate.scene
    if row.cube == SIMULATED:
        return scene.channels, scene.frames, scene.size, scene.size
    return image_shape(row.cube) if Path(row.cube).is_file() else ()


def threads_of(wildcards):
    """Threads worth having for an observation."""
    return resources.threads(shape_of(wildcards.target, wildcards.epoch))


def calibrate_memory(wildcards, input, attempt):
    window = window_shape(input.frames, f"{wildcards.target}/{wildcards.epoch}")
    return job_memory(resources.calibrate_memory(window, 2, attempt))


def register_memory(wildcards, input, threads, attempt):
    if input.calibrated:
        shape, each = sequence_shape(input.calibrated), SURVEY.config.register.frames == "each"
        return job_memory(resources.streamed_memory(shape, each, threads, attempt))
    shape = image_shape(input.cube) if input.cube else ()
    return job_memory(resources.register_memory(shape, attempt))


def subtraction(wildcards, input):
    """What a subtract job has to go through, from the shapes of its inputs."""
    return resources.Work.of(
        SURVEY.config.reductions[wildcards.reduction],
        sequence_shape(input.sequence),
        [sequence_shape(star) for star in input.stars],
    )


def subtract_memory(wildcards, input, threads, attempt):
    work = subtraction(wildcards, input)
    return job_memory(resources.subtract_asked(work, threads, attempt, MOST))


def launch(wildcards, resources):
    """What starts a job's tasks on several nodes, where `mpi=srun` and `tasks` ask for some."""
    if not resources.get("mpi"):
        return ""
    return f"{resources.mpi} --ntasks={resources.tasks} --kill-on-bad-exit=1"


def subtract_minutes(wildcards, input, attempt):
    return resources.subtract_minutes(subtraction(wildcards, input), attempt)


def limits_memory(wildcards, input, attempt):
    asked = SURVEY.config.limits
    places = max(asked.throughput.azimuths, asked.azimuths)
    return job_memory(resources.limits_memory(subtraction(wildcards, input), places, attempt))


def limits_minutes(wildcards, input, attempt):
    asked = SURVEY.config.limits
    places = asked.throughput.azimuths, asked.azimuths
    return resources.limits_minutes(
        subtraction(wildcards, input), len(asked.separations), places, attempt
    )


def judged_methods(input):
    """What judging has to go through: the work of each reduction, and the shapes of inversions."""
    shape = sequence_shape(input.sequence)
    reductions, inversions = SURVEY.config.reductions, SURVEY.config.inversions
    named = [one.method for one in SURVEY.config.roc.methods]
    works = [
        resources.Work(shape, rounds=1 + reductions[name].iterations)
        for name in named
        if name in reductions
    ]
    return works, [shape for name in named if name in inversions]


def judged_lessons(input):
    """What judging has to teach, and to map: the classifiers whose curves are asked for."""
    seen = sequence_shape(input.sequence), sequence_fwhm(input.sequence)
    named = {one.method for one in SURVEY.config.roc.methods}
    return [
        lessons.Lesson(asked, (seen,))
        for name, asked in SURVEY.config.classifiers.items()
        if name in named
    ]


def roc_memory(wildcards, input, attempt):
    works, inverted = judged_methods(input)
    places = SURVEY.config.roc.injections
    each = [resources.roc_memory(works, inverted[0] if inverted else (), places, attempt)]
    for one in judged_lessons(input):
        each += [lessons.learn_memory(one, attempt), lessons.predict_memory(one, attempt)]
    return job_memory(max(each))


def roc_minutes(wildcards, input, attempt):
    maps = SURVEY.config.roc.maps
    taught = sum(
        lessons.learn_minutes(one, attempt) + lessons.predict_minutes(one, attempt, maps)
        for one in judged_lessons(input)
    )
    return taught + resources.roc_minutes(*judged_methods(input), maps, attempt)


def null_stars_of(wildcards):
    """Input function: the sequences of the reference stars, where a reduction has some."""
    return stars_of(wildcards) if wildcards.reduction in SURVEY.config.reductions else []


def null_model_of(wildcards):
    """Input function: the model, where the method is a classifier."""
    learnt = wildcards.reduction in SURVEY.config.classifiers
    return "results/{target}/{epoch}/{reduction}/model.npz" if learnt else []


def null_method(wildcards, input):
    """What scores null frames, as the command wants it: settings, or a classifier's model."""
    given = "--model", str(input.model)
    if not input.model:
        given = "--method", json.dumps(method_of(wildcards))
    return shlex.join(given)


def nulls_memory(wildcards, input, threads, attempt):
    if wildcards.reduction in SURVEY.config.classifiers:
        return predict_memory(wildcards, input, threads, attempt)
    if wildcards.reduction in SURVEY.config.inversions:
        return job_memory(resources.invert_memory(sequence_shape(input.sequence), attempt))
    return job_memory(resources.subtract_memory(subtraction(wildcards, input), attempt))


def nulls_minutes(wildcards, input, attempt):
    asked = SURVEY.config.certify.nulls
    frames = len(asked.kinds) * asked.count
    if wildcards.reduction in SURVEY.config.classifiers:
        return lessons.predict_minutes(lesson(wildcards, input), attempt, frames)
    if wildcards.reduction in SURVEY.config.inversions:
        return resources.roc_minutes([], [sequence_shape(input.sequence)], frames, attempt)
    return resources.roc_minutes([subtraction(wildcards, input)], [], frames, attempt)


def lesson(wildcards, input):
    """What learning, or mapping what was learnt, has to go through."""
    asked = SURVEY.config.classifiers[wildcards.reduction]
    seen = sequence_shape(input.sequence), sequence_fwhm(input.sequence)
    return lessons.Lesson(asked, (seen,))


def sample_memory(wildcards, input, threads, attempt):
    need = lessons.draw_need(lesson(wildcards, input), threads, among(wildcards))
    return job_memory(need.asked(attempt, MOST))


def sample_minutes(wildcards, input, attempt):
    return lessons.draw_minutes(lesson(wildcards, input), attempt, among(wildcards))


def learn_memory(wildcards, input, threads, attempt):
    asked = lesson(wildcards, input)
    if not input.samples:
        return job_memory(lessons.learn_memory(asked, attempt, threads, MOST))
    need = lessons.fit_need(asked.asked, samples_shape(input.samples))
    return job_memory(need.asked(attempt, MOST))


def learn_minutes(wildcards, input, attempt):
    ask = lessons.fit_minutes if input.samples else lessons.learn_minutes
    return ask(lesson(wildcards, input), attempt)


def predict_memory(wildcards, input, threads, attempt):
    return job_memory(lessons.predict_memory(lesson(wildcards, input), attempt, threads, MOST))


def predict_minutes(wildcards, input, attempt):
    return lessons.predict_minutes(lesson(wildcards, input), attempt)


def candidates_of(wildcards):
    """Input function: the candidates, where those are to be characterised."""
    asked = SURVEY.config.characterise.which == "candidates"
    return rules.detect.output.candidates if asked else []


def characterised():
    """The tables of companions that a run is to make: none where none is known or looked for."""
    asked = SURVEY.config.characterise
    return [
        f"results/{row.target}/{row.epoch}/{reduction}/companions.ecsv"
        for row in SURVEY.rows
        if row.role == "science" and (asked.which == "candidates" or SURVEY.config.known_of(row))
        for reduction in asked.reductions
    ]


def characterise_memory(wildcards, input, attempt):
    places = SURVEY.config.characterise.injections
    return job_memory(resources.limits_memory(subtraction(wildcards, input), places, attempt))


def characterise_minutes(wildcards, input, attempt):
    row = ROWS[wildcards.target, wildcards.epoch]
    count = max(1, len(SURVEY.config.known_of(row)))
    injections = SURVEY.config.characterise.injections
    return resources.characterise_minutes(subtraction(wildcards, input), injections, count, attempt)


def invert_memory(wildcards, input, attempt):
    return job_memory(resources.invert_memory(sequence_shape(input.sequence), attempt))


def invert_minutes(wildcards, input, attempt):
    return resources.invert_minutes(sequence_shape(input.sequence), attempt)


def detect_memory(wildcards, input, attempt):
    shape = image_shape(input.image)
    looked_at = "stim" in SURVEY.config.search.maps and "sequence" in input.keys()
    frames = sequence_shape(input.sequence) if looked_at else ()
    return job_memory(resources.detect_memory(shape, attempt, frames))
