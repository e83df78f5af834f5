"""Arguments that layers take, with or without torch."""

from __future__ import annotations

import operator
from typing import Any, cast

from ostinato.core.errors import OptionError


def check_count(name: str, value: object) -> int:
    """Return a size or count as a plain integer.

    Raises:
        OptionError: it is none, or less than 1.
    """
    try:
        count = 0 if isinstance(value, bool) else operator.index(cast("Any", value))
    except TypeError:
        count = 0
    if count < 1:
        raise OptionError(f"{name} must be a positive integer, got {value!r}\nmend: use 1 or more")
    return count


def check_streamable(num_directions: int) -> None:
    """Refuse a stream of single steps to a layer that needs the end first.

    Raises:
        OptionError: the layer is bidirectional.
    """
    if num_directions > 1:
        raise OptionError(
            "a bidirectional layer cannot run as a stream: it reads from the end\n"
            "mend: use bidirectional=False, or run whole sequences"
        )
