"""Cells with one nonlinearity: Elman, IRNN, Jordan, IndRNN, leaky integrator."""

from __future__ import annotations

from typing import Final

from ostinato.cells.entry import NamedCell

_TORCH_LAYOUT: Final = {
    "weight_ih": ("W_ih",),
    "weight_hh": ("W_hh",),
    "bias_ih": ("b_h",),
    "bias_hh": ("b_h",),
}

ELMAN = NamedCell(
    name="elman",
    title="Elman network (tanh)",
    paper="Elman 1990, Finding Structure in Time",
    equations="h = tanh(W_ih @ x + W_hh @ h + b_h)",
    torch_layout=_TORCH_LAYOUT,
)

ELMAN_RELU = NamedCell(
    name="elman_relu",
    title="Elman network (relu)",
    paper="Elman 1990, Finding Structure in Time",
    equations="h = relu(W_ih @ x + W_hh @ h + b_h)",
    torch_layout=_TORCH_LAYOUT,
)

IRNN = NamedCell(
    name="irnn",
    title="IRNN: relu, recurrent matrix started at the identity",
    paper="Le, Jaitly, Hinton 2015, arXiv:1504.00941",
    equations="h = relu(W_ih @ x + W_hh @ h + b_h)",
    torch_layout=_TORCH_LAYOUT,
    start={"W_hh": "identity"},
)

JORDAN = NamedCell(
    name="jordan",
    title="Jordan network: the output is fed back",
    paper="Jordan 1986, Serial Order: A Parallel Distributed Processing Approach",
    equations="""
        h = tanh(W_xh @ x + W_yh @ y + b_h)
        y = sigmoid(W_hy @ h + b_y)
    """,
)

INDRNN = NamedCell(
    name="indrnn",
    title="Independently recurrent network (relu)",
    paper="Li et al. 2018, arXiv:1803.04831",
    equations="h = relu(W @ x + u * h + b)",
)

LEAKY = NamedCell(
    name="leaky",
    title="Leaky integrator (echo state network)",
    paper="Jaeger et al. 2007, doi:10.1016/j.neunet.2007.04.016",
    equations="""
        alpha: scalar
        h = (1 - alpha) * h + alpha * tanh(W_in @ x + W @ h + b)
    """,
    start={"alpha": 0.5},
)
