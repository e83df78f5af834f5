"""``Program`` to ``Plan``: where each value lives, and what each tile computes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from ostinato.engines.native.plan import (
    Array,
    Block,
    Element,
    Group,
    Instruction,
    Mask,
    Norm,
    Operand,
    Phase,
    Plan,
    Reduction,
    Section,
    SectionKind,
    Slot,
    TileProgram,
)
from ostinato.equations.graph import BROADCAST, LEAVES, ROW_OPS, Factor, Random
from ostinato.equations.program import Loop, Program
from ostinato.equations.program import Phase as ProgramPhase
from ostinato.equations.rewrites import VALID
from ostinato.equations.schedule import factors


@dataclass(frozen=True)
class Delay:
    """An input that is another one, a step before: ``last:h`` from ``next:h``.

    Attributes:
        of: the other input.
        initial: buffer ``[B, n]`` of its value before the first step.
        reverse: the step before t is t + 1.
    """

    of: str
    initial: str
    reverse: bool


@dataclass(frozen=True)
class Lowered:
    """A plan, and under which names its buffers hold what the caller asked for.

    Attributes:
        plan: for the engine.
        streams: ``output:y``, ``state:h``, ``keep:12`` to the buffer that holds it; several names
            may share one.
        sizes: size of each buffer of ``streams``.
    """

    plan: Plan
    streams: Mapping[str, str]
    sizes: Mapping[str, int]


@dataclass(frozen=True)
class Request:
    """What a run is to give, and how it is to run.

    Attributes:
        keep: values wanted at every step.
        states: states wanted at every step.
        delays: inputs that are not given but are others one step before.
        zeros: inputs that are not given but are 0.
        outputs: those that are wanted; None for all.
        trim: the engine is told the lengths and runs no step past a row's end, so that the input
            ``VALID`` is 1 wherever anything is computed.
        fuse: products with the input that only a sum in the loop reads run in the loop, too: right
            where a step has many rows.
        sink: so do cheap values that only the loop reads: right where a step has so many numbers
            that reading them again costs more than their instructions.
    """

    keep: tuple[int, ...] = ()
    states: tuple[str, ...] = ()
    delays: tuple[tuple[str, Delay], ...] = ()
    zeros: tuple[str, ...] = ()
    outputs: tuple[str, ...] | None = None
    trim: bool = False
    fuse: bool = False
    sink: bool = False

    def constant(self, name: str) -> float | None:
        """Return the number that an input is at every step, if it is one."""
        if name in self.zeros:
            return 0.0
        return 1.0 if self.trim and name == VALID else None


_EVERYTHING = Request()


def lower(program: Program, sizes: Mapping[str, int], request: Request = _EVERYTHING) -> Lowered:
    """Lower a program for given sizes of dimensions.

    Buffers are named ``input:x``, ``parameter:W``, ``initial:h``, ``final:h``, ``gradient:W`` and
    ``stream:k``.

    Args:
        program: of one direction.
        sizes: dimension class to size.
        request: what is wanted.
    """
    return _Lowering(program, sizes, request).lower()


@dataclass(frozen=True)
class _Where:
    """The place of a computed value: its section and phase there."""

    section: int
    phase: int


class _Lowering:
    def __init__(self, program: Program, sizes: Mapping[str, int], request: Request) -> None:
        self.program = program
        self.graph = program.graph
        self.values = program.graph.values
        self.sizes = sizes
        self.request = request
        self.delays = dict(request.delays)
        wanted = request.outputs
        self.outputs = [(n, v) for n, v in program.graph.outputs if wanted is None or n in wanted]
        self.plan = Plan()
        self.home: dict[int, int] = {}
        self.leaves: dict[int, int] = {}
        self.private: dict[int, int] = {}
        self.named: dict[str, int] = {}
        self.streams: dict[str, int] = {}
        self.masks: dict[int, int] = {}
        self.shifts: dict[str, int] = {}
        self.copies: list[tuple[int, int]] = []
        self.more: dict[int, int] = {}
        self.starts: dict[int, int] = {}
        self.alias = self._aliases()
        self.where = self._places()
        self.live = self._live()
        self._join_sums(fuse=request.fuse)
        self.where = self._places()
        self.live = self._live()
        if request.sink:
            self.program = self._with_sunk_values()
            self.where = self._places()
        self.has_rows = self._values_with_rows()
        self.shifted = self._states_read_outside()
        self.next_copies: dict[int, list[tuple[int, str]]] = {}

    # What the program is about

    def _aliases(self) -> list[int]:
        """Replace what constant inputs decide: a choice by a flag that is 1, a sum with a 0."""
        ones, zeros = self._constant_inputs(1.0), self._constant_inputs(0.0)
        alias = list(range(len(self.values)))
        for v, value in enumerate(self.values):
            match value.op, [alias[a] for a in value.args]:
                case "select", [flag, chosen, _] if flag in ones:
                    alias[v] = chosen
                case "add", [a, b] if b in zeros and self._dim(a) == value.dim:
                    alias[v] = a
                case ("add", [a, b]) if a in zeros and self._dim(b) == value.dim:
                    alias[v] = b
                case _:
                    pass
        return alias

    def _constant_inputs(self, number: float) -> frozenset[int]:
        return frozenset(
            v
            for v, x in enumerate(self.values)
            if x.op == "input"
            and isinstance(x.attribute, str)
            and self.request.constant(x.attribute) == number
        )

    def args(self, v: int) -> tuple[int, ...]:
        """Return what a value reads: of a product its operands, and then where it starts from."""
        args = (*self.operands(v), self.starts[v]) if v in self.starts else self.operands(v)
        return tuple(self.alias[a] for a in args)

    def operands(self, v: int) -> tuple[int, ...]:
        """Return the operands of a value, with those of the product that joins it."""
        own = self.values[v].args
        return (*own, *self.values[self.more[v]].args) if v in self.more else own

    def factors(self, v: int) -> tuple[Factor, ...]:
        """Return the factors of a product, with those of the product that joins it."""
        own = factors(self.graph, v)
        return (*own, *factors(self.graph, self.more[v])) if v in self.more else own

    def _join_sums(self, *, fuse: bool) -> None:
        """Let products of the loops start from what is added to them.

        With ``fuse`` a product with an input that is part of such a term moves into the loop.
        """
        readers, results = self._users(), self._results_of_all()

        def is_only_read_by(v: int, reader: int) -> bool:
            return readers.get(v) == [reader] and v not in results

        for s, section in enumerate(self.program.sections):
            if not isinstance(section, Loop):
                continue
            for phase in section.phases:
                for group in phase.products:
                    self._join_group(s, group.products, readers, is_only_read_by, fuse=fuse)

    def _join_group(
        self,
        section: int,
        products: tuple[int, ...],
        readers: Mapping[int, list[int]],
        is_only_read_by: Callable[[int, int], bool],
        *,
        fuse: bool,
    ) -> None:
        found: list[tuple[int, int, int]] = []
        for v in products:
            users = readers.get(v, [])
            if v not in self.live or len(users) != 1 or not is_only_read_by(v, users[0]):
                continue
            user = users[0]
            term = self._other_term(user, v, section)
            if term is not None:
                found.append((v, user, term))
        for v, user, term in found:
            # What stood for the sum already, such as a choice that is always made, goes along.
            self.alias = [v if a == user else a for a in self.alias]
            self.starts[v] = term
            if not (fuse and is_only_read_by(term, user)):
                continue
            joined = self._product_in(term, is_only_read_by)
            if joined is not None:
                product, rest = joined
                self.more[v] = product
                if rest is None:
                    del self.starts[v]
                else:
                    self.starts[v] = rest

    def _other_term(self, user: int, product: int, section: int) -> int | None:
        """Return what a sum adds to a product, if it is known before the step."""
        if self.values[user].op != "add" or self.where[user].section != section:
            return None
        args = [a for a in self.args(user) if a != product]
        if len(args) != 1 or self._dim(args[0]) != self._dim(product):
            return None
        term = self.values[args[0]]
        is_leaf = term.op == "parameter" or (
            term.op == "input"
            and isinstance(term.attribute, str)
            and self.request.constant(term.attribute) is None
        )
        is_before = args[0] in self.where and self.where[args[0]].section < section
        return args[0] if is_leaf or is_before else None

    def _product_in(
        self, term: int, is_only_read_by: Callable[[int, int], bool]
    ) -> tuple[int, int | None] | None:
        """Return the product with inputs in a term that all steps share, and the rest of it."""
        value = self.values[term]
        if value.op == "product":
            return (term, None) if self._section_kind(term) == "flat" else None
        if value.op != "add":
            return None
        first, second = self.args(term)
        for product, rest in ((first, second), (second, first)):
            if (
                self.values[product].op == "product"
                and self._section_kind(product) == "flat"
                and is_only_read_by(product, term)
                and self._dim(rest) == self._dim(product)
                and self.values[rest].op not in ("product", "constant")
            ):
                return product, rest
        return None

    def _users(self) -> dict[int, list[int]]:
        readers: dict[int, list[int]] = {}
        for v in self.live:
            for a in self.args(v):
                readers.setdefault(a, []).append(v)
        return readers

    def _results_of_all(self) -> set[int]:
        return {self.alias[v] for v in (*self._roots(), *self.request.keep)}

    def _with_sunk_values(self) -> Program:
        """Return the program with values that only one loop reads inside it.

        Nothing is computed twice, and their streams need not be written and read.
        """
        sections = self.program.sections
        readers, results = self._users(), self._results_of_all()
        goes: dict[int, _Where] = {}

        def place(v: int) -> _Where | None:
            """Return the phase that a value may move to, as its readers stand."""
            op = self.values[v].op
            is_cheap = op not in ROW_OPS and op != "product" and self._dim(v) != BROADCAST
            users = readers.get(v, [])
            if not (is_cheap and users and self._section_kind(v) == "flat") or v in results:
                return None
            if any(self.values[u].op in ROW_OPS or self.values[u].op == "product" for u in users):
                return None
            places = [goes.get(u, self.where[u]) for u in users]
            (section, *others) = {p.section for p in places}
            if others or not isinstance(sections[section], Loop):
                return None
            return _Where(section, min(p.phase for p in places))

        def is_at_hand(a: int, v: int) -> bool:
            """Whether a loop finds an argument without a stream of its own for it."""
            if a not in self.where or a in goes or self.where[a].section != self.where[v].section:
                return True
            here = self.where[a].section
            return a in results or any(self.where[u].section != here for u in readers[a])

        for v in sorted(self.live, reverse=True):
            found = place(v)
            if found is not None:
                goes[v] = found
        stays = list(goes)
        while stays:
            stays = [
                v
                for v in goes
                if place(v) is None or not all(is_at_hand(a, v) for a in self.args(v))
            ]
            for v in stays:
                del goes[v]
        return replace(
            self.program,
            sections=tuple(
                replace(
                    section,
                    phases=tuple(
                        self._moved(phase, _Where(s, p), goes)
                        for p, phase in enumerate(section.phases)
                    ),
                )
                for s, section in enumerate(sections)
            ),
        )

    def _moved(self, phase: ProgramPhase, here: _Where, goes: Mapping[int, _Where]) -> ProgramPhase:
        come = sorted(v for v, place in goes.items() if place == here)
        return replace(phase, elementwise=(*come, *(v for v in phase.elementwise if v not in goes)))

    def _places(self) -> dict[int, _Where]:
        return {
            v: _Where(s, p)
            for s, section in enumerate(self.program.sections)
            for p, phase in enumerate(section.phases)
            for v in phase.values
            if self.alias[v] == v
        }

    def _live(self) -> frozenset[int]:
        seen: set[int] = set()
        pending = [self.alias[v] for v in (*self._roots(), *self.request.keep)]
        while pending:
            v = pending.pop()
            if v not in seen:
                seen.add(v)
                pending.extend(self.args(v))
        return frozenset(seen)

    def _roots(self) -> list[int]:
        reductions = self.graph.reductions
        return [
            *(s.next for s in self.graph.states),
            *(v for _, v in self.outputs),
            *(r.delta for r in reductions),
            *(r.operand for r in reductions if r.operand is not None),
        ]

    def _values_with_rows(self) -> frozenset[int]:
        """Values without time that nevertheless differ from row to row: they depend on masks."""
        found: set[int] = set()
        for v, value in enumerate(self.values):
            is_mask = isinstance(value.attribute, Random) and not value.attribute.per_step
            if is_mask or (
                any(a in found for a in self.args(v)) and self._section_kind(v) == "once"
            ):
                found.add(v)
        return frozenset(found)

    def _section_kind(self, v: int) -> str:
        if v not in self.where:
            return "leaf"
        section = self.program.sections[self.where[v].section]
        if isinstance(section, Loop):
            return "loop"
        return "once" if section.once else "flat"

    def _size(self, dim: str) -> int:
        return 1 if dim == BROADCAST else self.sizes[dim]

    def _dim(self, v: int) -> str:
        return self.values[v].dim

    # Arrays

    def _new(self, array: Array) -> int:
        self.plan.arrays.append(array)
        return len(self.plan.arrays) - 1

    def _buffer(self, name: str, array: Array) -> int:
        if name not in self.named:
            array.buffer = name
            self.named[name] = self._new(array)
        return self.named[name]

    def _stream(self, size: int) -> int:
        return self._new(Array("stream", size))

    def _export(self, name: str, array: int) -> None:
        """Let the caller see a stream of ours."""
        held = self.plan.arrays[array]
        if held.buffer is None:
            held.buffer = f"stream:{array}"
        self.streams[name] = array

    def _leaf(self, v: int) -> int:
        """Return the array of a value that no section computes."""
        if v not in self.leaves:
            self.leaves[v] = self._make_leaf(v)
        return self.leaves[v]

    def _make_leaf(self, v: int) -> int:
        value = self.values[v]
        match value.op, value.attribute:
            case "constant", float(number):
                return self._new(Array("constant", 1, number=number))
            case "parameter", str(name):
                return self._buffer(f"parameter:{name}", Array("vector", self._size(value.dim)))
            case "input", str(name):
                return self._input(name, self._size(value.dim))
            case "state", str(name):
                return self.shifts[name]
            case "random", Random() as random if not random.per_step:
                return self._new(Array("rows", self._size(value.dim)))
            case _:
                raise AssertionError(f"{value} is not a leaf")

    def _input(self, name: str, size: int) -> int:
        number = self.request.constant(name)
        if number == 0 and size != 1:
            return self._zero_vector(size)
        if number is not None:
            return self._new(Array("constant", 1, number=number))
        delay = self.delays.get(name)
        if delay is None:
            return self._buffer(f"input:{name}", Array("stream", size))
        return self._new(
            Array(
                "shift",
                size,
                of=self._buffer(f"input:{delay.of}", Array("stream", size)),
                initial=self._buffer(delay.initial, Array("rows", size)),
                reverse=delay.reverse,
            )
        )

    def _zero_vector(self, size: int) -> int:
        """Return a vector of zeros, computed once."""
        array = self._new(Array("vector", size))
        zero = Element(self._new(Array("constant", 1, number=0.0)), splat=True)
        program = TileProgram(size, instructions=[Instruction("store", Element(array), (zero,))])
        program.num_slots = 1
        self.plan.sections.insert(0, Section("fixed", False, [], [Phase(False, [], [program])]))
        return array

    def array(self, v: int) -> int:
        """Return the array where other programs find a value."""
        value = self.values[v]
        return self._leaf(v) if value.op in LEAVES else self.home[v]

    def _as_stream(self, v: int, dim: str) -> int:
        """Return an array with a place for every step, copying where there is none yet."""
        size = self._size(dim)
        if self._has_time(v) and self._size(self._dim(v)) == size:
            array = self.array(v)
            if self.plan.arrays[array].kind in ("stream", "shift"):
                return array
        made = self._stream(size)
        self.copies.append((v, made))
        return made

    def _has_time(self, v: int) -> bool:
        value = self.values[v]
        if value.op in LEAVES:
            return value.op in ("input", "state")
        return self._section_kind(v) != "once"

    # Homes: which values other programs read

    def _assign_homes(self) -> None:
        escaping, crossing = self._readers()
        for v in sorted(self.live):
            if v not in self.where:
                continue
            size = self._size(self._dim(v))
            kind = self._section_kind(v)
            is_read = v in escaping or v in crossing
            if kind == "once" and is_read:
                self.home[v] = self._new(Array("rows" if v in self.has_rows else "vector", size))
            elif v in escaping:
                self.home[v] = self._stream(size)
                if kind == "loop" and self._dim(v) == BROADCAST and v in crossing:
                    self.private[v] = self._new(Array("local", 1))
            elif v in crossing:
                self.home[v] = self._new(Array("local", size))

    def _readers(self) -> tuple[set[int], set[int]]:
        """Return the values read in other sections, and those read in other phases of their own."""
        escaping = {self.alias[v] for v in (*self.request.keep, *(v for _, v in self.outputs))}
        for r in self.graph.reductions:
            escaping |= {self.alias[v] for v in (r.delta, r.operand) if v is not None}
        crossing: set[int] = set()
        for v in self.live & self.where.keys():
            here = self.where[v]
            is_row_op = self.values[v].op in ROW_OPS
            needs_array = is_row_op or self.values[v].op == "product"
            for a in self.args(v):
                there = self.where.get(a)
                if there is not None and there.section != here.section:
                    escaping.add(a)
                elif there is not None and (needs_array or there != here):
                    crossing.add(a)
            if is_row_op:
                crossing.add(v)
        for loop in self.program.loops:
            for name in loop.states:
                v = self.alias[self.graph.state(name).next]
                if self._is_computed_in(loop, v, name):
                    (escaping if self._is_stream(name) else crossing).add(v)
                elif v in self.where:
                    escaping.add(v)
        return escaping, crossing

    def _is_stream(self, state: str) -> bool:
        """Whether a state is wanted at every step."""
        return state in self.shifted or state in self.request.states

    def _is_computed_in(self, loop: Loop, v: int, state: str) -> bool:
        """Whether a state's next value has an array of its own kind in the loop."""
        return (
            v in self.where
            and self.program.sections[self.where[v].section] is loop
            and self._dim(v) == self.graph.state(state).dim
        )

    def _states_read_outside(self) -> frozenset[str]:
        """Return the states whose value a step before is read outside their own loop."""
        loop_of = {
            name: s
            for s, section in enumerate(self.program.sections)
            if isinstance(section, Loop)
            for name in section.states
        }
        results = {self.alias[v] for v in (*self.request.keep, *(v for _, v in self.outputs))}
        for r in self.graph.reductions:
            results |= {self.alias[v] for v in (r.delta, r.operand) if v is not None}
        readers: dict[int, set[int]] = {}
        for v in self.live & self.where.keys():
            for a in self.args(v):
                readers.setdefault(a, set()).add(self.where[v].section)
        return frozenset(
            state.name
            for state in self.graph.states
            if state.read in results
            or readers.get(state.read, set()) - {loop_of.get(state.name, -1)}
        )

    def _assign_states(self) -> None:
        for s, section in enumerate(self.program.sections):
            if not isinstance(section, Loop):
                continue
            for name in section.states:
                state = self.graph.state(name)
                size = self._size(state.dim)
                v = self.alias[state.next]
                if self._is_computed_in(section, v, name):
                    of = self.home[v]
                else:
                    of = (
                        self._stream(size)
                        if self._is_stream(name)
                        else self._new(Array("local", size))
                    )
                    self.next_copies.setdefault(s, []).append((of, name))
                self.shifts[name] = self._new(
                    Array(
                        "shift",
                        size,
                        of=of,
                        initial=self._buffer(f"initial:{name}", Array("rows", size)),
                        reverse=self.program.reverse,
                    )
                )

    # The whole

    def lower(self) -> Lowered:
        self._assign_homes()
        self._assign_states()
        for v in sorted(self.live):
            if v in self.has_rows and self.values[v].op == "random":
                self._leaf(v)
        self._mask_section()
        for s in range(len(self.program.sections)):
            self._section(s)
        self._results()
        return Lowered(
            self.plan,
            {name: self._buffer_of(array) for name, array in self.streams.items()},
            {self._buffer_of(a): self.plan.arrays[a].size for a in self.streams.values()},
        )

    def _buffer_of(self, array: int) -> str:
        name = self.plan.arrays[array].buffer
        assert name is not None
        return name

    def _mask_section(self) -> None:
        """Draw the masks that hold for a whole sequence."""
        programs: list[TileProgram] = []
        for v, array in self.leaves.items():
            if self.values[v].op == "random":
                made = TileProgram(self.plan.arrays[array].size)
                made.instructions.append(Instruction("random", Element(array), (), self.mask(v)))
                programs.append(made)
        if programs:
            self.plan.sections.append(Section("rows", False, [], [Phase(False, [], programs)]))

    def mask(self, v: int) -> int:
        random = self.values[v].attribute
        assert isinstance(random, Random)
        if v not in self.masks:
            self.masks[v] = len(self.plan.masks)
            self.plan.masks.append(Mask(random.stream, random.probability, random.per_step))
        return self.masks[v]

    def _section(self, s: int) -> None:
        section = self.program.sections[s]
        if isinstance(section, Loop):
            phases = [self._phase(s, p, None) for p in section.phases]
            self._append_next(s, phases)
            states = [
                (
                    self.shifts[name],
                    self._buffer(
                        f"final:{name}",
                        Array("rows", self._size(self.graph.state(name).dim)),
                    ),
                )
                for name in section.states
            ]
            self.plan.sections.append(Section("loop", self.program.reverse, states, phases))
        elif section.once:
            for kind, rows in (("fixed", False), ("rows", True)):
                self._plain(s, "rows" if kind == "rows" else "fixed", section.phases, rows)
        else:
            self._plain(s, "flat", section.phases, None)

    def _plain(
        self, s: int, kind: SectionKind, phases: Iterable[ProgramPhase], rows: bool | None
    ) -> None:
        made = [self._phase(s, phase, rows) for phase in phases]
        made = [phase for phase in made if phase.norms or phase.programs]
        if made:
            self.plan.sections.append(Section(kind, False, [], made))

    def _phase(self, s: int, phase: ProgramPhase, rows: bool | None) -> Phase:
        def belongs(v: int) -> bool:
            return (
                self.alias[v] == v
                and v in self.live
                and (rows is None or (v in self.has_rows) == rows)
            )

        norms = [
            Norm(
                self.values[v].op,
                self.private.get(v, self.home[v]),
                [self.array(a) for a in self.args(v)],
            )
            for v in phase.norms
            if belongs(v)
        ]
        groups = [[v for v in g.products if belongs(v)] for g in phase.products]
        elementwise = [v for v in phase.elementwise if belongs(v)]
        dims = [self._dim(v) for g in groups for v in g]
        dims += [self._dim(v) for v in elementwise if self._dim(v) != BROADCAST]
        programs = [
            _TileLowering(self, s, phase, dim, groups, elementwise).lower()
            for dim in dict.fromkeys(dims)
        ]
        homes = [
            v
            for v in (*elementwise, *(n for n in phase.norms if belongs(n)))
            if self._dim(v) == BROADCAST and (v in self.home)
        ]
        wanted = [v for v in homes if self.values[v].op not in ROW_OPS or v in self.private]
        if wanted:
            programs.append(_TileLowering(self, s, phase, BROADCAST, [], wanted).lower())
        is_loop = isinstance(self.program.sections[s], Loop)
        waits = is_loop and (bool(norms) or any(groups))
        return Phase(waits, norms, [p for p in programs if p.instructions or p.groups])

    def _append_next(self, s: int, phases: list[Phase]) -> None:
        """Copy the next values of states that the loop does not compute itself."""
        for array, name in self.next_copies.get(s, []):
            state = self.graph.state(name)
            v = self.alias[state.next]
            made = TileProgram(self._size(state.dim))
            source = Element(self.array(v), self._dim(v) == BROADCAST)
            made.instructions.append(Instruction("store", Element(array), (source,)))
            if not phases:
                phases.append(Phase(False, [], []))
            phases[-1].programs.append(made)

    def _results(self) -> None:
        for name, v in self.outputs:
            self._result(f"output:{name}", self.alias[v], self._dim(v))
        for v in sorted(self.request.keep):
            self._result(f"keep:{v}", self.alias[v], self._dim(v))
        for name in sorted(self.request.states):
            shift = self.plan.arrays[self.shifts[name]]
            self._export(f"state:{name}", shift.of)
        for reduction in self.graph.reductions:
            self._reduction(
                reduction.parameter, reduction.delta, reduction.operand, reduction.piece
            )
        if self.copies:
            programs: list[TileProgram] = []
            for v, array in self.copies:
                made = TileProgram(self.plan.arrays[array].size)
                source = Element(self.array(v), self._dim(v) == BROADCAST)
                made.instructions.append(Instruction("store", Element(array), (source,)))
                programs.append(made)
            self.plan.sections.append(Section("flat", False, [], [Phase(False, [], programs)]))

    def _result(self, name: str, v: int, dim: str) -> None:
        array = self._as_stream(v, dim)
        held = self.plan.arrays[array]
        if held.kind == "shift" or (held.buffer or "").startswith("input:"):
            array = self._stream(held.size)
            self.copies.append((v, array))
        self._export(name, array)

    def _reduction(self, name: str, delta: int, operand: int | None, piece: int) -> None:
        parameter = self.graph.parameter(name)
        delta = self.alias[delta]
        if operand is None:
            size = 1 if parameter.kind == "scalar" else self._size(parameter.rows)
            target = self._buffer(f"gradient:{name}", Array("vector", size))
            dim = self._dim(delta) if parameter.kind == "scalar" else parameter.rows
            self.plan.reductions.append(Reduction(target, self._as_stream(delta, dim), -1, 0))
            return
        columns = [self._size(p) for p in parameter.pieces]
        target = self._buffer(
            f"gradient:{name}", Array("matrix", self._size(parameter.rows), sum(columns))
        )
        operand = self.alias[operand]
        self.plan.reductions.append(
            Reduction(
                target,
                self._as_stream(delta, parameter.rows),
                self._as_stream(operand, parameter.pieces[piece]),
                sum(columns[:piece]),
            )
        )

    def matrix(self, name: str) -> int:
        """Return the array of a matrix."""
        parameter = self.graph.parameter(name)
        columns = sum(self._size(p) for p in parameter.pieces)
        return self._buffer(
            f"parameter:{name}", Array("matrix", self._size(parameter.rows), columns)
        )

    def block(self, name: str, piece: int, *, transposed: bool) -> Block:
        """Return the block of a factor."""
        pieces = self.graph.parameter(name).pieces
        first = sum(self._size(p) for p in pieces[:piece]) if len(pieces) > 1 else 0
        return Block(self.matrix(name), first, transposed)


