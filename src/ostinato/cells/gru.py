"""The GRU family: gates on the state itself."""

from __future__ import annotations

from typing import Final

from ostinato.cells.entry import NamedCell

GATE_ORDER: Final = ("r", "z", "n")
"""The rows of torch's stacked matrices: reset, update, candidate."""

GRU = NamedCell(
    name="gru",
    title="GRU, reset after the product (torch's)",
    paper="Cho et al. 2014, arXiv:1406.1078, in the variant of cuDNN",
    equations="""
        r = sigmoid(W_ir @ x + W_hr @ h + b_r)
        z = sigmoid(W_iz @ x + W_hz @ h + b_z)
        n = tanh(W_in @ x + b_in + r * (W_hn @ h + b_hn))
        h = (1 - z) * n + z * h
    """,
    torch_layout={
        "weight_ih": tuple(f"W_i{gate}" for gate in GATE_ORDER),
        "weight_hh": tuple(f"W_h{gate}" for gate in GATE_ORDER),
        "bias_ih": ("b_r", "b_z", "b_in"),
        "bias_hh": ("b_r", "b_z", "b_hn"),
    },
)

GRU_2014 = NamedCell(
    name="gru_2014",
    title="GRU, reset before the product",
    paper="Cho et al. 2014, arXiv:1406.1078",
    equations="""
        r = sigmoid(W_r @ [h, x] + b_r)
        z = sigmoid(W_z @ [h, x] + b_z)
        n = tanh(W_n @ [r * h, x] + b_n)
        h = (1 - z) * n + z * h
    """,
)

MGU = NamedCell(
    name="mgu",
    title="Minimal gated unit",
    paper="Zhou et al. 2016, arXiv:1603.09420",
    equations="""
        f = sigmoid(W_f @ [h, x] + b_f)
        n = tanh(W_n @ [f * h, x] + b_n)
        h = (1 - f) * h + f * n
    """,
)

UGRNN = NamedCell(
    name="ugrnn",
    title="Update-gate network",
    paper="Collins, Sohl-Dickstein, Sussillo 2017, arXiv:1611.09913",
    equations="""
        n = tanh(W_n @ [h, x] + b_n)
        z = sigmoid(W_z @ [h, x] + b_z)
        h = z * h + (1 - z) * n
    """,
)
