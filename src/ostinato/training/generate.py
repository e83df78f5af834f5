"""Let a language model write, one unit at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from ostinato.data import Ids, Vocabulary
from ostinato.data.writing import check_settings, written
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
    document_end: int | None = None,
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
        document_end: the unit that ends a document, where the model learned documents: the state
            starts afresh before it is read.

    Raises:
        DataError: the prompt has a character that the model does not know.
        OptionError: a setting is out of range.
    """
    check_settings(prompt, length, temperature, top_p)
    ids = vocabulary.encode(prompt)
    generator = torch.Generator()
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    drawn = _drawn(model, ids, temperature, top_p, generator, document_end)
    return written(vocabulary, ids, length, drawn)


@torch.no_grad()
def _drawn(
    model: LanguageModel,
    ids: Ids,
    temperature: float,
    top_p: float,
    generator: torch.Generator,
    document_end: int | None,
) -> Iterator[int]:
    """Yield the units that the model draws after a prompt."""
    device = next(model.parameters()).device
    prompt = torch.as_tensor(ids, device=device)[:, None]
    resets = None if document_end is None else prompt == document_end
    logits, state = model(prompt, None, resets)
    next_logits = logits[-1, 0]
    while True:
        unit = choose(next_logits, temperature, top_p, generator)
        yield unit
        before = None if unit == document_end else state
        step_logits, state = model.step(torch.tensor([unit], device=device), before)
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
