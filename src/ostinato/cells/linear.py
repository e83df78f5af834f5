"""Cells that are linear in their state: a parallel scan can run them."""

from __future__ import annotations

from ostinato.cells.entry import NamedCell

MINGRU = NamedCell(
    name="mingru",
    title="minGRU",
    paper="Feng et al. 2024, arXiv:2410.01201",
    equations="""
        z = sigmoid(W_z @ x + b_z)
        n = W_n @ x + b_n
        h = (1 - z) * h + z * n
    """,
)

MINLSTM = NamedCell(
    name="minlstm",
    title="minLSTM",
    paper="Feng et al. 2024, arXiv:2410.01201",
    equations="""
        f = sigmoid(W_f @ x + b_f)
        i = sigmoid(W_i @ x + b_i)
        n = W_n @ x + b_n
        f_share = f / (f + i)
        i_share = i / (f + i)
        h = f_share * h + i_share * n
    """,
)

SRU = NamedCell(
    name="sru",
    title="Simple recurrent unit, without its point-wise recurrence in the gates",
    paper="Lei et al. 2018, arXiv:1709.02755",
    equations="""
        f = sigmoid(W_f @ x + b_f)
        r = sigmoid(W_r @ x + b_r)
        c = f * c + (1 - f) * (W @ x)
        h = r * tanh(c) + (1 - r) * x
    """,
)
