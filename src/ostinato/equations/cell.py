"""``Cell``: equations and everything that is inferred from them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from ostinato.core.errors import OptionError, UnknownNameError
from ostinato.equations.analysis import Analysis, analyse
from ostinato.equations.dimensions import Dimensions
from ostinato.equations.elaborate import build_graph, infer_dimensions
from ostinato.equations.graph import Graph, Parameter, State
from ostinato.equations.parse import parse
from ostinato.equations.resolve import Roles, resolve
from ostinato.equations.syntax import DeclarationKind, Syntax

if TYPE_CHECKING:
    from typing import Self


class Cell:
    """A recurrent cell, from its equations.

    A name read before it is assigned in the step, and assigned later, is a *state*: it means the
    value at t-1. ``x`` is the input. Any other free name is a parameter: left of ``@`` a matrix,
    elsewhere a vector. The output is the assigned name that no later line reads.

    >>> cell = Cell("h = tanh(W @ h + U @ x + b)")
    >>> cell.states
    ('h',)

    Args:
        text: one assignment a line (or ``;``).
        name: a name for tables and errors.
        inputs: names of the input streams; default ``x``.
        states: checked against what is inferred.
        output: overrides the inferred output.
        scalars: names of parameters that are one number rather than one a unit.
        start: how parameters start where their role alone does not say: parameter name to the name
            of an initialiser (``identity``, ``orthogonal``, …) or a number.

    Raises:
        EquationError: the text cannot be read or does not mean anything; the message shows the line
            with a caret and how to mend it.
    """

    def __init__(
        self,
        text: str,
        *,
        name: str | None = None,
        inputs: Sequence[str] | None = None,
        states: Sequence[str] | None = None,
        output: str | None = None,
        scalars: Collection[str] = (),
        start: Mapping[str, str | float] | None = None,
    ) -> None:
        declared: dict[str, DeclarationKind] = {}
        given: list[tuple[DeclarationKind, Collection[str]]] = [
            ("input", inputs or ()),
            ("state", states or ()),
            ("output", [output] if output else ()),
            ("scalar", scalars),
        ]
        for kind, names in given:
            for declared_name in names:
                before = declared.get(declared_name, kind)
                if before != kind and (before, kind) != ("state", "output"):
                    raise OptionError(
                        f"`{declared_name}` is given as {before} and as {kind}\n"
                        "mend: keep one of the two"
                    )
                declared[declared_name] = kind
        self._setup(_declare(parse(text), declared), name)
        self.start = self._checked_start(start or {})

    def _setup(self, syntax: Syntax, name: str | None) -> None:
        roles = resolve(syntax)
        dimensions = infer_dimensions(syntax, roles)
        self.name = name
        self.syntax = syntax
        self.roles: Roles = roles
        self.dimensions: Dimensions = dimensions
        self.graph: Graph = build_graph(syntax, roles, dimensions)
        self.start: Mapping[str, str | float] = {}

    def _checked_start(self, start: Mapping[str, str | float]) -> Mapping[str, str | float]:
        known = [p.name for p in self.parameters]
        for name in start:
            if name not in known:
                raise UnknownNameError("parameter in `start`", name, known)
        return dict(start)

    @classmethod
    def from_syntax(cls, syntax: Syntax, *, name: str | None = None) -> Self:
        """Make a cell from a syntax tree."""
        cell = cls.__new__(cls)
        cell._setup(syntax, name)
        return cell

    @classmethod
    def from_latex(
        cls,
        latex: str | Sequence[str],
        *,
        name: str | None = None,
        functions: Mapping[str, str] | None = None,
        matrices: Collection[str] = (),
        vectors: Collection[str] = (),
        scalars: Collection[str] = (),
        output: str | None = None,
    ) -> Self:
        r"""Read equations as slides and papers print them: ``h_t = \tanh(W h_{t-1} + U x_t)``.

        Args:
            latex: equations, one a line (or ``\\``), or a list; subscripts decide the order.
            name: a name for tables and errors.
            functions: what a letter such as ``f`` or ``\phi`` stands for: ``{"f": "tanh"}``.
            matrices: names that are matrices although lower-case.
            vectors: names that are vectors although upper-case.
            scalars: names that are single numbers.
            output: overrides the inferred output.

        Raises:
            EquationError: a symbol has no meaning here; the message names it and how to mend it.
        """
        from ostinato.equations.latex import read_latex

        syntax = read_latex(
            latex, functions=functions, matrices=matrices, vectors=vectors, scalars=scalars
        )
        return cls.from_syntax(_declare(syntax, {output: "output"} if output else {}), name=name)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the input streams."""
        return self.roles.inputs

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the states, the output's first."""
        return self.roles.states

    @property
    def output(self) -> str:
        """Name of the output."""
        return self.roles.output

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The weights, in the order of their first use."""
        return self.graph.parameters

    @cached_property
    def analysis(self) -> Analysis:
        """Class of the recurrence, flops and bytes per step."""
        return analyse(self.graph)

    def state(self, name: str) -> State:
        """Return the state called ``name``."""
        return self.graph.state(name)

    def sizes(
        self,
        input_size: int,
        hidden_size: int | None = None,
        output_size: int | None = None,
        sizes: Mapping[str, int] | None = None,
    ) -> dict[str, int]:
        """Return the size of every dimension class.

        Raises:
            OptionError: a size is missing, or names nothing in this cell.
            EquationError: two sizes are given for one class.
        """
        given = {"input_size": input_size, "hidden_size": hidden_size, "output_size": output_size}
        if (
            "hidden_size" not in self.dimensions.classes
            and "hidden_size" not in self.dimensions.tied
        ):
            given["hidden_size"] = None
        return self.dimensions.solve({**given, **(sizes or {})})

    def parameter_shapes(self, sizes: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
        """Return the shape of every parameter: ``[rows, columns]``, ``[rows]`` or ``[]``."""
        return {p.name: parameter_shape(p, sizes) for p in self.parameters}

    def num_parameters(self, sizes: Mapping[str, int]) -> int:
        """Return how many numbers the parameters hold."""
        total = 0
        for shape in self.parameter_shapes(sizes).values():
            count = 1
            for side in shape:
                count *= side
            total += count
        return total

    def to_text(self) -> str:
        """Print the equations so that ``Cell(cell.to_text()) == cell``."""
        from ostinato.equations.printing import to_text

        return to_text(self.syntax)

    def to_latex(self) -> str:
        """Print the equations so that ``Cell.from_latex(cell.to_latex()) == cell``."""
        from ostinato.equations.printing import to_latex

        return to_latex(self.syntax)

    def to_mathml(self, values: Mapping[str, str] | None = None) -> str:
        """Print the equations as presentation MathML, with ``values`` in the place of names."""
        from ostinato.equations.printing import to_mathml

        return to_mathml(self.syntax, values)

    def explain(self, **sizes: int) -> str:
        """Describe everything that was inferred; ``input_size=`` and so on give numbers."""
        from ostinato.equations.explain import explain

        return explain(self, sizes)

    def __eq__(self, other: object) -> bool:
        """Cells are equal when their graphs are: names of local values do not matter."""
        return self.graph == other.graph if isinstance(other, Cell) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.graph)

    def __repr__(self) -> str:
        called = f", name={self.name!r}" if self.name else ""
        return f"Cell({self.to_text()!r}{called})"

    def _repr_latex_(self) -> str:
        rows = r" \\ ".join(
            line.replace("=", "&=", 1) for line in self.to_latex().split("\n") if "%" not in line
        )
        return f"$$\\begin{{aligned}} {rows} \\end{{aligned}}$$"


def parameter_shape(parameter: Parameter, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """Return the shape of one parameter."""
    if parameter.kind == "scalar":
        return ()
    if parameter.kind == "vector":
        return (sizes[parameter.rows],)
    return (sizes[parameter.rows], sum(sizes[piece] for piece in parameter.pieces))


def _declare(syntax: Syntax, declared: Mapping[str, DeclarationKind]) -> Syntax:
    """Add declarations given as arguments to those written in the text."""
    for name, kind in declared.items():
        written = syntax.declarations.get(name, kind)
        if written != kind and (written, kind) != ("state", "output"):
            raise OptionError(
                f"`{name}` is declared {written} in the equations and {kind} in the arguments\n"
                "mend: keep one of the two"
            )
    return replace(syntax, declarations={**syntax.declarations, **declared})
