"""The pages of a run's targets: their epochs side by side, and how what is beside them moves."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from exosift.errors import ExosiftError
from exosift.io.fits import observation_of, read_images
from exosift.io.horizon import earth
from exosift.report.figures import Panel, View, epochs_figure, save
from exosift.report.motion import motion_figure
from exosift.report.summary import RunSummary
from exosift.report.targets import ObjectSummary, Sighting, TargetSummary
from exosift.steps.catalogue import Beside
from exosift.survey.catalogue import Source
from exosift.survey.motion import Star, sky_of
from exosift.survey.verdict import Linked
from exosift.types import Floats

# Times of a background track that is drawn.
_DRAWN = 200


def summarised(
    run: RunSummary, beside: Mapping[str, Beside], results: Path, folder: Path
) -> tuple[TargetSummary, ...]:
    """What the page of every target tells, its figures drawn into `folder`, where the pages go."""
    found = []
    for name in dict.fromkeys(o.target for o in run.observations):
        one = beside.get(name, Beside(Star(), (), ()))
        figures = _figures(name, one, results, folder) if len(one.epochs) > 1 else {}
        found.append(
            TargetSummary(
                name=name,
                page=f"target-{name}.html",
                star=_facts(one.star),
                objects=tuple(_object(n, o) for n, o in enumerate(one.objects, 1)),
                observations=tuple(o for o in run.observations if o.target == name),
                **figures,
            )
        )
    return tuple(found)


def _figures(name: str, one: Beside, results: Path, folder: Path) -> dict[str, str]:
    """Draw the epochs of a target, and its objects' motion where the times are known."""
    drawn = {}
    panels = _panels(name, one, results)
    if panels:
        drawn["images"] = f"target-{name}-epochs.png"
        save(epochs_figure(panels, title=name), folder / drawn["images"])
    mjd = np.array([epoch.mjd for epoch in one.epochs])
    if np.isfinite(mjd).all() and any(o.sources for o in one.objects):
        drawn["motion"] = f"target-{name}-motion.png"
        margin = 0.05 * np.ptp(mjd)
        times = np.linspace(mjd.min() - margin, mjd.max() + margin, _DRAWN)
        place = earth(times) if one.star.parallax else np.zeros((_DRAWN, 3))
        sky = sky_of(one.star, times, place)
        save(motion_figure(one.objects, times, sky, name), folder / drawn["motion"])
    return drawn


def _panels(name: str, one: Beside, results: Path) -> list[Panel]:
    """The image of each epoch that shows most, with the objects' numbers."""
    panels = []
    for epoch in one.epochs:
        seen = [
            (number, source)
            for number, found in enumerate(one.objects, 1)
            for source in found.sources
            if source.epoch.name == epoch.name
        ]
        best = max((source.best for _, source in seen), key=lambda b: b.snr, default=None)
        reduction = best.reduction if best else epoch.reductions[0]
        image = _image(results / name / epoch.name / reduction, best.rank if best else 0.0)
        if image is None:
            continue
        values, view = image
        marked = tuple((str(number), _pixel(source, view)) for number, source in seen)
        panels.append(Panel(f"{epoch.name}  {reduction}", values, view, marked))
    return panels


def _image(folder: Path, rank: float) -> tuple[Floats, View] | None:
    """An image (y, x) of a rank, an inversion's flux, a classifier's margin; None without any."""
    for name in ("image.fits", "flux.fits", "margin.fits"):
        if (folder / name).exists():
            try:
                images, header = read_images(folder / name)
            except ExosiftError:
                return None
            ranks = [header[f"RANK{i}"] for i in range(1, header["NRANKS"] + 1)]
            about = observation_of(header)
            number = ranks.index(rank) if rank in ranks else 0
            return images[number], View(about.pixel_scale, about.star, about.fwhm[0])
    return None


def _pixel(source: Source, view: View) -> tuple[float, float]:
    """Where a source stands in an image, (x, y) [px]; East is left."""
    east, north = source.offset / view.pixel_scale
    return float(view.centre[0] - east), float(view.centre[1] + north)


def _object(number: int, one: Linked) -> ObjectSummary:
    """An object as the page tells it."""
    verdict = one.verdict
    return ObjectSummary(
        number=number,
        kind=verdict.kind,
        reason=verdict.reason,
        epochs=f"{len(one.sources)} of {verdict.observed}",
        joint=verdict.joint,
        log_odds=verdict.log_odds,
        companion=verdict.companion,
        background=verdict.background,
        free=verdict.free,
        sightings=tuple(_sighting(source) for source in one.sources),
    )


def _sighting(source: Source) -> Sighting:
    return Sighting(
        epoch=source.epoch.name,
        separation=source.separation,
        position_angle=source.position_angle,
        snr=source.best.snr,
        false_alarm=source.false_alarm,
        seen_by=f"{len(source.reductions)} of {len(source.epoch.reductions)}",
        measured=source.measured is not None,
        known=source.best.known,
    )


def _facts(star: Star) -> tuple[tuple[str, str], ...]:
    """What is known of a star, in words."""
    told = []
    if star.motion:
        told.append(("Proper motion", f"{star.motion[0]:+g}, {star.motion[1]:+g} mas/yr (E, N)"))
    if star.parallax:
        told.append(("Parallax", f"{star.parallax:g} mas, {1000 / star.parallax:.1f} pc"))
    if star.mass:
        told.append(("Mass", f"{star.mass:g} solar masses"))
    return tuple(told)
