"""Layers: any cell as a torch module, torch's own layers, and the swap of the one for the other."""

from ostinato.nn import init
from ostinato.nn.accelerate import accelerate
from ostinato.nn.explanation import explain
from ostinato.nn.recurrent import Recurrent
from ostinato.nn.saving import save
from ostinato.nn.torch_layers import GRU, LSTM, RNN

__all__ = ["GRU", "LSTM", "RNN", "Recurrent", "accelerate", "explain", "init", "save"]
