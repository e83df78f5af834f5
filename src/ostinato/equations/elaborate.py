"""``Syntax`` to ``Graph``: sizes by unification, then one value for each operation of the step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from ostinato.core.errors import EquationError, Span
from ostinato.equations.dimensions import Dimensions, Unifier
from ostinato.equations.graph import (
    BROADCAST,
    Builder,
    Factor,
    Graph,
    Input,
    Parameter,
    Role,
    State,
    compact,
    evaluate,
    live,
)
from ostinato.equations.resolve import Roles
from ostinato.equations.syntax import (
    Assignment,
    Binary,
    Call,
    Concatenation,
    Expression,
    Name,
    Negative,
    Number,
    Syntax,
)

_BINARY = {"+": "add", "-": "sub", "*": "mul", "/": "div", "**": "pow"}


def infer_dimensions(syntax: Syntax, roles: Roles) -> Dimensions:
    """Find which names share a size, and which of the layer's sizes each class is.

    Raises:
        EquationError: one matrix multiplies concatenations of different numbers of pieces.
    """
    return _Inference(syntax, roles).infer()


class _Inference:
    def __init__(self, syntax: Syntax, roles: Roles) -> None:
        self.syntax = syntax
        self.roles = roles
        self.unifier = Unifier()
        self.pieces: dict[str, tuple[int, Span]] = {}
        self.locals: dict[str, Concatenation] = {}
        self.factors: dict[str, str] = {}
        for name in (*roles.inputs, *(a.target for a in syntax.assignments)):
            if name not in roles.concatenations:
                self.unifier.add(name)

    def infer(self) -> Dimensions:
        for assignment in self.syntax.assignments:
            self._assignment(assignment)
        for state, value in self.syntax.initial.items():
            if isinstance(value, Name) and value.name not in self.roles.scalars:
                self._unite(self.unifier.add(value.name), state, value.span)
        return self._label()

    def _assignment(self, assignment: Assignment) -> None:
        if isinstance(assignment.value, Concatenation):
            self.locals[assignment.target] = assignment.value
            return
        size = self._expression(assignment.value)
        if size is not None:
            self._unite(assignment.target, size, assignment.span)

    def _unite(self, a: str, b: str, span: Span) -> None:
        self.unifier.unite(a, b, span)

    def _expression(self, node: Expression) -> str | None:
        """Return a name whose class is the size of ``node``; None where it broadcasts."""
        match node:
            case Number():
                return None
            case Name(name=name):
                return None if name in self.roles.scalars else self.unifier.add(name)
            case Negative(operand=operand):
                return self._expression(operand)
            case Binary(operator="@", left=Name(name=matrix), right=right):
                return self._product(matrix, right, node.span)
            case Binary(operator=operator, left=left, right=right):
                if operator == "*" and isinstance(left, Name) and left.name in self.roles.vectors:
                    other = right.name if isinstance(right, Name) else "v"
                    self.factors.setdefault(left.name, other)
                return self._join((left, right), node.span)
            case Call(arguments=arguments):
                return self._join(arguments, node.span)
            case Concatenation():
                raise AssertionError("the reader keeps concatenations right of @")

    def _join(self, operands: tuple[Expression, ...], span: Span) -> str | None:
        joined: str | None = None
        for operand in operands:
            size = self._expression(operand)
            if joined is not None and size is not None:
                self._unite(joined, size, span)
            joined = joined or size
        return joined

    def _product(self, matrix: str, right: Expression, span: Span) -> str:
        self.unifier.add(matrix)
        operands = operand_pieces(right, self.locals)
        first = self.pieces.setdefault(matrix, (len(operands), span))
        if first[0] != len(operands):
            raise EquationError(
                f"`{matrix}` multiplies {len(operands)} piece(s) here and {first[0]} on line "
                f"{first[1].line}",
                source=self.syntax.source,
                span=span,
                also=first[1],
                mend="use one matrix for each kind of operand",
            )
        for index, operand in enumerate(operands):
            size = self._expression(operand)
            if size is None:
                raise EquationError(
                    "a matrix is multiplied by a scalar",
                    source=self.syntax.source,
                    span=span,
                    mend="`@` is matrix times vector",
                )
            self._unite(self.unifier.add(column_name(matrix, index, len(operands))), size, span)
        return matrix

    # Labels

    def _label(self) -> Dimensions:
        members = self.unifier.members()
        of = self.unifier.find
        labels: dict[str, str] = {of(self.roles.inputs[0]): "input_size"}
        tied = self._label_assigned(labels)
        for root, names in members.items():
            labels.setdefault(root, names[0])
        classes = {label: tuple(members[root]) for root, label in labels.items()}
        shown = self._shown(classes, tied)
        links = tuple(self.unifier.links)
        return Dimensions(classes, tied, shown, links, self.syntax.source, self.factors)

    def _ranked(self) -> list[str]:
        """Return the assigned vectors, states first."""
        targets = (a.target for a in self.syntax.assignments)
        return [*self.roles.states, *(t for t in targets if t not in self.roles.concatenations)]

    def _shown(
        self, classes: Mapping[str, tuple[str, ...]], tied: Mapping[str, str]
    ) -> dict[str, str]:
        """Choose the name that stands for each of the layer's sizes in an error."""
        candidates = {
            "input_size": self.roles.inputs,
            "hidden_size": self._ranked(),
            "output_size": [self.roles.output],
        }
        held = {
            size: [n for n in names if n in classes.get(tied.get(size, size), ())]
            for size, names in candidates.items()
        }
        return {size: names[0] for size, names in held.items() if names}

    def _label_assigned(self, labels: dict[str, str]) -> dict[str, str]:
        """Label the classes of assigned names; return the labels tied to the input's."""
        of = self.unifier.find
        roots = list(dict.fromkeys(of(t) for t in self._ranked()))
        output, source = of(self.roles.output), of(self.roles.inputs[0])
        free = [r for r in roots if r != source]
        tied: dict[str, str] = {}
        if output == source and free:
            tied["output_size"] = "input_size"
            labels.setdefault(free[0], "hidden_size")
        elif source in roots and (not free or free == [output]):
            tied["hidden_size"] = "input_size"
            labels.update(dict.fromkeys(free, "output_size"))
        elif free == [output]:
            labels[output] = "hidden_size"
        else:
            labels[output] = "output_size"
            labels[next(r for r in free if r != output)] = "hidden_size"
        return tied


