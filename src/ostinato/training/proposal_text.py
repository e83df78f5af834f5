"""A proposed recipe as YAML with comments."""

from __future__ import annotations

import math
from typing import Any

import yaml

from ostinato.training.proposed import Line, Proposal

_WIDTH = 100


def render(proposal: Proposal) -> str:
    """Return YAML that ``load_recipe`` reads, each line with its reason."""
    lines = [
        f"# {_one_line(proposal.title)}",
        "# Look: ostinato check FILE; learn: ostinato train FILE",
    ]
    lines += _written(Line("task", proposal.task, proposal.reason), "")
    for section, entries in proposal.sections.items():
        lines.append(f"{section}:")
        for entry in entries:
            lines += _written(entry, "  ")
    return "\n".join(lines) + "\n"


def _written(line: Line, indent: str) -> list[str]:
    """Return a line with its comment behind it, or above where there is no room."""
    code = f"{indent}{line.key}: {_scalar(line.value)}"
    comment = _one_line(line.comment)
    if not comment:
        return [code]
    together = f"{code}  # {comment}"
    return [together] if len(together) <= _WIDTH else [f"{indent}# {comment}", code]


def _scalar(value: Any) -> str:
    """Return a value in one line of YAML."""
    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=math.inf)
    return text.removesuffix("...\n").strip()


def _one_line(text: str) -> str:
    """Return ``text`` without what would end a comment, or garble a terminal."""
    shown = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(shown.split())
