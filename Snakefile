# exosift: from observations to companion candidates, for every target, epoch and reduction.
#
#   snakemake --configfile config/betapic/config.yaml --directory runs/betapic
#
# Science is in the configuration, machine settings in profiles/, algorithms in src/exosift.


if not workflow.configfiles:

    configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/ingest.smk"
include: "workflow/rules/calibrate.smk"
include: "workflow/rules/register.smk"
include: "workflow/rules/subtract.smk"
include: "workflow/rules/invert.smk"
include: "workflow/rules/learn.smk"
include: "workflow/rules/detect.smk"
include: "workflow/rules/limits.smk"
include: "workflow/rules/roc.smk"
include: "workflow/rules/certify.smk"
include: "workflow/rules/characterise.smk"


report: "workflow/report/workflow.rst"


wildcard_constraints:
    target=NAME,
    epoch=NAME,
    reduction=one_of(SURVEY.config.searched),


# The page about the run is made by the handlers below, not by a rule: a rule would not run when
# one observation failed, and then the page matters most.
rule all:
    default_target: True
    input:
        candidates=every("results/{target}/{epoch}/{reduction}/candidates.ecsv"),
        limits=every(
            "results/{target}/{epoch}/{reduction}/contrast.ecsv",
            SURVEY.config.limits.reductions,
        ),
        roc=every("results/{target}/{epoch}/roc.ecsv", SURVEY.config.roc.methods[:1]),
        certified=every(
            "results/{target}/{epoch}/{reduction}/certified.ecsv",
            SURVEY.config.certify.methods,
        ),
        companions=characterised(),


onstart:
    keep_configuration()


onsuccess:
    shell(REPORT)


onerror:
    shell(REPORT)
