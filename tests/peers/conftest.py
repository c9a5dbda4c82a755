"""VIP, imported and called with its own warnings and prints held back."""

import contextlib
import importlib
import io
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

Call = Callable[..., Any]


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Hold back what VIP and its imports warn of: in this suite a warning is an error."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="session")
def vip() -> Call:
    """vip("metrics.snrmap", image, fwhm) calls that function of VIP, on one process."""
    with _silence():
        pytest.importorskip("vip_hci", reason="the extra `peers` (VIP 2.1.1) is not installed")

    def call(name: str, *args: Any, **kwargs: Any) -> Any:
        module, function = name.rsplit(".", 1)
        with _silence():
            return getattr(importlib.import_module(f"vip_hci.{module}"), function)(*args, **kwargs)

    return call
