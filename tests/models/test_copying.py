"""A pointer learns to copy units that the target vocabulary lacks."""

from __future__ import annotations

import torch
from torch import Tensor

from ostinato.models.building import Tokens
from ostinato.models.building_writers import build_encoder_decoder
from ostinato.models.decoding import decode
from ostinato.models.decoding_options import DecodingOptions
from tests.models.writing_helpers import END, START, options

NUM_SOURCE, NUM_TARGET = 30, 8
"""Of the source's units 2 to 29, the target knows 5 to 7 alone."""


def examples(num: int, draw: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Rows of distinct units, which are to be said as they are."""
    lengths = torch.randint(1, 4, (num,), generator=draw)
    ids = torch.stack([torch.randperm(NUM_SOURCE - 2, generator=draw)[:3] + 2 for _ in range(num)])
    is_known = (ids >= 5) & (ids < NUM_TARGET)
    # Every row numbers what is unknown to the target by its first place.
    copied = torch.where(is_known, ids, NUM_TARGET + torch.arange(3)).T.contiguous()
    targets = torch.cat([copied, torch.zeros(1, num, dtype=torch.int64)])
    targets[lengths, torch.arange(num)] = END
    return ids.T.contiguous(), lengths, copied, targets


def test_a_pointer_copies_what_it_has_no_word_for():
    torch.manual_seed(0)
    draw = torch.Generator().manual_seed(1)
    given = {"hidden_size": 32, "embedding_size": 16, "bidirectional": True}
    given |= {"attention": "concat", "pointer": True}
    model = build_encoder_decoder(
        Tokens(NUM_SOURCE), NUM_TARGET, options(**given), start=START, end=END
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    ids, lengths, copied, targets = examples(2000, draw)
    for step in range(300):
        rows = torch.arange(step * 32, step * 32 + 32) % 2000
        loss = model(
            {"ids": ids[:, rows]},
            lengths[rows],
            targets[:, rows],
            lengths[rows] + 1,
            copied=copied[:, rows],
        )
        optimizer.zero_grad()
        (loss / 32).backward()
        optimizer.step()
    ids, lengths, copied, targets = examples(200, draw)
    model.eval()
    state = model.begin(model.read({"ids": ids}, lengths, copied))
    found = decode(model, state, 200, DecodingOptions(max_length=8, beam_size=3))
    expected = [tuple(targets[:length, row].tolist()) for row, length in enumerate(lengths)]
    is_right = [texts[0].tokens == text for texts, text in zip(found, expected, strict=True)]
    assert sum(is_right) >= 190
