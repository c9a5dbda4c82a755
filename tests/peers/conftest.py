"""VIP and pyKLIP, imported and called with their own warnings and prints held back."""

import contextlib
import importlib
import io
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from exosift import threads

Call = Callable[..., Any]


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Hold back what peers and their imports warn of: in this suite a warning is an error."""
    held = io.StringIO()
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(held),
        contextlib.redirect_stderr(held),  # progress bars
    ):
        warnings.simplefilter("ignore")
        yield


def _peer(package: str, version: str) -> Call:
    """A function that calls one of the package's by its dotted name."""
    with _silence():
        reason = f"the extra `peers` ({package} {version}) is not installed"
        pytest.importorskip(package, reason=reason)

    def call(name: str, *args: Any, **kwargs: Any) -> Any:
        module, function = name.rsplit(".", 1)
        # BLAS threads that wait for one another on busy cores made these tests ten times slower.
        with _silence(), threads.limit(1):
            return getattr(importlib.import_module(f"{package}.{module}"), function)(
                *args, **kwargs
            )

    return call


@pytest.fixture(scope="session")
def vip() -> Call:
    """vip("metrics.snrmap", image, fwhm) calls that function of VIP, on one process."""
    return _peer("vip_hci", "2.1.1")


@pytest.fixture(scope="session")
def pyklip() -> Call:
    """pyklip("klip.klip_math", target, library, ranks) calls that function of pyKLIP."""
    return _peer("pyklip", "2.10.1")
