"""Random cells and random near-cells for the property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from ostinato.equations.parse import parse
from ostinato.equations.printing import to_latex

STATES = ("h", "c", "C", "h_new", "m_1", "state", "max", "lambda_", "h_t", "한", "n_hat", "e_prime")
LOCALS = ("z", "r", "C_tilde", "gate", "c_old", "sigma_g", "i", "t_", "_p", "y_bar_x", "exp_")
VECTORS = (
    "b",
    "b_f",
    "B",
    "alpha",
    "t",
    "e",
    "f",
    "phi",
    "sigma",
    "swish",
    "x2",
    "W_",
    "LN",
    "g_0",
)
MATRICES = ("W", "U_hh", "w", "Lambda", "matrix", "f_2", "theta", "M_1_2", "ReLU", "psi")
NUMBERS = ("0", "1", "2.5", "1e-05", "10", "123456789.0", "1e+300")
UNARY = ("sigmoid", "tanh", "relu", "softplus", "silu", "gelu", "exp", "log", "sqrt", "abs")

_TEMPLATES = (
    "{a} + {b}",
    "{a} - {b}",
    "{a} * {b}",
    "{a} / {b}",
    "-{a}",
    "({a}) ** ({b})",
    "({a}) ** 2",
    "({a}) * ({b})",
    "({a}) / ({b})",
    "({a}) - ({b})",
    "-({a})",
    "{n} * ({a})",
    "({a}) - {n}",
    "minimum({a}, {b})",
    "maximum({a}, {n})",
    "clip({a}, -1, {b})",
    "layer_norm({a})",
    "rms_norm({a})",
)


@st.composite
def expressions(draw: st.DrawFn, values: tuple[str, ...], depth: int = 3) -> str:
    """An expression of hidden size over ``values``, the vector parameters and numbers."""
    if depth == 0 or draw(st.booleans()):
        return draw(st.sampled_from((*values, *VECTORS)))
    inner = expressions(values, depth - 1)
    form = draw(st.sampled_from(("function", "product", "pieces", *_TEMPLATES, *_TEMPLATES)))
    if form == "function":
        return f"{draw(st.sampled_from(UNARY))}({draw(inner)})"
    if form == "product":
        value = draw(st.sampled_from(values))
        operand = draw(st.sampled_from((value, f"({value} + {draw(inner)})", f"(-{value})")))
        matrix = draw(st.sampled_from(MATRICES))
        return f"({matrix} @ {operand})"
    if form == "pieces":
        pieces = draw(st.lists(st.sampled_from(values), min_size=2, max_size=3))
        return f"(V_{len(pieces)} @ [{', '.join(pieces)}])"
    return form.format(a=draw(inner), b=draw(inner), n=draw(st.sampled_from(NUMBERS)))


@st.composite
def cells(draw: st.DrawFn) -> str:
    """The text of a valid cell: states, locals, reassignments, concatenations, declarations."""
    states = draw(st.lists(st.sampled_from(STATES), min_size=1, max_size=3, unique=True))
    local = draw(st.lists(st.sampled_from(LOCALS), max_size=3, unique=True))
    inputs = draw(st.sampled_from((["x"], ["x"], ["u"], ["X"], ["x", "u"], ["u", "x"])))
    lines = [f"{name}: input" for name in inputs] if inputs != ["x"] else []
    known = tuple(states)
    order = draw(st.permutations([*states, *local]))
    lines.append(f"pre = {' + '.join(f'(In_{name} @ {name})' for name in inputs)}")
    if draw(st.booleans()):
        lines.extend([f"both = [{states[0]}, {inputs[0]}]", "pre = pre * tanh(In @ both)"])
    for name in order:
        keep = f"{name} + " if name in states else ""
        lines.append(f"{name} = {keep}{draw(expressions((*known, 'pre')))}")
        known = tuple(dict.fromkeys((*known, name)))
        if draw(st.integers(0, 4)) == 0:
            lines.append(f"{name} = {name} * ({draw(expressions(known))})")
    lines.append(f"out = {' + '.join((*known, 'pre'))}")
    if draw(st.booleans()):
        value = draw(st.sampled_from(("1", "-inf", "-0.5", "inf", "h_init", "1e-07")))
        lines.append(f"{states[0]}[0] = {value}")
    return "\n".join(lines)


_TEXT_SCRAPS = (
    *"h x W @ + - * / ** ( ) [ ] , = == ; : . ' \" # \\ { } | ~ % ^ & < > ! ? _ é σ 🎵".split(),
    *"0 1 1e999".split(),
    "\n",
    " ",
    "\t",
    "h = ",
    "tanh(",
    "sigmoid",
    "W @ [h, x]",
    "h[0] = ",
    "inf",
    "lambda",
    "import os",
    "for",
    "in",
    "x: input",
    "h: state",
    ".T",
    "__class__",
    "f'{x}'",
    "\x00",
    "\u2028",
    "\ud800",
    "\u2212",
    "\u00b7",
    "try:",
    "1e308 * 1e308",
    "/ 0",
)

_LATEX_SCRAPS = (
    *"h x W + - * / ( ) [ ] { } , ; = & | ^ _ ' 0 1 . % $ ~ < > : ! é σ ⊙ 🎵 t f e".split(),
    *r"\\ \, \quad \tanh \sigma \odot \cdot \frac \sqrt \tilde \hat \mathbf \mathrm".split(),
    *r"\left( \right) \left| \right| \begin{aligned} \end{aligned}".split(),
    *r"\begin{bmatrix} \end{bmatrix} \infty \max \phi \unknown \text{a}".split(),
    *r"h_t h_{t-1} x_t _{t-1} ^{(t)} W_{hh} \lambda ^{-1} \big \langle".split(),
    *r"\mathrm{ReLU} \operatorname{relu} \label{x} ^\top e^{ \{ \} \| _{ ^{ {(".split(),
    "\n",
    " ",
    "h_t = ",
    "= ",
    "% w: matrix\n",
    "% h: state\n",
    "% h_1: earlier value of h\n",
    "h_0 = ",
    "\\",
    "(2)",
    r" \qquad (2)",
    "\ud800",
)

text_soups = st.lists(st.sampled_from(_TEXT_SCRAPS), max_size=30).map("".join)
latex_soups = st.lists(st.sampled_from(_LATEX_SCRAPS), max_size=30).map("".join)


@st.composite
def near_cells(draw: st.DrawFn) -> str:
    """A valid cell with a few random edits, which mostly make it a mistake of meaning."""
    lines = draw(cells()).split("\n")
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        edit = draw(st.sampled_from(("drop", "repeat", "move", "name", "bracket", "declare")))
        if edit == "drop" and len(lines) > 1:
            del lines[at]
        elif edit == "repeat":
            lines.insert(draw(st.integers(0, len(lines))), lines[at])
        elif edit == "move":
            lines.insert(draw(st.integers(0, len(lines) - 1)), lines.pop(at))
        elif edit == "name":
            old, new = draw(st.permutations(("pre", "x", "h", "c", "both", "In", "b", "2")))[:2]
            lines[at] = lines[at].replace(old, new)
        elif edit == "bracket":
            lines[at] = lines[at].replace("(", "[").replace(")", "]")
        else:
            name = draw(st.sampled_from(("pre", "x", "h", "c", "both", "In", "b", "out")))
            kind = draw(st.sampled_from(("input", "state", "output", "matrix", "vector", "scalar")))
            lines.insert(at, f"{name}: {kind}")
    return "\n".join(lines)


@st.composite
def near_latex(draw: st.DrawFn) -> str:
    """The LaTeX of a valid cell with scraps put in and pieces cut out."""
    latex = to_latex(parse(draw(cells())))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(latex)))
        cut = draw(st.sampled_from((0, 0, 1, 3, 10)))
        latex = latex[:at] + draw(st.sampled_from(("", *_LATEX_SCRAPS))) + latex[at + cut :]
    return latex
