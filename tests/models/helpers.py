"""Batches of every kind of input and target, and the same rows one by one."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ostinato.models.building import (
    Frames,
    InputKind,
    SequenceModelOptions,
    Targets,
    Tokens,
    Words,
    build_sequence_model,
)
from ostinato.models.sequence_model import SequenceModel

LENGTHS = (4, 1, 6, 0, 3)
NUM_STEPS = 7  # longer than every row
NUM_OUTPUTS = 5
NUM_SYMBOLS = 9
NUM_CHARACTERS = 6
NUM_FEATURES = 4
LABELS = ("O", "B-X", "I-X", "B-Y", "I-Y")
GARBAGE_ID = -7
SPELLINGS = ((1, 2, 3, 4, 5), (2,), (4, 4), (5, 1, 3))

INPUTS: dict[str, InputKind] = {
    "tokens": Tokens(NUM_SYMBOLS),
    "words": Words(NUM_SYMBOLS, NUM_CHARACTERS),
    "frames": Frames(
        NUM_FEATURES, mean=[1.0, 0.0, -2.0, 0.5], scale=[2.0, 1.0, 0.5, 0.0], picture=(2, 2)
    ),
}
TARGETS: dict[str, Targets] = {
    "classification": Targets("classification", NUM_OUTPUTS, class_weights=[1, 2, 3, 0.5, 1]),
    "multi-label": Targets("multi-label", NUM_OUTPUTS, class_weights=[1, 2, 3, 0.5, 1]),
    "regression": Targets("regression", 2, mean=[100.0, -1.0], scale=[20.0, 0.1]),
    "tagging": Targets("tagging", NUM_OUTPUTS, labels=LABELS, scheme="BIO"),
    "polyphony": Targets("polyphony", NUM_OUTPUTS),
}


def options(**given: object) -> SequenceModelOptions:
    plain = {
        "cell": "gru",
        "hidden_size": 6,
        "embedding_size": 5,
        "spelling_size": 4,
        "character_size": 3,
    }
    return SequenceModelOptions(**{**plain, **given})


def build(inputs: str, targets: str, **given: object) -> SequenceModel:
    """A model in float64 whose parameters are all random: biases and transitions, too."""
    torch.manual_seed(0)
    model = build_sequence_model(INPUTS[inputs], TARGETS[targets], options(**given)).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.3)
    return model


@dataclass(frozen=True)
class Batch:
    inputs: dict[str, Tensor]
    lengths: Tensor
    targets: Tensor

    def row(self, index: int) -> Batch:
        """One example alone: no padding, and no letters but those of its own words."""
        length = int(self.lengths[index])
        inputs = {
            name: value[:length, index : index + 1]
            for name, value in self.inputs.items()
            if name in ("ids", "frames", "spelling_of")
        }
        if "spelling_of" in inputs:
            used, inputs["spelling_of"] = inputs["spelling_of"].unique(return_inverse=True)
            counts = self.inputs["spelling_lengths"][used]
            longest = int(counts.max()) if len(counts) else 0
            inputs["spelling_lengths"] = counts
            inputs["spellings"] = self.inputs["spellings"][:longest, used]
        is_sequence = self.targets.shape[0] == NUM_STEPS
        targets = self.targets[:length, index : index + 1] if is_sequence else None
        return Batch(
            inputs,
            self.lengths[index : index + 1],
            self.targets[index : index + 1] if targets is None else targets,
        )


def batch(inputs: str, targets: str) -> Batch:
    """Ragged rows whose padding holds garbage: NaN, ids and targets out of range."""
    draw = torch.Generator().manual_seed(1)
    lengths = torch.tensor(LENGTHS)
    shape = (NUM_STEPS, len(LENGTHS))
    padding = torch.arange(NUM_STEPS)[:, None] >= lengths
    made: dict[str, Tensor] = {}
    if inputs == "frames":
        frames = torch.randn(*shape, NUM_FEATURES, generator=draw, dtype=torch.float64)
        frames[0, 0, 1] = torch.nan
        made["frames"] = frames.masked_fill(padding[..., None], torch.nan)
        made["frames"][-1, 1] = torch.inf
    else:
        ids = torch.randint(NUM_SYMBOLS, shape, generator=draw)
        made["ids"] = ids.masked_fill(padding, GARBAGE_ID)
    if inputs == "words":
        longest = max(map(len, SPELLINGS)) + 1
        letters = torch.full((longest, len(SPELLINGS)), GARBAGE_ID)
        for word, spelling in enumerate(SPELLINGS):
            letters[: len(spelling), word] = torch.tensor(spelling)
        made["spellings"] = letters
        made["spelling_lengths"] = torch.tensor([len(spelling) for spelling in SPELLINGS])
        of = torch.randint(len(SPELLINGS), shape, generator=draw)
        made["spelling_of"] = of.masked_fill(padding, GARBAGE_ID)
    return Batch(made, lengths, _targets(targets, padding, draw))


def _targets(kind: str, padding: Tensor, draw: torch.Generator) -> Tensor:
    num_rows = padding.shape[1]
    if kind == "classification":
        return torch.randint(NUM_OUTPUTS, (num_rows,), generator=draw)
    if kind == "multi-label":
        return torch.randint(2, (num_rows, NUM_OUTPUTS), generator=draw).float()
    if kind == "regression":
        return torch.randn(num_rows, 2, generator=draw) * 20
    if kind == "tagging":
        tags = torch.randint(NUM_OUTPUTS, padding.shape, generator=draw)
        tags[1, 2] = -100
        return tags.masked_fill(padding, 77)
    notes = torch.randint(2, (*padding.shape, NUM_OUTPUTS), generator=draw).float()
    return notes.masked_fill(padding[..., None], torch.nan)
