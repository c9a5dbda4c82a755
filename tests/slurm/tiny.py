"""A tiny simulated survey with one reduction, for what is done to its jobs."""

from tests.workflow.conftest import Survey, simulated

SETTINGS = {
    "title": "tiny survey",
    "observations": "observations.tsv",
    "register": {"method": "symmetry"},
    "reductions": {
        "pca": {"model": {"kind": "pca", "ranks": [2, 4]}, "regions": {"kind": "full"}},
    },
    "simulate": {
        "seed": 3,
        "scene": {"size": 61, "frames": 16, "residual_screens": 8, "pupil_pixels": 48},
        "companions": {
            "A/1": [{"separation": 450, "position_angle": 60, "contrast": 4e-3}],
        },
    },
}


def write(survey: Survey) -> Survey:
    """The survey of three targets, in its folder."""
    survey.write(SETTINGS, [simulated(target, "1") for target in "ABC"])
    return survey
