"""Let a language model write, one unit at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from ostinato.core.errors import OptionError
from ostinato.data import Ids, Vocabulary
from ostinato.data.units import from_units
from ostinato.models.language_model import LanguageModel
from ostinato.training.errors import DivergedError


def generate(
    model: LanguageModel,
    vocabulary: Vocabulary,
    prompt: str,
    *,
    length: int,
    temperature: float = 1.0,
    top_p: float = 1.0,
    seed: int | None = None,
) -> Iterator[str]:
    """Yield the prompt and then what the model writes, in pieces, as they become certain.

    Args:
        model: in evaluation mode.
        vocabulary: the model's units.
        prompt: at least one character; with jamo, its last syllable may still gain a tail.
        length: characters to write after the prompt.
        temperature: 1 draws as the model says, less is more careful, 0 takes the most likely.
        top_p: draw from the smallest set of units that holds this share of the probability.
        seed: the same seed writes the same text; None for another one each time.

    Raises:
        DataError: the prompt has a character that the model does not know.
        OptionError: a setting is out of range.
    """
    _check(prompt, length, temperature, top_p)
    ids = vocabulary.encode(prompt)
    generator = torch.Generator()
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    return _stream(model, vocabulary, ids, length, temperature, top_p, generator)


def _check(prompt: str, length: int, temperature: float, top_p: float) -> None:
    if not prompt:
        raise OptionError("the prompt is empty\nmend: give at least one character")
    if length < 0:
        raise OptionError(
            f"length: got {length}, expected 0 or more\nmend: give the characters to write"
        )
    if not 0 <= temperature < math.inf:
        raise OptionError(
            f"temperature: got {temperature}, expected 0 (the most likely) or more (1: as learned)"
            "\nmend: give a number such as 0.8"
        )
    if not 0 < top_p <= 1:
        raise OptionError(
            f"top_p: got {top_p}, expected more than 0 and at most 1 (1: keep all)\n"
            "mend: give a number such as 0.9"
        )


@torch.no_grad()
def _stream(
    model: LanguageModel,
    vocabulary: Vocabulary,
    ids: Ids,
    length: int,
    temperature: float,
    top_p: float,
    generator: torch.Generator,
) -> Iterator[str]:
    decoder = vocabulary.decoder()
    device = next(model.parameters()).device
    units = [vocabulary.symbols[int(i)] for i in ids]
    prompt = "".join(map(decoder.push, units))
    # A last syllable that could still gain a tail is held back, and counts with the prompt.
    num_left = length + len(from_units("".join(units), vocabulary.unit)) - len(prompt)
    yield prompt if length else prompt + decoder.flush()
    if not length:
        return
    logits, state = model(torch.as_tensor(ids, device=device)[:, None])
    next_logits = logits[-1, 0]
    while num_left > 0:
        unit = choose(next_logits, temperature, top_p, generator)
        piece = decoder.push(vocabulary.symbols[unit])[:num_left]
        num_left -= len(piece)
        if piece:
            yield piece
        step_logits, state = model.step(torch.tensor([unit], device=device), state)
        next_logits = step_logits[0]


def choose(logits: Tensor, temperature: float, top_p: float, generator: torch.Generator) -> int:
    """Draw one unit.

    Args:
        logits: ``[V]``.
        temperature: see ``generate``.
        top_p: see ``generate``.
        generator: on the CPU.

    Raises:
        DivergedError: the logits are not finite.
    """
    logits = logits.detach().cpu().double()
    # NaN is the maximum wherever it occurs.
    if not math.isfinite(highest := float(logits.max())):
        raise DivergedError(
            f"the model cannot write: its highest logit is {highest}, expected a finite number\n"
            "mend: train with a cell whose state stays bounded, such as model.cell=gru"
        )
    if temperature == 0:
        return int(logits.argmax())
    # The largest becomes 0 first: dividing by a tiny temperature must not overflow.
    probabilities = ((logits - highest) / temperature).softmax(-1)
    if top_p < 1:
        ordered, places = probabilities.sort(descending=True, stable=True)
        before = ordered.cumsum(-1) - ordered
        probabilities[places[before >= top_p]] = 0.0
    return int(torch.multinomial(probabilities, 1, generator=generator))
