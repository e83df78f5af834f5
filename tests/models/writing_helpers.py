"""Networks that write, and ragged batches for them, whose padding holds garbage."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ostinato.models.building import Frames, SequenceModelOptions, Tokens
from ostinato.models.building_writers import (
    DecoderOptions,
    Pictures,
    SourceKind,
    WriterOptions,
    build_encoder_decoder,
)
from ostinato.models.encoder_decoder import EncoderDecoder

LENGTHS = (4, 1, 6, 0, 3)
TARGET_LENGTHS = (3, 5, 1, 2, 4)
NUM_SYMBOLS = 9
START, END = 3, 4
PICTURE = (9, 20)

SOURCES: dict[str, SourceKind] = {
    "tokens": Tokens(11),
    "frames": Frames(4),
    "pictures": Pictures(2, *PICTURE, mean=[0.5, -1.0], scale=[2.0, 0.0]),
}
MODEL_KEYS = set(SequenceModelOptions.__dataclass_fields__)


def options(**given: object) -> WriterOptions:
    """Options of both sections: a key of both is the decoder's if it begins with ``decoder_``."""
    model: dict[str, object] = {
        "cell": "gru",
        "hidden_size": 6,
        "embedding_size": 5,
        "spelling_size": 4,
        "character_size": 3,
    }
    decoder: dict[str, object] = {}
    for key, value in given.items():
        if key.startswith("decoder_") or key not in MODEL_KEYS:
            decoder[key.removeprefix("decoder_")] = value
        else:
            model[key] = value
    return WriterOptions(model=SequenceModelOptions(**model), decoder=DecoderOptions(**decoder))


def build(source: str = "tokens", *, label_smoothing: float = 0.0, **given: object):
    """A network in float64 whose parameters are all random, biases too."""
    torch.manual_seed(0)
    model: EncoderDecoder = build_encoder_decoder(
        SOURCES[source],
        NUM_SYMBOLS,
        options(**given),
        start=START,
        end=END,
        label_smoothing=label_smoothing,
    ).double()
    with torch.no_grad():
        for parameter in model.parameters():
            # More would silence every unit of a layer of relus.
            scale = 0.02 if parameter.dim() == 4 else 0.3
            parameter.add_(torch.randn_like(parameter), alpha=scale)
    return model


@dataclass(frozen=True)
class Batch:
    """Arguments of a network that writes."""

    inputs: dict[str, Tensor]
    lengths: Tensor
    targets: Tensor
    target_lengths: Tensor
    copied: Tensor | None = None
    forced: Tensor | None = None

    @property
    def arguments(self) -> tuple[object, ...]:
        return self.inputs, self.lengths, self.targets, self.target_lengths

    @property
    def options(self) -> dict[str, Tensor]:
        named = {"copied": self.copied, "forced": self.forced}
        return {name: value for name, value in named.items() if value is not None}

    def row(self, index: int) -> Batch:
        """One example alone, without padding."""
        length, target = int(self.lengths[index]), int(self.target_lengths[index])
        one = slice(index, index + 1)
        inputs = {
            name: value[one] if name == "images" else value[:length, one]
            for name, value in self.inputs.items()
        }
        return Batch(
            inputs,
            self.lengths[one],
            self.targets[:target, one],
            self.target_lengths[one],
            None if self.copied is None else self.copied[:length, one],
            None if self.forced is None else self.forced[:target, one],
        )

    def rows(self) -> list[Batch]:
        return [self.row(index) for index in range(len(self.lengths))]

    def with_forced(self, forced: Tensor) -> Batch:
        return replace(self, forced=forced)


def batch(source: str = "tokens", *, copied: bool = False) -> Batch:
    draw = torch.Generator().manual_seed(1)
    lengths, target_lengths = torch.tensor(LENGTHS), torch.tensor(TARGET_LENGTHS)
    num_rows = len(LENGTHS)
    padding = torch.arange(max(LENGTHS) + 1)[:, None] >= lengths
    made: dict[str, Tensor] = {}
    if source == "pictures":
        made["images"] = torch.randn(num_rows, 2, *PICTURE, generator=draw, dtype=torch.float64)
    elif source == "frames":
        frames = torch.randn(*padding.shape, 4, generator=draw, dtype=torch.float64)
        made["frames"] = frames.masked_fill(padding[..., None], torch.nan)
    else:
        ids = torch.randint(11, padding.shape, generator=draw)
        made["ids"] = ids.masked_fill(padding, -7)
    target_padding = torch.arange(max(TARGET_LENGTHS) + 2)[:, None] >= target_lengths
    targets = torch.randint(NUM_SYMBOLS, target_padding.shape, generator=draw)
    targets[target_lengths - 1, torch.arange(num_rows)] = END
    places = None
    if copied:
        # Of row 2 a unit occurs twice, and two are unknown to the target; row 1 copies nothing.
        places = torch.randint(NUM_SYMBOLS, padding.shape, generator=draw)
        places[0, 2] = places[3, 2] = NUM_SYMBOLS + 1
        places[1, 2] = NUM_SYMBOLS
        places[1, 0] = -1
        places[:, 1] = -1
        targets[0, 2] = NUM_SYMBOLS + 1
        target_lengths[2] = 3
        targets[1, 2], targets[2, 2] = NUM_SYMBOLS, END
        target_padding = torch.arange(len(targets))[:, None] >= target_lengths
        places = places.masked_fill(padding, 99)
    targets = targets.masked_fill(target_padding, 77)
    return Batch(made, lengths, targets, target_lengths, places)


def gradients(model: EncoderDecoder, batches: list[Batch]) -> tuple[Tensor, dict[str, Tensor]]:
    model.zero_grad()
    total = torch.stack([model(*b.arguments, **b.options) for b in batches]).sum()
    total.backward()
    return total.detach(), {
        name: torch.zeros_like(p) if p.grad is None else p.grad.clone()
        for name, p in model.named_parameters()
    }


def by_steps(model: EncoderDecoder, given: Batch) -> Tensor:
    """Log-probabilities ``[T, B]`` of the targets, from single steps."""
    state = model.begin(model.read(given.inputs, given.lengths, given.copied))
    units = torch.full_like(given.targets[0], START)
    found: list[Tensor] = []
    for step, right in enumerate(given.targets):
        log_probabilities, state = model.step(units, state)
        width = log_probabilities.shape[1]
        is_there = step < given.target_lengths
        units = right.masked_fill(~is_there, 0).clamp(0, width - 1)
        each = log_probabilities.gather(1, units[:, None])[:, 0]
        found.append(each.masked_fill(~is_there, 0))
    return torch.stack(found)
