"""Options as rewrites of the graph, so that each works with every cell and every engine."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from ostinato.core.errors import OptionError, UnknownNameError
from ostinato.equations.graph import (
    BROADCAST,
    Builder,
    Graph,
    Input,
    Parameter,
    Random,
    State,
    compact,
    rebuild,
)
from ostinato.equations.structure import analyse_structure
from ostinato.equations.sums import Sums, Term

RESET: Final = "(reset)"
"""Input of one number a row: not 0 where the state returns to its initial value before the step."""
VALID: Final = "(valid)"
"""Input of one number a row: 0 past the end of the row's sequence."""

_ZONEOUT_STREAMS: Final = 1 << 16
"""Masks of zoneout are numbered from here, those of recurrent dropout from 0."""

_NONLINEAR: Final = frozenset(
    {"sigmoid", "tanh", "relu", "softplus", "silu", "gelu", "exp", "log", "sqrt", "abs"}
)
_ARITHMETIC: Final = frozenset({"add", "sub", "neg", "mul", "div", "minimum", "maximum"})


@dataclass(frozen=True)
class Options:
    """What a layer asks of a cell beside its equations.

    Attributes:
        without: parameters taken as 0 (``bias=False``).
        learn_initial_state: the finite initial values become parameters ``<state>_init``.
        layer_norm: normalise the products of every pre-activation, with a gain each.
        recurrent_dropout: the chance that a unit of a recurrent product's operand is dropped, by
            one mask a sequence.
        zoneout: the chance, by state, that a unit keeps its old value at a step.
        resets: the layer is given steps before which the state returns to its initial value.
        lengths: the layer is given a length for each row.
        training: random masks are drawn; otherwise zoneout takes its expectation and dropout
            nothing.
    """

    without: tuple[str, ...] = ()
    learn_initial_state: bool = False
    layer_norm: bool = False
    recurrent_dropout: float = 0.0
    zoneout: tuple[tuple[str, float], ...] = ()
    resets: bool = False
    lengths: bool = False
    training: bool = False


def transform(graph: Graph, options: Options) -> Graph:
    """Apply options to a step.

    Raises:
        OptionError: the cell has nothing that an option could act on, or an option is out of range.
    """
    if options.without:
        graph = drop_parameters(graph, options.without)
    if options.learn_initial_state:
        graph = learn_initial_state(graph)
    if options.layer_norm:
        graph = normalise_preactivations(graph)
    if options.recurrent_dropout:
        graph = drop_recurrent(graph, options.recurrent_dropout, training=options.training)
    if options.resets:
        graph = reset_states(graph)
    if options.zoneout:
        graph = zone_out(graph, dict(options.zoneout), training=options.training)
    if options.lengths:
        graph = hold_past_end(graph)
    return graph


def drop_parameters(graph: Graph, names: Iterable[str]) -> Graph:
    """Take vectors as 0; what is added to them alone remains."""
    dropped = frozenset(names)

    def make(builder: Builder, new: list[int], index: int) -> int:
        value = graph.values[index]
        if value.op == "parameter" and value.attribute in dropped:
            return builder.constant(0)
        return builder.copy(value, tuple(new[a] for a in value.args))

    without = rebuild(graph, make)
    kept = tuple(p for p in without.parameters if p.name not in dropped)
    return replace(without, parameters=kept)


def learn_initial_state(graph: Graph) -> Graph:
    """Make every finite initial value a parameter ``<state>_init``, which starts at that value."""
    new = tuple(
        Parameter(f"{s.name}_init", "vector", s.dim, role="initial")
        for s in graph.states
        if isinstance(s.initial, float) and math.isfinite(s.initial)
    )
    if not new and not any(isinstance(s.initial, str) for s in graph.states):
        raise OptionError(
            "learn_initial_state: this cell has no state with a finite initial value\n"
            "mend: leave the option out"
        )
    names = {p.name for p in new}
    states = tuple(
        replace(s, initial=f"{s.name}_init") if f"{s.name}_init" in names else s
        for s in graph.states
    )
    return replace(graph, states=states, parameters=graph.parameters + new)


