"""`exosift ingest`: the headers of raw files become `frames.ecsv`, a row a file."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from exosift import threads
from exosift.errors import BadInput, NothingToDo
from exosift.ingest.archive import Archive, sort_archive
from exosift.ingest.cards import Cards
from exosift.ingest.frame import Frame
from exosift.instruments import descriptions
from exosift.instruments.description import Description
from exosift.io.headers import fits_files, read_header
from exosift.io.observations import refuse_to_replace, write_observations
from exosift.settings import plain
from exosift.steps.recording import recorded


def run(
    folders: tuple[Path, ...],
    given: Mapping[str, Description],
    output: Path,
    observations: Path | None = None,
) -> Archive:
    """Sort the raw files in `folders` by the instruments `given` and those known; write `output`.

    The table is written also when no observation can be made of it: it says why, file by file.
    observations: the workflow's table to write, too, which must not be there yet.
    """
    if observations is not None:
        refuse_to_replace(observations)
    files = fits_files(folders)
    with recorded("ingest", output.parent, files, {"instruments": plain(dict(given))}, ()):
        headers = threads.over(_header, files, products=False)
        # Slow to load, and not needed before there is something to sort.
        from exosift.io.ephemeris import zenith_angle
        from exosift.io.frames import write_frames

        known = descriptions(given)
        archive = sort_archive(headers, known, zenith_angle)
        write_frames(output, archive, {"folders": [str(folder) for folder in folders]})
        if not archive.observations:
            raise _nothing(archive, output)
        if observations is None:
            return archive
        unknown = write_observations(observations, archive.observations, known)
        return replace(archive, problems=(*archive.problems, *unknown))


def _header(path: Path) -> tuple[Frame, Cards | BadInput]:
    """A file's row as far as the file system tells, and its header or why it cannot be read."""
    frame = Frame(str(path))
    try:
        found = path.stat()
        frame = Frame(str(path), found.st_size, round(found.st_mtime, 3))
        return frame, read_header(path)
    except BadInput as error:
        return frame, error
    except OSError as error:
        return frame, BadInput(f"{path}: not there ({error.strerror}); mend or remove the link")


def _nothing(archive: Archive, output: Path) -> BadInput | NothingToDo:
    """Why there is no observation: the first thing wrong, or nothing but calibrations."""
    told = f"no observation among {len(archive.frames)} files; {output} says why, file by file"
    if archive.problems:
        more = len(archive.problems) - 1
        others = f" (and {more} more)" if more else ""
        return BadInput(f"{archive.problems[0].line}{others}; {told}")
    return NothingToDo(told)
