"""Saved layers, language models and networks that write, run with numpy and without torch.

Their recurrent layers are run by the native engine.

>>> layer = ostinato.runtime.load("tagger.safetensors")  # as `ostinato.nn.save` wrote it
>>> output, state = layer(x)

"""

from typing import TYPE_CHECKING, Any

from ostinato.runtime.language_model import LanguageModel
from ostinato.runtime.layer import Layer
from ostinato.runtime.loading import load
from ostinato.runtime.stream import Stream

if TYPE_CHECKING:
    from ostinato.runtime.writer import Writer

__all__ = ["LanguageModel", "Layer", "Stream", "Writer", "load"]


def __getattr__(name: str) -> Any:
    if name == "Writer":
        from ostinato.runtime.writer import Writer

        return Writer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