def column_name(matrix: str, index: int, num_pieces: int) -> str:
    """Name the size of one block of a matrix's columns."""
    return f"(columns of {matrix})" if num_pieces == 1 else f"(columns {index + 1} of {matrix})"


def operand_pieces(right: Expression, local: dict[str, Concatenation]) -> tuple[Expression, ...]:
    """Return the vectors that stand right of ``@``, end to end."""
    if isinstance(right, Name) and right.name in local:
        return operand_pieces(local[right.name], local)
    if isinstance(right, Concatenation):
        return tuple(p for piece in right.pieces for p in operand_pieces(piece, local))
    return (right,)


def build_graph(syntax: Syntax, roles: Roles, dimensions: Dimensions) -> Graph:
    """Make the graph of one step.

    Raises:
        EquationError: an inferred state is only a one-step delay of something without memory, or a
            constant is not finite.
    """
    return _Elaboration(syntax, roles, dimensions).build()


class _Elaboration:
    def __init__(self, syntax: Syntax, roles: Roles, dimensions: Dimensions) -> None:
        self.syntax = syntax
        self.roles = roles
        self.builder = Builder()
        self.labels = {n: label for label, names in dimensions.classes.items() for n in names}
        self.locals: dict[str, tuple[int, ...]] = {}
        self.pieces: dict[str, tuple[str, ...]] = {}
        self.inputs = {n: self.builder.leaf("input", self.labels[n], n) for n in roles.inputs}
        self.reads = {n: self.builder.leaf("state", self.labels[n], n) for n in roles.states}
        self.environment = {**self.inputs, **self.reads}

    def build(self) -> Graph:
        targets: dict[str, int] = {}
        for assignment in self.syntax.assignments:
            if isinstance(assignment.value, Concatenation):
                self.locals[assignment.target] = self._pieces(assignment.value)
                continue
            value = self._expression(assignment.value)
            self.environment[assignment.target] = targets[assignment.target] = value
        self._widen(targets)
        graph = compact(
            self.builder,
            parameters=self._parameters(),
            inputs=tuple(Input(n, self.labels[n]) for n in self.roles.inputs),
            states=tuple(self._state(n, targets[n]) for n in self.roles.states),
            outputs=((self.roles.output, targets[self.roles.output]),),
            names=tuple(targets.items()),
        )
        self._check_delays(graph)
        return _with_roles(graph)

    def _widen(self, targets: dict[str, int]) -> None:
        """A state or output that is a bare number still has one entry a unit."""
        for name in (*self.roles.states, self.roles.output):
            value = targets[name]
            if self.builder.values[value].dim == BROADCAST:
                raise EquationError(
                    f"`{name}` has no size: its equation holds only numbers and scalars",
                    source=self.syntax.source,
                    span=next(a.span for a in self.syntax.assignments if a.target == name),
                    mend="use the input, a state or a vector parameter in it",
                )

    def _state(self, name: str, value: int) -> State:
        given = self.syntax.initial.get(name)
        initial = 0.0 if given is None else given.value if isinstance(given, Number) else given.name
        return State(name, self.reads[name], value, initial, self.labels[name])

    def _parameters(self) -> tuple[Parameter, ...]:
        made: list[Parameter] = []
        for name in (*self.roles.matrices, *self.roles.vectors):
            if name in self.roles.matrices:
                made.append(Parameter(name, "matrix", self.labels[name], self.pieces[name]))
            elif name in self.roles.scalars:
                made.append(Parameter(name, "scalar", BROADCAST))
            else:
                made.append(Parameter(name, "vector", self.labels[name]))
        return tuple(made)

    def _expression(self, node: Expression) -> int:
        match node:
            case Number(value=number):
                return self.builder.constant(number)
            case Name(name=name):
                return self._name(name)
            case Negative(operand=operand):
                return self._apply("neg", (operand,), node.span)
            case Binary(operator="@", left=Name(name=matrix), right=right):
                return self._product(matrix, right)
            case Binary(operator=operator, left=left, right=right):
                return self._apply(_BINARY[operator], (left, right), node.span)
            case Call(function="clip", arguments=arguments):
                value, low, high = (self._expression(a) for a in arguments)
                return self.builder.apply(
                    "minimum", self.builder.apply("maximum", value, low), high
                )
            case Call(function=function, arguments=arguments):
                return self._apply(function, arguments, node.span)
            case Concatenation():
                raise AssertionError("the reader keeps concatenations right of @")

    def _apply(self, op: str, operands: tuple[Expression, ...], span: Span) -> int:
        """Add an operation, unless its value is known already and is no finite number."""
        args = [self._expression(operand) for operand in operands]
        numbers = [self.builder.number(a) for a in args]
        result = evaluate(op, numbers)
        if result is not None and not math.isfinite(result):
            raise EquationError(
                f"this constant evaluates to {result}, and every number must be finite",
                source=self.syntax.source,
                span=span,
                mend="write a finite decimal number, or name a parameter",
            )
        if op == "div" and numbers[1] == 0:
            raise EquationError(
                "a division by zero evaluates to inf or nan, and every number must be finite",
                source=self.syntax.source,
                span=span,
                mend="divide by a number other than 0, or by a parameter",
            )
        return self.builder.apply(op, *args)

    def _name(self, name: str) -> int:
        if name in self.environment:
            return self.environment[name]
        dim = BROADCAST if name in self.roles.scalars else self.labels[name]
        return self.builder.leaf("parameter", dim, name)

    def _pieces(self, node: Expression) -> tuple[int, ...]:
        if isinstance(node, Name) and node.name in self.locals:
            return self.locals[node.name]
        if isinstance(node, Concatenation):
            return tuple(v for piece in node.pieces for v in self._pieces(piece))
        return (self._expression(node),)

    def _product(self, matrix: str, right: Expression) -> int:
        operands = self._pieces(right)
        self.pieces[matrix] = tuple(self.builder.values[v].dim for v in operands)
        rows = self.labels[matrix]
        total: int | None = None
        for index, operand in enumerate(operands):
            term = self.builder.product((Factor(matrix, index),), (operand,), rows)
            total = term if total is None else self.builder.apply("add", total, term)
        assert total is not None
        return total

    def _check_delays(self, graph: Graph) -> None:
        reads = {s.read for s in graph.states}
        for state in graph.states:
            if state.name in self.roles.declared_states:
                continue
            if not live(graph.values, [state.next]) & reads:
                place = next(a.span for a in self.syntax.assignments if a.target == state.name)
                raise EquationError(
                    f"`{state.name}` is read above this line, but its value depends on no state: "
                    "the reader above sees it one step late",
                    source=self.syntax.source,
                    span=place,
                    mend=f"move this line up, or name `{state.name}` in `states=` if the delay is "
                    "meant",
                )


