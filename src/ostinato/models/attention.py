"""How a step of writing looks at what was read."""

from __future__ import annotations

from typing import Literal

Score = Literal["dot", "general", "concat", "bahdanau"]