class _TileLowering:
    """One phase, one dimension: instructions on slots."""

    def __init__(
        self,
        parent: _Lowering,
        section: int,
        phase: ProgramPhase,
        dim: str,
        groups: list[list[int]],
        elementwise: list[int],
    ) -> None:
        self.parent = parent
        self.values = parent.values
        self.section = section
        self.dim = dim
        self.inside = {v for v in phase.elementwise if parent.alias[v] == v}
        self.groups = groups
        self.elementwise = [v for v in elementwise if parent.values[v].dim == dim]
        self.made = TileProgram(1 if dim == BROADCAST else parent.sizes[dim])
        self.found: dict[int, Operand] = {}
        self.num_virtual = 0
        self.uses = self._count_uses()

    def lower(self) -> TileProgram:
        for members in self.groups:
            own = [v for v in members if self.values[v].dim == self.dim]
            # Those of a group that read the same, and start alike.
            alike: dict[tuple[object, ...], list[int]] = {}
            for v in own:
                alike.setdefault((self.parent.operands(v), v in self.parent.starts), []).append(v)
            for same in alike.values():
                self._group(same)
        for v in self.elementwise:
            if v not in self.found and not self._is_fused(v):
                self._compute(v)
        _allocate(self.made)
        return self.made

    def _count_uses(self) -> dict[int, list[int]]:
        uses: dict[int, list[int]] = {}
        for v in self.elementwise:
            for a in self.parent.args(v):
                uses.setdefault(a, []).append(v)
        return uses

    def _is_fused(self, v: int) -> bool:
        """Whether a product of two numbers is made by the one addition that reads it."""
        if self.values[v].op != "mul" or v in self.parent.home or v not in self.inside:
            return False
        users = self.uses.get(v, [])
        if len(users) != 1:
            return False
        user = users[0]
        args = self.parent.args(user)
        match self.values[user].op:
            case "add":
                # Of two products, the second is fused.
                return args[1] == v or not self._could_fuse(args[1])
            case "sub":
                return args[1] == v
            case _:
                return False

    def _could_fuse(self, v: int) -> bool:
        return (
            self.values[v].op == "mul"
            and v in self.inside
            and v not in self.parent.home
            and len(self.uses.get(v, [])) == 1
        )

    def _slot(self) -> Slot:
        self.num_virtual += 1
        return Slot(self.num_virtual - 1)

    def _emit(self, op: str, target: Operand, *args: Operand, random: int = -1) -> None:
        self.made.instructions.append(Instruction(op, target, args, random))

    def _group(self, products: list[int]) -> None:
        parent = self.parent
        slots: list[Slot] = []
        starts: list[int] = []
        blocks: list[list[Block]] = []
        for v in products:
            slot = self._slot()
            slots.append(slot)
            self.found[v] = slot
            start = parent.starts.get(v)
            starts.append(-1 if start is None else parent.array(parent.alias[start]))
            blocks.append(
                [
                    parent.block(f.parameter, f.piece, transposed=f.transposed)
                    for f in parent.factors(v)
                ]
            )
        operands = [parent.array(parent.alias[a]) for a in parent.operands(products[0])]
        self.made.groups.append(Group(operands, slots, starts, blocks))
        for v in products:
            if v in parent.home:
                self._emit("store", Element(parent.home[v]), self.found[v])

    def _operand(self, v: int) -> Operand:
        """Return where an argument is found, computing it where that is the way."""
        if v in self.found:
            return self.found[v]
        parent, value = self.parent, self.values[v]
        if isinstance(value.attribute, Random) and value.attribute.per_step:
            slot = self._slot()
            self._emit("random", slot, random=parent.mask(v))
            self.found[v] = slot
            return slot
        is_here = v in self.inside and value.op not in LEAVES
        if is_here and value.dim == BROADCAST:
            self._compute(v)
            return self.found[v]
        splat = value.dim == BROADCAST and self.dim != BROADCAST
        array = parent.private.get(v)
        return Element(parent.array(v) if array is None else array, splat)

    def _compute(self, v: int) -> None:
        """Compute a value into its home, or a slot."""
        parent, value = self.parent, self.values[v]
        if value.op in ROW_OPS:  # computed by its norm: here for the stream of it
            self._emit("store", Element(parent.home[v]), Element(parent.private[v]))
            return
        op, args = self._fused(v)
        operands = [self._operand(a) for a in args]
        if len(operands) == 1 and isinstance(operands[0], Element) and operands[0].splat:
            slot = self._slot()
            self._emit("copy", slot, operands[0])
            operands = [slot]
        is_own = value.dim == self.dim
        if is_own and v in parent.private:
            target: Operand = Element(parent.private[v])
        elif is_own and v in parent.home:
            target = Element(parent.home[v])
        else:
            target = self._slot()
        self._emit(op, target, *operands)
        self.found[v] = target
        if is_own and v in parent.private:
            self._emit("store", Element(parent.home[v]), target)

    def _fused(self, v: int) -> tuple[str, tuple[int, ...]]:
        value, args = self.values[v], self.parent.args(v)
        if value.op == "add" and args[0] != args[1]:
            for k in (1, 0):
                if self._is_fused(args[k]) and self.uses[args[k]] == [v]:
                    return "fma", (*self.parent.args(args[k]), args[1 - k])
        if value.op == "sub" and args[0] != args[1] and self._is_fused(args[1]):
            return "fnma", (*self.parent.args(args[1]), args[0])
        return value.op, args


