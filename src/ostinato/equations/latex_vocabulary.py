"""The words of LaTeX that the reader knows, and the names that they become."""

from __future__ import annotations

import keyword
import unicodedata
from typing import Final, Literal

from ostinato.equations.syntax import ALIASES, ARITY

GREEK: Final = frozenset(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi "
    "pi varpi rho varrho sigma varsigma tau upsilon phi varphi chi psi omega ell hbar imath jmath "
    "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega".split()
)
ACCENTS: Final[dict[str, str]] = {
    "tilde": "tilde",
    "widetilde": "tilde",
    "hat": "hat",
    "widehat": "hat",
    "bar": "bar",
    "overline": "bar",
    "dot": "dot",
    "ddot": "ddot",
    "check": "check",
    "breve": "breve",
    "acute": "acute",
}
FUNCTIONS: Final[dict[str, str]] = {
    "tanh": "tanh",
    "exp": "exp",
    "log": "log",
    "ln": "log",
    "max": "maximum",
    "min": "minimum",
}
"""Functions that are commands of their own (``\\sigma`` is a letter, and so among the symbols)."""

FUNCTION_WORDS: Final[dict[str, str]] = {
    **{name: name for name in ARITY},
    "ReLU": "relu",
    "relu": "relu",
    "sigm": "sigmoid",
    "Sigmoid": "sigmoid",
    "logistic": "sigmoid",
    "SiLU": "silu",
    "Swish": "silu",
    "swish": "silu",
    "GELU": "gelu",
    "Softplus": "softplus",
    "Tanh": "tanh",
    "ln": "log",
    "max": "maximum",
    "min": "minimum",
    "LayerNorm": "layer_norm",
    "LN": "layer_norm",
    "RMSNorm": "rms_norm",
    "identity": "identity",
    "id": "identity",
}
"""Functions that slides set as words, ``\\mathrm{ReLU}``."""

ELEMENTWISE: Final = frozenset({"odot", "circ", "otimes", "ast", "star"})
TIGHT: Final = frozenset({"cdot", "times"})
COMMANDS: Final[dict[str, str]] = {
    **{
        name: name
        for name in (
            *GREEK,
            *FUNCTIONS,
            *ELEMENTWISE,
            *TIGHT,
            *("sqrt", "langle", "rangle", "lvert", "rvert", "top", "intercal", "prime", "infty"),
            *("to", "rightarrow"),
        )
    },
    "frac": "frac",
    "tfrac": "frac",
    "dfrac": "frac",
    "cfrac": "frac",
    "vert": "vert",
    "leftarrow": "gets",
    "gets": "gets",
    "coloneqq": "gets",
    "transpose": "top",
}
"""Commands that reach the grammar, under their canonical names."""

LAYOUTS: Final = frozenset(
    "aligned align alignat alignedat equation gathered gather split array displaymath math "
    "flalign multline eqnarray".split()
)
MATRICES: Final = frozenset("matrix pmatrix bmatrix Bmatrix smallmatrix".split())
IGNORED: Final = frozenset(
    "left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr "
    "displaystyle textstyle scriptstyle scriptscriptstyle limits nolimits nonumber notag "
    "thinspace medspace thickspace negthinspace enspace nobreak allowbreak strut mathstrut".split()
)
SKIPPED: Final = frozenset("label tag hspace vspace color textcolor phantom hphantom".split())
"""Commands whose first argument is no part of the equation."""

ROMAN: Final = frozenset(
    "mathrm text textrm operatorname mathsf mathit textit textbf textsf texttt mathtt mbox".split()
)
BOLD: Final = frozenset(
    "mathbf boldsymbol bm pmb mathcal mathbb mathfrak mathscr vec underline boxed "
    "mathnormal mathop mathbin mathrel mathord mathopen mathclose mathpunct mathinner".split()
)
_PRODUCT_MEND: Final = "a sum over units is a product with a matrix: `W h_{t-1}`"
_JOIN_MEND: Final = "vectors are added by `+` and joined by `[a, b]` right of a matrix"
_DOTS_MEND: Final = "write out what the dots stand for"
COMMAND_MENDS: Final[dict[str, str]] = {
    **dict.fromkeys(("dots", "ldots", "cdots", "vdots", "dotsc", "dotsb"), _DOTS_MEND),
    **dict.fromkeys(("oplus", "parallel"), _JOIN_MEND),
    "sum": _PRODUCT_MEND,
    "prod": "a product over units has no form here; vectors are multiplied by `\\odot`",
    "int": "an integral has no form here; write the equations of one step",
    "in": "sizes follow from the equations: put words and sizes behind a `%`",
}
"""Commands that equations hold elsewhere, and what is written here."""

_TEXT_MEND: Final = "plain text with `@` is read by `ost.Cell(…)`; LaTeX writes `W h_{t-1}`"
CHARACTER_MENDS: Final[dict[str, str]] = {
    "@": _TEXT_MEND,
    "#": "a comment stands behind `%`; plain text is read by `ost.Cell(…)`",
    **dict.fromkeys("\u2026\u22ef", _DOTS_MEND),
    "\u2295": _JOIN_MEND,
    "\u2211": _PRODUCT_MEND,
}
"""The same for characters."""

UNICODE: Final[dict[str, tuple[Literal["command", "mark"], str]]] = {
    "σ": ("command", "sigma"),
    "⊙": ("command", "odot"),
    "∘": ("command", "circ"),
    "⊗": ("command", "otimes"),
    "·": ("command", "cdot"),
    "⋅": ("command", "cdot"),
    "×": ("command", "times"),
    "∞": ("command", "infty"),
    "⟨": ("command", "langle"),
    "⟩": ("command", "rangle"),
    "−": ("mark", "-"),
    "′": ("mark", "'"),
    "’": ("mark", "'"),
}


def identifier(spelling: str) -> str:
    """Return a spelling as a name of the text language: ``lambda`` becomes ``lambda_``."""
    name = unicodedata.normalize("NFKC", spelling)
    if keyword.iskeyword(name) or name in ARITY or name in ALIASES or name == "inf":
        return f"{name}_"
    return name
