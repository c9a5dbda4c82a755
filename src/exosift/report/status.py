"""How steps and observations end, in the report's words."""

from typing import Literal

Status = Literal["done", "nothing to do", "bad input", "failed", "missing"]
"""How a step ended; "missing" where it left no word."""

Outcome = Status | Literal["partly done"]
"""How an observation ended, its reductions included."""
