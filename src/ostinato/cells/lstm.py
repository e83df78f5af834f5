"""The LSTM family: gates around a cell state."""

from __future__ import annotations

from typing import Final

from ostinato.cells.entry import NamedCell

GATE_ORDER: Final = ("i", "f", "g", "o")
"""The rows of torch's stacked matrices: input, forget, candidate, output."""

_TORCH_LAYOUT: Final = {
    "weight_ih": tuple(f"W_i{gate}" for gate in GATE_ORDER),
    "weight_hh": tuple(f"W_h{gate}" for gate in GATE_ORDER),
    "bias_ih": tuple(f"b_{gate}" for gate in GATE_ORDER),
    "bias_hh": tuple(f"b_{gate}" for gate in GATE_ORDER),
}

LSTM = NamedCell(
    name="lstm",
    title="LSTM with forget gate (torch's)",
    paper="Hochreiter, Schmidhuber 1997; Gers, Schmidhuber, Cummins 2000 (forget gate)",
    equations="""
        i = sigmoid(W_ii @ x + W_hi @ h + b_i)
        f = sigmoid(W_if @ x + W_hf @ h + b_f)
        g = tanh(W_ig @ x + W_hg @ h + b_g)
        o = sigmoid(W_io @ x + W_ho @ h + b_o)
        c = f * c + i * g
        h = o * tanh(c)
    """,
    torch_layout=_TORCH_LAYOUT,
)

LSTM_PEEPHOLE = NamedCell(
    name="lstm_peephole",
    title="LSTM with peepholes: the gates see the cell state",
    paper="Gers, Schmidhuber 2000, Recurrent Nets that Time and Count",
    equations="""
        i = sigmoid(W_ii @ x + W_hi @ h + p_i * c + b_i)
        f = sigmoid(W_if @ x + W_hf @ h + p_f * c + b_f)
        g = tanh(W_ig @ x + W_hg @ h + b_g)
        c = f * c + i * g
        o = sigmoid(W_io @ x + W_ho @ h + p_o * c + b_o)
        h = o * tanh(c)
    """,
)

LSTM_PROJECTED = NamedCell(
    name="lstm_projected",
    title="LSTM with a projected output",
    paper="Sak, Senior, Beaufays 2014, arXiv:1402.1128",
    equations="""
        i = sigmoid(W_ii @ x + W_hi @ h + b_i)
        f = sigmoid(W_if @ x + W_hf @ h + b_f)
        g = tanh(W_ig @ x + W_hg @ h + b_g)
        o = sigmoid(W_io @ x + W_ho @ h + b_o)
        c = f * c + i * g
        h = W_hr @ (o * tanh(c))
    """,
    torch_layout={**_TORCH_LAYOUT, "weight_hr": ("W_hr",)},
)

CIFG = NamedCell(
    name="cifg",
    title="LSTM with coupled input and forget gates",
    paper="Greff et al. 2017, arXiv:1503.04069",
    equations="""
        f = sigmoid(W_f @ [h, x] + b_f)
        g = tanh(W_g @ [h, x] + b_g)
        o = sigmoid(W_o @ [h, x] + b_o)
        c = f * c + (1 - f) * g
        h = o * tanh(c)
    """,
)

JANET = NamedCell(
    name="janet",
    title="JANET: a forget gate alone",
    paper="van der Westhuizen, Lasenby 2018, arXiv:1804.04849",
    equations="""
        s = W_f @ [h, x] + b_f
        g = tanh(W_g @ [h, x] + b_g)
        h = sigmoid(s) * h + (1 - sigmoid(s - 1)) * g
    """,
)

SLSTM = NamedCell(
    name="slstm",
    title="sLSTM: exponential gates with a stabiliser",
    paper="Beck et al. 2024, arXiv:2405.04517",
    equations="""
        i = W_i @ [h, x] + b_i
        log_f = log(sigmoid(W_f @ [h, x] + b_f))
        z = tanh(W_z @ [h, x] + b_z)
        o = sigmoid(W_o @ [h, x] + b_o)
        m_old = m
        m = maximum(log_f + m_old, i)
        i_stable = exp(i - m)
        f_stable = exp(log_f + m_old - m)
        c = f_stable * c + i_stable * z
        n = f_stable * n + i_stable
        h = o * (c / n)
        m[0] = -inf
    """,
)