def normalise_preactivations(graph: Graph) -> Graph:
    """Turn ``f(W @ h + U @ x + b)`` into ``f(gain * layer_norm(W @ h + U @ x) + b)``.

    Every sum of products that reaches a nonlinearity through arithmetic alone is one
    pre-activation. Source: Ba, Kiros, Hinton 2016, arXiv:1607.06450 (there each product has a norm
    of its own).
    """
    found = _preactivations(graph)
    if not found:
        raise OptionError(
            "layer_norm: this cell has no product below a nonlinearity to normalise\n"
            "mend: write `layer_norm(…)` into the equations where it is meant"
        )
    gains = _gains(graph, found)

    def make(builder: Builder, new: list[int], index: int) -> int:
        value = graph.values[index]
        if index not in found:
            return builder.copy(value, tuple(new[a] for a in value.args))
        inside: list[tuple[int, bool]] = []
        outside: list[tuple[int, bool]] = []
        for term in found[index]:
            if graph.values[term.value].op != "product":
                outside.append((new[term.value], term.negative))
                continue
            product = graph.values[term.value]
            built = builder.copy(product, tuple(new[a] for a in product.args))
            inside.append((built, term.negative))
        norm = builder.apply("layer_norm", _signed_sum(builder, inside))
        gain = builder.leaf("parameter", value.dim, gains[index].name)
        return _signed_sum(builder, [(builder.apply("mul", gain, norm), False), *outside])

    return rebuild(graph, make, parameters=tuple(gains.values()))


def _preactivations(graph: Graph) -> dict[int, list[Term]]:
    """Return the terms of every sum with a product, or lone product, that feeds a nonlinearity."""
    sums = Sums(graph)
    reaching = _reaching_nonlinearity(graph)
    found = {v: sums.terms(v) for v in reaching if sums.is_root(v)}
    found = {
        v: terms
        for v, terms in found.items()
        if any(graph.values[t.value].op == "product" for t in terms)
    }
    in_sums = {t.value for terms in found.values() for t in terms}
    for v in reaching:
        if graph.values[v].op == "product" and v not in in_sums:
            found[v] = [Term(v, negative=False)]
    return found


def _reaching_nonlinearity(graph: Graph) -> list[int]:
    """Return the values that a nonlinearity reads, directly or through arithmetic."""
    reaching: set[int] = set()
    for index in reversed(range(len(graph.values))):
        value = graph.values[index]
        if value.op in _NONLINEAR or (value.op in _ARITHMETIC and index in reaching):
            reaching.update(value.args)
    return sorted(reaching)


def _gains(graph: Graph, found: Mapping[int, list[Term]]) -> dict[int, Parameter]:
    used = {p.name for p in graph.parameters}
    gains: dict[int, Parameter] = {}
    for index, terms in found.items():
        product = next(t.value for t in terms if graph.values[t.value].op == "product")
        attribute = graph.values[product].attribute
        assert isinstance(attribute, tuple)
        name = f"gain_{attribute[0].parameter}"
        while name in used:
            name += "_"
        used.add(name)
        gains[index] = Parameter(name, "vector", graph.values[index].dim, role="gain")
    return gains


def _signed_sum(builder: Builder, terms: Iterable[tuple[int, bool]]) -> int:
    total: int | None = None
    for value, negative in sorted(terms, key=lambda term: term[1]):
        if total is None:
            total = builder.apply("neg", value) if negative else value
        else:
            total = builder.apply("sub" if negative else "add", total, value)
    assert total is not None
    return total


