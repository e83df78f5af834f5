"""Saved layers, language models and networks that write, run with numpy and without torch.

Their recurrent layers are run by the native engine.

>>> layer = ostinato.runtime.load("tagger.safetensors")  # as `ostinato.nn.save` wrote it
>>> output, state = layer(x)

"""

from ostinato.runtime.language_model import LanguageModel
from ostinato.runtime.layer import Layer
from ostinato.runtime.loading import load
from ostinato.runtime.stream import Stream
from ostinato.runtime.writer import Writer

__all__ = ["LanguageModel", "Layer", "Stream", "Writer", "load"]
