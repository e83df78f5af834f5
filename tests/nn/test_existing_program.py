"""A program written for torch, with its own checks, after one import is changed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = '''
import copy, io
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
{imported}

torch.manual_seed(0)


class Sorter(nn.Module):
    """Packed, bidirectional encoder; stacked decoder with carried state; attention-free."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(12, 16, padding_idx=0)
        self.encoder = LSTM(16, 24, num_layers=2, bidirectional=True, batch_first=True, dropout=0.1)
        self.bridge = nn.Linear(48, 32)
        self.decoder = GRU(16, 32, batch_first=True)
        self.mixer = RNN(32, 32, nonlinearity="relu", batch_first=True)
        self.head = nn.Linear(32, 12)
        for name, weight in self.encoder.named_parameters():
            if "weight_hh" in name:
                nn.init.orthogonal_(weight)
            elif "bias" in name:
                weight.data.fill_(0)
                size = weight.size(0)
                weight.data[size // 4 : size // 2].fill_(1.0)

    def forward(self, tokens, lengths, shifted):
        packed = pack_padded_sequence(
            self.embed(tokens), lengths, batch_first=True, enforce_sorted=False
        )
        self.encoder.flatten_parameters()
        states, (h, c) = self.encoder(packed)
        states, sizes = pad_packed_sequence(states, batch_first=True)
        assert torch.equal(sizes, lengths)
        assert states.shape == (*tokens.shape, 48)
        assert h.shape == c.shape == (4, len(tokens), 24)
        start = torch.tanh(self.bridge(torch.cat([h[-2], h[-1]], -1)))[None]
        decoded, last = self.decoder(self.embed(shifted), start)
        assert torch.allclose(last[0], decoded[:, -1], atol=1e-6)
        mixed, _ = self.mixer(decoded)
        return self.head(mixed)


model = Sorter()
recurrent = [m for m in model.modules() if isinstance(m, (nn.LSTM, nn.GRU, nn.RNN))]
assert len(recurrent) == 3
assert model.encoder.weight_ih_l0.shape == (96, 16)
assert [len(w) for w in model.encoder.all_weights] == [4] * 4
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
losses = []
for step in range(120):
    lengths = torch.randint(3, 7, (32,))
    tokens = torch.randint(1, 12, (32, int(lengths.max())))
    tokens[torch.arange(tokens.size(1))[None] >= lengths[:, None]] = 0
    target = tokens.masked_fill(tokens == 0, 99).sort(1).values
    target = target.masked_fill(target == 99, 0)
    shifted = torch.cat([torch.zeros_like(target[:, :1]), target[:, :-1]], 1)
    logits = model(tokens, lengths, shifted)
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=0)
    optimizer.zero_grad()
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    assert torch.isfinite(norm)
    optimizer.step()
    losses.append(loss.item())
assert sum(losses[-10:]) < 0.75 * sum(losses[:10]), (losses[:10], losses[-10:])

model.eval()
expected = model(tokens, lengths, shifted)
file = io.BytesIO()
torch.save(model.state_dict(), file)
file.seek(0)
other = Sorter()
assert other.load_state_dict(torch.load(file)).missing_keys == []
assert torch.equal(other.eval()(tokens, lengths, shifted), expected)
assert torch.equal(copy.deepcopy(model)(tokens, lengths, shifted), expected)
half = copy.deepcopy(model).double()
assert torch.allclose(half(tokens, lengths, shifted).float(), expected, atol=1e-4)
single, (h, c) = model.encoder(model.embed(tokens[0]))
assert single.shape == (tokens.size(1), 48) and h.shape == (4, 24)
print(f"{{losses[0]:.3f}} {{sum(losses[-10:]) / 10:.3f}}")
'''


@pytest.mark.parametrize(
    "imported", ["from torch.nn import GRU, LSTM, RNN", "from ostinato import GRU, LSTM, RNN"]
)
def test_the_program_passes_its_own_checks(imported: str, tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM.format(imported=imported))
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
