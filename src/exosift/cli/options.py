"""What the commands share: how they end, and options that take paths and YAML."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from exosift.errors import ExosiftError


class Group(click.Group):
    """Turns the four errors into one line and their exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; end with its error's line and code."""
        try:
            return super().invoke(ctx)
        except ExosiftError as error:
            click.echo(f"exosift {ctx.invoked_subcommand}: {error.status}: {error}", err=True)
            sys.exit(error.exit_code)


class _Yaml(click.ParamType[Any]):
    """YAML or JSON text, or @FILE."""

    name = "YAML"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        import yaml

        try:
            return yaml.safe_load(Path(value[1:]).read_text() if value[:1] == "@" else value)
        except OSError as error:
            self.fail(str(error), param, ctx)
        except yaml.YAMLError as error:
            self.fail(f"not YAML: {' '.join(str(error).split())}", param, ctx)


Function = TypeVar("Function", bound=Callable[..., Any])

PATH = click.Path(path_type=Path)
YAML = _Yaml()


def option(*declared: str, **more: Any) -> Callable[[Function], Function]:
    """An option that must be given, unless it has a default."""
    return click.option(*declared, required="default" not in more, **more)


memory_given = click.option(
    "--memory", type=float, default=None, help="MB to use; what needs more stays on disk."
)
on_threads = click.option("--threads", default=1, show_default=True, help="Threads to use.")