def drop_recurrent(graph: Graph, probability: float, *, training: bool) -> Graph:
    """Multiply every operand of a recurrent product by one mask a sequence.

    What is kept is scaled by 1 / (1 - probability). Source: Gal, Ghahramani 2016,
    arXiv:1512.05287.
    """
    if not 0 <= probability < 1:
        raise OptionError(
            f"recurrent_dropout must lie in [0, 1), got {probability}\n"
            "mend: pass the chance that a unit is dropped"
        )
    body = frozenset[int]().union(*analyse_structure(graph).body)
    operands = dict.fromkeys(
        a
        for v in sorted(body)
        if graph.values[v].op == "product"
        for a in graph.values[v].args
        if a in body
    )
    if not operands:
        raise OptionError(
            "recurrent_dropout: this cell has no product with its state to drop units of\n"
            "mend: leave the option out; `dropout` acts between layers, `zoneout` on any state"
        )
    if not training:
        return graph
    keep = 1 - probability
    streams = {operand: number for number, operand in enumerate(operands)}

    def masked(builder: Builder, new: list[int], operand: int) -> int:
        dim = graph.values[operand].dim
        mask = builder.leaf("random", dim, Random(streams[operand], keep, per_step=False))
        scale = builder.apply("mul", mask, builder.constant(1 / keep))
        return builder.apply("mul", new[operand], scale)

    def make(builder: Builder, new: list[int], index: int) -> int:
        value = graph.values[index]
        recurrent = value.op == "product" and index in body
        args = tuple(
            masked(builder, new, a) if recurrent and a in streams else new[a] for a in value.args
        )
        return builder.copy(value, args)

    return rebuild(graph, make)


def reset_states(graph: Graph) -> Graph:
    """Let every state return to its initial value before a step that the input ``RESET`` marks."""
    states = {s.read: s for s in graph.states}

    def make(builder: Builder, new: list[int], index: int) -> int:
        value = graph.values[index]
        copied = builder.copy(value, tuple(new[a] for a in value.args))
        if index not in states:
            return copied
        initial = _initial_value(builder, states[index])
        return builder.apply("select", builder.leaf("input", BROADCAST, RESET), initial, copied)

    return rebuild(graph, make, inputs=(Input(RESET, BROADCAST),))


def _initial_value(builder: Builder, state: State) -> int:
    if isinstance(state.initial, str):
        return builder.leaf("parameter", state.dim, state.initial)
    return builder.constant(state.initial)


def zone_out(graph: Graph, probabilities: Mapping[str, float], *, training: bool) -> Graph:
    """Let units of the carried state keep their old value, each with its chance at every step.

    Within the step, equations still read the new value. Source: Krueger et al. 2017,
    arXiv:1606.01305.
    """
    _check_zoneout(graph, probabilities)

    def held(builder: Builder, state: State, number: int) -> int:
        chance = probabilities.get(state.name, 0.0)
        if not chance:
            return state.next
        was = _read_in_step(builder, state)
        if training:
            mask = Random(_ZONEOUT_STREAMS + number, chance, per_step=True)
            return builder.apply("select", builder.leaf("random", state.dim, mask), was, state.next)
        kept = builder.apply("mul", builder.constant(chance), was)
        fresh = builder.apply("mul", builder.constant(1 - chance), state.next)
        return builder.apply("add", kept, fresh)

    return _with_next(graph, held)


def _check_zoneout(graph: Graph, probabilities: Mapping[str, float]) -> None:
    known = [s.name for s in graph.states]
    for name, chance in probabilities.items():
        if name not in known:
            raise UnknownNameError("state in `zoneout`", name, known)
        if not 0 <= chance < 1:
            raise OptionError(
                f"zoneout must lie in [0, 1), got {chance} for {name!r}\n"
                "mend: pass the chance that a unit keeps its old value"
            )
        initial = graph.state(name).initial
        if chance and isinstance(initial, float) and not math.isfinite(initial):
            raise OptionError(
                f"zoneout: the state {name!r} starts at {initial}, so its expectation is not a "
                "number\n"
                f"mend: name the states to act on, such as zoneout={{{known[0]!r}: {chance}}}"
            )


def _read_in_step(builder: Builder, state: State) -> int:
    """Return the state at t-1 as the equations see it: after a reset, if there is one."""
    for index, value in enumerate(builder.values):
        if (
            value.op == "select"
            and value.args[2] == state.read
            and _is_reset(builder, value.args[0])
        ):
            return index
    return state.read


def _is_reset(builder: Builder, index: int) -> bool:
    return builder.values[index].attribute == RESET