def _with_roles(graph: Graph) -> Graph:
    """Fill in what each parameter does, which decides how it starts."""
    return replace(
        graph, parameters=tuple(replace(p, role=_role(graph, p)) for p in graph.parameters)
    )


def _role(graph: Graph, parameter: Parameter) -> Role:
    if parameter.kind == "matrix":
        return _matrix_role(graph, parameter)
    if any(s.initial == parameter.name for s in graph.states):
        return "initial"
    leaf = next(
        (
            i
            for i, v in enumerate(graph.values)
            if v.op == "parameter" and v.attribute == parameter.name
        ),
        None,
    )
    users = [v for v in graph.values if leaf in v.args]
    if users and all(v.op in ("add", "sub") for v in users):
        return "bias"
    norms = {i for i, v in enumerate(graph.values) if v.op in ("layer_norm", "rms_norm")}
    if users and all(v.op == "mul" and norms & set(v.args) for v in users):
        return "gain"
    return "other"


def _matrix_role(graph: Graph, parameter: Parameter) -> Role:
    reads = {s.read for s in graph.states}
    for value in graph.values:
        factors = value.attribute if isinstance(value.attribute, tuple) else ()
        for factor, operand in zip(factors, value.args, strict=False):
            if factor.parameter == parameter.name and live(graph.values, [operand]) & reads:
                return "recurrent"
    return "input"
