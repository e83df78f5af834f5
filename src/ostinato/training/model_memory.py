"""A network that does not fit into memory, as an error with its mend."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from ostinato.core.errors import OptionError


@contextmanager
def fitting_into_memory(hidden_size: int) -> Generator[None]:
    """Turn a failure to allocate a network's weights into an error that names its size.

    Raises:
        OptionError: they do not fit.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # torch's allocator raises RuntimeError where numpy's raises MemoryError.
        if isinstance(error, RuntimeError) and "alloc" not in str(error):
            raise
        raise OptionError(
            f"a model with hidden_size={hidden_size} does not fit into memory\n"
            "mend: a smaller model.hidden_size"
        ) from error
