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
    "displaystyle textstyle scriptstyle limits nolimits nonumber notag thinspace "
    "medspace thickspace negthinspace enspace nobreak allowbreak".split()
)
SKIPPED: Final = frozenset("label tag hspace vspace color textcolor phantom hphantom".split())
"""Commands whose first argument is no part of the equation."""

ROMAN: Final = frozenset(
    "mathrm text textrm operatorname mathsf mathit textit textbf textsf texttt mathtt mbox".split()
)
BOLD: Final = frozenset(
    "mathbf boldsymbol bm pmb mathcal mathbb mathfrak mathscr vec underline boxed "
    "mathnormal".split()
)
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
