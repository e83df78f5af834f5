"""Saved layers and language models, run by the native engine with numpy and without torch.

>>> layer = ostinato.runtime.load("tagger.safetensors")  # as `ostinato.nn.save` wrote it
>>> output, state = layer(x)

"""

from ostinato.runtime.language_model import LanguageModel
from ostinato.runtime.layer import Layer
from ostinato.runtime.loading import load
from ostinato.runtime.stream import Stream

__all__ = ["LanguageModel", "Layer", "Stream", "load"]
