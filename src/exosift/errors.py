"""The four ways a step can end without a product, each with its own exit code."""


class ExosiftError(Exception):
    """Base of the four; `exit_code` is what the command line returns, `status` what is recorded."""

    exit_code = 1
    status = "failed"


class BadInput(ExosiftError, ValueError):
    """The data or the configuration is wrong: say what, where, and what to do. Never retried.

    A ValueError too, so that a parameter refused by its dataclass is reported with its place.
    """

    exit_code = 2
    status = "bad input"


class NothingToDo(ExosiftError):
    """There is nothing here to work on, and that is no fault."""

    exit_code = 3
    status = "nothing to do"


class Failed(ExosiftError):
    """An algorithm could not do its work on valid input; the message carries its metrics."""

    exit_code = 4
    status = "failed"


class Transient(ExosiftError):
    """Something outside went wrong (network, file system); a retry may succeed."""

    exit_code = 5
    status = "transient"