class _Slots:
    """Slots for values that are made, read and forgotten."""

    def __init__(self) -> None:
        self.count = 0
        self.taken: dict[int, Slot] = {}
        self._free: list[int] = []

    def take(self, virtual: int) -> Slot:
        """Return the slot of a value, a new one if it has none."""
        if virtual not in self.taken:
            if not self._free:
                self._free.append(self.count)
                self.count += 1
            self.taken[virtual] = Slot(self._free.pop())
        return self.taken[virtual]

    def release(self, slot: Slot) -> None:
        """Take a slot back."""
        self._free.append(slot.index)


def _allocate(program: TileProgram) -> None:
    """Give slots to values so that few are needed: a slot is free after its last reading."""
    last: dict[int, int] = {}
    for k, i in enumerate(program.instructions):
        for operand in (*i.args, i.target):
            if isinstance(operand, Slot):
                last[operand.index] = k
    slots = _Slots()
    for group in program.groups:
        group.slots = [slots.take(slot.index) for slot in group.slots]
    for k, i in enumerate(program.instructions):
        args = tuple(slots.taken[a.index] if isinstance(a, Slot) else a for a in i.args)
        for virtual in {a.index for a in i.args if isinstance(a, Slot)}:
            if last[virtual] == k:
                slots.release(slots.taken[virtual])
        target = i.target
        if isinstance(target, Slot):
            is_read = last[target.index] > k
            target = slots.take(target.index)
            if not is_read:
                slots.release(target)
        i.args, i.target = args, target
    program.num_slots = max(slots.count, 1)