def hold_past_end(graph: Graph) -> Graph:
    """Hold every state past the end of its row's sequence, where outputs are 0.

    The inputs count as 0 there, so that whatever the padding holds, even NaN, changes nothing.
    """
    streams = {i.name for i in graph.inputs if i.dim != BROADCAST}

    def make(builder: Builder, new: list[int], index: int) -> int:
        value = graph.values[index]
        copied = builder.copy(value, tuple(new[a] for a in value.args))
        if value.op != "input" or value.attribute not in streams:
            return copied
        return builder.apply("select", _valid(builder), copied, builder.constant(0))

    def held(builder: Builder, state: State, _: int) -> int:
        return builder.apply("select", _valid(builder), state.next, state.read)

    masked = rebuild(graph, make, inputs=(Input(VALID, BROADCAST),))
    carried = _with_next(masked, held)
    builder = Builder(carried.values)
    outputs = tuple(
        (name, builder.apply("select", _valid(builder), value, builder.constant(0)))
        for name, value in carried.outputs
    )
    return _compact_like(builder, carried, carried.states, outputs)


def _valid(builder: Builder) -> int:
    return builder.leaf("input", BROADCAST, VALID)


def probe_name(state: str) -> str:
    """Return the name of the input that ``probe_states`` adds to a state."""
    return f"(probe {state})"


def probe_states(graph: Graph) -> Graph:
    """Add an input to every new state, before anything reads it.

    With zeros as inputs nothing changes, but the gradient of a loss with respect to the input at
    step t is that with respect to the state at t, through all later steps.
    """
    probes = tuple(Input(probe_name(s.name), s.dim) for s in graph.states)
    # Two states may be one value: each is probed where it is carried, the value itself once.
    first: dict[int, Input] = {}
    for state, probe in zip(graph.states, probes, strict=True):
        first.setdefault(state.next, probe)

    def make(builder: Builder, new: list[int], index: int) -> int:
        value = graph.values[index]
        copied = builder.copy(value, tuple(new[a] for a in value.args))
        if index not in first:
            return copied
        probe = first[index]
        return builder.apply("add", copied, builder.leaf("input", probe.dim, probe.name))

    probed = rebuild(graph, make, inputs=probes)
    added = {probe.name for probe in first.values()}

    def others(builder: Builder, state: State, _: int) -> int:
        name = probe_name(state.name)
        if name in added:
            return state.next
        return builder.apply("add", state.next, builder.leaf("input", state.dim, name))

    return _with_next(probed, others) if len(added) < len(probes) else probed


def before_name(state: str) -> str:
    """Return the name of the input that stands for a state at t-1 in ``open_loop``."""
    return f"(before {state})"


def open_loop(graph: Graph) -> Graph:
    """Read the states at t-1 as inputs, and return every assigned name: all steps at once.

    The outputs are the assigned names in the order of the equations; a state stands for what is
    carried on, after all options.
    """
    states = {s.read: s for s in graph.states}

    def make(builder: Builder, new: list[int], index: int) -> int:
        if index in states:
            state = states[index]
            return builder.leaf("input", state.dim, before_name(state.name))
        value = graph.values[index]
        return builder.copy(value, tuple(new[a] for a in value.args))

    builder = Builder()
    new: list[int] = []
    for index in range(len(graph.values)):
        new.append(make(builder, new, index))
    named = dict(graph.names) | {s.name: s.next for s in graph.states} | dict(graph.outputs)
    outputs = tuple((name, new[value]) for name, value in named.items())
    return compact(
        builder,
        parameters=graph.parameters,
        inputs=graph.inputs + tuple(Input(before_name(s.name), s.dim) for s in graph.states),
        states=(),
        outputs=outputs,
        names=outputs,
    )


def _with_next(graph: Graph, change: Callable[[Builder, State, int], int]) -> Graph:
    """Change what each state carries on; an output that is a state's next value follows it."""
    builder = Builder(graph.values)
    states = tuple(
        replace(s, next=change(builder, s, number)) for number, s in enumerate(graph.states)
    )
    follow = {old.next: new.next for old, new in zip(graph.states, states, strict=True)}
    outputs = tuple((name, follow.get(value, value)) for name, value in graph.outputs)
    return _compact_like(builder, graph, states, outputs)


def _compact_like(
    builder: Builder,
    graph: Graph,
    states: tuple[State, ...],
    outputs: tuple[tuple[str, int], ...],
) -> Graph:
    return compact(
        builder,
        parameters=graph.parameters,
        inputs=graph.inputs,
        states=states,
        outputs=outputs,
        reductions=graph.reductions,
        names=graph.names,
    )
