"""A finished run as a Workflow Run RO-Crate: workflow, configuration, products, who made what.

Profile Provenance Run Crate 0.5 (Leo et al. 2024, PLoS ONE 19, e0309210), which holds those of
Workflow Run and Process Run Crates, on RO-Crate 1.1. Data that go in are named by their
SHA-256 (RFC 6920) and not copied; nor are stores, whose manifests with their content hash are.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

from exosift.errors import BadInput
from exosift.io.atomic import whole

_PROFILES = {
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/ro/wfrun/provenance/0.5": "Provenance Run Crate",
}
_CONTEXT = "https://w3id.org/ro/terms/workflow-run/context"
_FORMATS = {
    ".fits": "image/fits",
    ".png": "image/png",
    ".ecsv": "text/csv",
    ".json": "application/json",
    ".tsv": "text/tab-separated-values",
    ".html": "text/html",
}


@dataclass(frozen=True)
class Execution:
    """A step that ran: its name, its folder in the run, when it began and ended (ISO 8601).

    inputs, outputs: path in the run, or absolute, → SHA-256. error: why it failed, empty if it did
    not. command, and the version of exosift.
    """

    step: str
    folder: str
    begun: str
    ended: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    command: str
    version: str
    error: str = ""


@dataclass(frozen=True)
class RunFiles:
    """A run: its title and folder, the workflow's folder, the software of it and their versions.

    command: of Snakemake. settings: parameters of the configuration, by name. configuration: files
    that say what to do, by their path in the crate. executions: in the order of time.
    """

    title: str
    folder: Path
    workflow: Path
    license: str
    command: str
    versions: Mapping[str, str]
    settings: Mapping[str, str]
    configuration: Mapping[str, Path]
    executions: tuple[Execution, ...]


def write_crate(path: Path, run: RunFiles) -> int:
    """Write the crate as a folder, or as a file if `path` ends in .zip; how many files it holds."""
    crate = ROCrate(version="1.1")
    _Writer(crate, run).fill()
    if path.suffix == ".zip":
        with whole(path) as partial:
            crate.write_zip(partial)
    else:
        if path.exists() and any(path.iterdir()):
            raise BadInput(f"{path}: there already, and not empty; name another folder")
        crate.write(path)
    return sum("File" in one.type for one in crate.data_entities)


class _Writer:
    """Fills a crate with the entities of a run."""

    def __init__(self, crate: ROCrate, run: RunFiles) -> None:
        self.crate, self.run = crate, run
        self.files: dict[str, Any] = {}  # by path in the run
        self.parameters: dict[str, Any] = {}

    def fill(self) -> None:
        """All of it, from the root down."""
        root = self.crate.root_dataset
        self.crate.name = self.run.title
        self.crate.description = f"{self.run.title}: products of exosift and how they were made"
        root["license"] = {"@id": self.run.license}
        self.crate.metadata.extra_contexts.append(_CONTEXT)
        workflow = self._workflow()
        for identifier, name in _PROFILES.items():
            about = {"@type": "CreativeWork", "name": name, "version": identifier.split("/")[-1]}
            root.append_to("conformsTo", self._entity(identifier, **about))
        action = self._run(workflow)
        root.append_to("mentions", action)

    def _entity(self, identifier: str, **properties: Any) -> Any:
        """A contextual entity; the one that is there, if there is one."""
        found = self.crate.get(identifier)
        return found or self.crate.add(ContextEntity(self.crate, identifier, properties=properties))

    def _workflow(self) -> Any:
        """The Snakefile and what it includes."""
        source = self.run.workflow
        workflow = self.crate.add_workflow(
            source / "Snakefile",
            "Snakefile",
            main=True,
            lang="snakemake",
            lang_version=self.run.versions.get("snakemake"),
        )
        workflow["name"] = "exosift"
        workflow["license"] = {"@id": "https://spdx.org/licenses/BSD-3-Clause"}
        for path in sorted([*source.glob("workflow/rules/*.smk"), *source.glob("envs/*")]):
            part = self._file(path.relative_to(source).as_posix(), path)
            workflow.append_to("hasPart", part)
        return workflow

    def _file(self, name: str, source: Path | None = None, digest: str = "") -> Any:
        """A file of the crate, by its path in the run; one from outside, by its hash."""
        if name in self.files:
            return self.files[name]
        path = source or self.run.folder / name
        told: dict[str, Any] = {"name": Path(name).name}
        if digest:
            told["sha256"] = digest
        if Path(name).suffix in _FORMATS:
            told["encodingFormat"] = _FORMATS[Path(name).suffix]
        inside = (source is not None or name.startswith("results/")) and path.is_file()
        if inside:
            told["contentSize"] = str(path.stat().st_size)
            found = self.crate.add_file(path, name, properties=told)
        elif digest:
            found = self._entity(_by_hash(digest), **({"@type": "File"} | told))
        else:
            found = self._entity(f"#{name}", **({"@type": "CreativeWork"} | told))
        self.files[name] = found
        return found

    def _parameter(self, workflow: Any, way: str, name: str, kind: str, entity: Any) -> None:
        """Say that an entity was the value of one of the workflow's inputs or outputs."""
        identifier = f"#{way}-{name}"
        if identifier not in self.parameters:
            self.parameters[identifier] = self._entity(
                identifier,
                **{"@type": "FormalParameter", "name": name, "additionalType": kind},
                conformsTo={"@id": "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"},
                valueRequired=way == "input" and kind == "File",
            )
            workflow.append_to(way, self.parameters[identifier])
        entity.append_to("exampleOfWork", self.parameters[identifier])

    def _run(self, workflow: Any) -> Any:
        """The run of the workflow, and of each of its steps."""
        run = self.run
        action = self._entity("#run", **{"@type": "CreateAction", "name": f"Run of {run.title}"})
        action["instrument"] = workflow
        action["description"] = run.command
        action["startTime"] = min((one.begun for one in run.executions), default="")
        action["endTime"] = max((one.ended for one in run.executions), default="")
        failed = [one for one in run.executions if one.error]
        action["actionStatus"] = _status(bool(failed))
        if failed:
            action["error"] = "; ".join(f"{one.folder}: {one.error}" for one in failed)
        for name, path in run.configuration.items():
            entity = self._file(name, path)
            self._parameter(workflow, "input", Path(name).stem, "File", entity)
            action.append_to("object", entity)
        for name, value in run.settings.items():
            told = {"@type": "PropertyValue", "name": name, "value": value}
            entity = self._entity(f"#setting-{name}", **told)
            self._parameter(workflow, "input", name, "Text", entity)
            action.append_to("object", entity)
        self._executions(workflow, action)
        return action

    def _executions(self, workflow: Any, action: Any) -> None:
        """Every step: what ran it, from what, to what."""
        versions = ", ".join(f"{name} {version}" for name, version in self.run.versions.items())
        engine = self._entity(
            "#snakemake",
            **{"@type": "SoftwareApplication", "name": "Snakemake"},
            softwareVersion=self.run.versions.get("snakemake", ""),
            softwareRequirements=versions,
        )
        organised = self._entity("#organised", **{"@type": "OrganizeAction", "name": "Snakemake"})
        organised["instrument"], organised["result"] = engine, action
        made = {name for one in self.run.executions for name in one.outputs}
        for number, one in enumerate(self.run.executions, 1):
            tool, step = self._tool(workflow, one)
            ran = self._entity(f"#run-{number}", **{"@type": "CreateAction"})
            ran["name"] = f"{one.step} of {one.folder}"
            ran["instrument"], ran["description"] = tool, one.command
            ran["startTime"], ran["endTime"] = one.begun, one.ended
            ran["actionStatus"] = _status(bool(one.error))
            if one.error:
                ran["error"] = one.error
            for name, digest in one.inputs.items():
                entity = self._file(name, digest=digest)
                ran.append_to("object", entity)
                if name not in made and entity not in action.get("object", []):
                    self._parameter(workflow, "input", "data", "File", entity)
                    action.append_to("object", entity)
            for name, digest in one.outputs.items():
                entity = self._file(name, digest=digest)
                ran.append_to("result", entity)
                self._parameter(workflow, "output", Path(name).name, "File", entity)
                action.append_to("result", entity)
            control = self._entity(f"#control-{number}", **{"@type": "ControlAction"})
            control["name"], control["instrument"], control["object"] = ran["name"], step, ran
            organised.append_to("object", control)

    def _tool(self, workflow: Any, one: Execution) -> tuple[Any, Any]:
        """The sub-command that ran, and its step of the workflow."""
        place = f"#step-{one.step}"
        there = self.crate.get(place)
        if there:
            return self.crate.get(f"#exosift-{one.step}"), there
        tool = self._entity(
            f"#exosift-{one.step}",
            **{"@type": "SoftwareApplication", "name": f"exosift {one.step}"},
            softwareVersion=one.version,
        )
        step = self._entity(place, **{"@type": "HowToStep", "name": one.step}, workExample=tool)
        step["position"] = str(sum("HowToStep" in e.type for e in self.crate.contextual_entities))
        workflow.append_to("hasPart", tool)
        workflow.append_to("step", step)
        return tool, step


def _status(failed: bool) -> dict[str, str]:
    kind = "FailedActionStatus" if failed else "CompletedActionStatus"
    return {"@id": f"http://schema.org/{kind}"}


def _by_hash(digest: str) -> str:
    """A file's name by its content: ni:///sha-256;… (RFC 6920)."""
    named = base64.urlsafe_b64encode(bytes.fromhex(digest)).decode().rstrip("=")
    return f"ni:///sha-256;{named}"
