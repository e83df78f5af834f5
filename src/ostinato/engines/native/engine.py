"""Programs on the CPU through plans, as an operator of torch: ``ostinato::scan``.

The operator has a fake kernel, so that ``torch.compile`` and ``torch.export`` see one node, and a
backward pass: the adjoint program, run by ``ostinato::scan_backward``. A backward pass that must
itself be differentiated runs on the eager engine.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, wraps
from typing import Any, Final, ParamSpec, TypeVar, cast

import torch
from torch import Tensor

from ostinato.core.caches import remember
from ostinato.core.errors import OptionError
from ostinato.engines import eager
from ostinato.engines.eager import Call, Result
from ostinato.engines.native.executor import (
    BufferSpec,
    Executor,
    Precision,
    executor,
    fitting,
)
from ostinato.engines.native.lower import Delay, Request
from ostinato.engines.parameters import Stacked
from ostinato.equations.adjoint import adjoint
from ostinato.equations.program import Adjoint, Program, program_called
from ostinato.equations.rewrites import VALID
from ostinato.equations.saves import SaveVariant

PRECISIONS: Final[dict[torch.dtype, Precision]] = {
    torch.float32: "float32",
    torch.float64: "float64",
}

P = ParamSpec("P")
R = TypeVar("R")

Views = dict[str, Tensor]
Again = Callable[[Sequence[Tensor], Mapping[str, Tensor], Sequence[Tensor]], Sequence[Tensor]]
"""``(inputs, parameters, initial) -> outputs and final states``, in the program's order."""

_MOST_KEPT: Final = 1024
_MOST_PASSES: Final = 64


def untraced(function: Callable[P, R]) -> Callable[P, R]:
    """Keep torch.compile out of a function: meeting its frames alone, it would trace addresses.

    Its own way to say so imports the compiler, which takes longer than all the rest.
    """
    hidden: list[Callable[P, R]] = []

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if "torch._dynamo" not in sys.modules:
            return function(*args, **kwargs)
        if not hidden:
            hidden.append(cast("Any", torch.compiler.disable)(function))
        return hidden[0](*args, **kwargs)

    return call


@dataclass(frozen=True)
class Scan:
    """What an operator call runs: everything but tensors.

    Attributes:
        program: of one direction.
        sizes: dimension class to size.
        keep: values wanted at every step.
        states: states wanted at every step.
        memory: what the forward pass saves for the backward pass.
        checkpoint_every: steps between saved states; 0 saves every step.
        trim: the call brings lengths, and no step past a row's end is run.
        stacks: the parameters, those together that lie one under another in a tensor.
    """

    program: Program
    sizes: tuple[tuple[str, int], ...]
    keep: tuple[int, ...]
    states: tuple[str, ...]
    memory: SaveVariant
    checkpoint_every: int
    trim: bool
    stacks: tuple[tuple[str, ...], ...]

    @property
    def input_names(self) -> list[str]:
        """The streams that the operator takes."""
        return [i.name for i in self.program.graph.inputs if not (self.trim and i.name == VALID)]

    @property
    def state_names(self) -> list[str]:
        """The states whose initial values the operator takes."""
        return [s.name for s in self.program.graph.states]

    @cached_property
    def given_names(self) -> list[str]:
        """The buffers of streams and initial states, in the operator's order."""
        return [
            *[f"input:{name}" for name in self.input_names],
            *[f"initial:{name}" for name in self.state_names],
        ]

    @cached_property
    def part_names(self) -> dict[str, list[tuple[str, ...]]]:
        """The buffers of the parts of every stack, by role: ``parameter``, ``gradient``."""
        return {
            role: [tuple([f"{role}:{name}" for name in names]) for names in self.stacks]
            for role in ("parameter", "gradient")
        }

    @property
    def adjoint(self) -> Adjoint:
        """The backward pass."""
        key = self.program.name, self.memory
        found = _adjoints.get(key)
        if found is None:
            found = remember(_adjoints, key, adjoint(self.program, self.memory), _MOST_KEPT)
        return found

    @cached_property
    def _passes(self) -> dict[object, Executor]:
        return {}

    def _known(self, key: object, make: Callable[[], Executor]) -> Executor:
        """Return the executor that was made under a key before; batch sizes may be many."""
        found = self._passes.get(key)
        return remember(self._passes, key, make(), _MOST_PASSES) if found is None else found

    def forward(self, *, saves: bool, num_rows: int) -> Executor:
        """Return the executor of the forward pass."""
        return self._known((saves, num_rows), lambda: self._make_forward(saves, num_rows))

    def _make_forward(self, saves: bool, num_rows: int) -> Executor:
        keep, states = self.keep, self.states
        if saves:
            keep = tuple(dict.fromkeys((*keep, *self.adjoint.saved)))
            states = tuple(self.state_names)
        sizes = dict(self.sizes)
        fuse, sink = fitting(self.program, sizes, num_rows)
        request = Request(keep, states, trim=self.trim, fuse=fuse, sink=sink)
        return executor(self.program, sizes, request)

    def backward(self, zeros: tuple[str, ...], outputs: tuple[str, ...], num_rows: int) -> Executor:
        """Return the executor of the backward pass."""
        key = zeros, outputs, num_rows
        return self._known(key, lambda: self._make_backward(zeros, outputs, num_rows))

    def _make_backward(
        self, zeros: tuple[str, ...], outputs: tuple[str, ...], num_rows: int
    ) -> Executor:
        used = {i.name for i in self.adjoint.program.graph.inputs}
        delays = [
            (f"last:{s}", Delay(f"next:{s}", f"initial:{s}", self.program.reverse))
            for s in self.state_names
            if f"last:{s}" in used
        ]
        sizes = dict(self.sizes)
        fuse, sink = fitting(self.program, sizes, num_rows)
        request = Request(
            delays=tuple(delays),
            zeros=tuple([name for name in zeros if name in used]),
            outputs=outputs,
            trim=self.trim,
            fuse=fuse,
            sink=sink,
        )
        return executor(self.adjoint.program, sizes, request)

    @property
    def key(self) -> str:
        """The scan as text, for the operator's schema; made of nothing that tracers stumble on."""
        sizes = ",".join([f"{name}={size}" for name, size in self.sizes])
        keep = ",".join([f"{v}" for v in self.keep])
        states = ",".join(self.states)
        stacks = ",".join(["+".join(names) for names in self.stacks])
        return (
            f"{self.program.name};{sizes};{keep};{states};{self.memory};"
            f"{self.checkpoint_every};{self.trim:d};{stacks}"
        )

    @cached_property
    def results(self) -> list[str]:
        """Names of what the operator returns first, such as ``output:y`` and ``final:h``."""
        graph = self.program.graph
        return [
            *[f"output:{name}" for name, _ in graph.outputs],
            *[f"final:{s.name}" for s in graph.states],
            *[f"state:{name}" for name in self.states],
            *[f"keep:{v}" for v in self.keep],
            *[f"gradient:{name}" for name in self.reduced],
        ]

    def results_in(self, engine: Executor) -> list[tuple[str, bool, bool]]:
        """Return the buffers of the results, whether one comes again, and if it is a number."""
        found = self._results_in.get(engine)
        if found is not None:
            return found
        made: list[tuple[str, bool, bool]] = []
        scalars = {p.name for p in self.program.graph.parameters if p.kind == "scalar"}
        seen: set[str] = set()
        for name in self.results:
            role, _, of = name.partition(":")
            buffer = engine.streams.get(name, name)
            made.append((buffer, buffer in seen, role == "gradient" and of in scalars))
            seen.add(buffer)
        return remember(self._results_in, engine, made, _MOST_PASSES)

    def rest_in(self, engine: Executor) -> list[str]:
        """Return the buffers that only the backward pass reads."""
        found = self._rest_in.get(engine)
        if found is not None:
            return found
        seen = {engine.streams.get(name, name) for name in self.results}
        roles = [f"state:{name}" for name in self.state_names]
        roles += [f"keep:{v}" for v in self.adjoint.saved]
        names = dict.fromkeys(engine.streams[role] for role in roles)
        made = [name for name in names if name not in seen]
        return remember(self._rest_in, engine, made, _MOST_PASSES)

    @cached_property
    def _rest_in(self) -> dict[Executor, list[str]]:
        return {}

    @cached_property
    def _results_in(self) -> dict[Executor, list[tuple[str, bool, bool]]]:
        return {}

    @property
    def reduced(self) -> list[str]:
        """Parameters whose gradients the program itself computes: it is an adjoint."""
        names = {r.parameter for r in self.program.graph.reductions}
        return [p.name for p in self.program.graph.parameters if p.name in names]


_adjoints: dict[tuple[str, SaveVariant], Adjoint] = {}
_scans: dict[str, Scan] = {}
_scans_of_calls: dict[tuple[object, ...], Scan] = {}


def _shared(scan: Scan) -> Scan:
    """Return the one scan that equals this one, which knows its executors."""
    found = _scans.get(scan.key)
    return remember(_scans, scan.key, scan, _MOST_KEPT) if found is None else found


def _scan_of(
    program: Program, call: Call, stacks: tuple[tuple[str, ...], ...], *, trim: bool
) -> Scan:
    """Return the scan of a call."""
    sizes, keep, states = tuple(call.sizes.items()), tuple(call.keep), tuple(call.states)
    given = sizes, keep, states, call.memory, call.checkpoint_every, trim, stacks
    if torch.compiler.is_compiling():  # a tracer would guard on what is remembered
        return Scan(program, *given)
    key = program.name, *given
    found = _scans_of_calls.get(key)
    if found is None:
        found = remember(_scans_of_calls, key, _shared(Scan(program, *given)), _MOST_KEPT)
    return found


def _scan(key: str) -> Scan:
    """Return the scan that a key describes."""
    if key in _scans:
        return _scans[key]
    name, sizes, keep, states, memory, checkpoint_every, trim, stacks = key.split(";")
    program = program_called(name)
    if program is None:
        raise OptionError(
            f"got a graph with the compiled cell {name!r}, which this process has not built\n"
            "mend: trace or export in the process that runs it, or export with engine='eager'"
        )
    pairs = [pair.split("=") for pair in sizes.split(",") if pair]
    made = Scan(
        program,
        tuple((dim, int(size)) for dim, size in pairs),
        tuple(int(v) for v in keep.split(",") if v),
        tuple(s for s in states.split(",") if s),
        cast("SaveVariant", memory),
        int(checkpoint_every),
        trim == "1",
        tuple(tuple(names.split("+")) for names in stacks.split(",") if names),
    )
    return _shared(made)


def run(program: Program, call: Call) -> Result:
    """Run a program on streams of ``T`` steps and ``B`` rows; differentiable."""
    graph = program.graph
    first = next(iter(call.inputs.values()))
    dtype = next((s.dtype for s in call.inputs.values() if s.is_floating_point()), first.dtype)
    if dtype == torch.bfloat16:
        return _converted(run(program, _wide(call)), dtype)
    if graph.reductions and torch.is_grad_enabled():
        groups = call.inputs.values(), call.parameters.values(), call.initial.values()
        if _any_requires_grad(*groups):
            return eager.run(program, call)
    # Who looks at values past a row's end, or brings gradients there, wants them computed.
    trim = VALID in call.inputs and not (
        call.keep or any(i.name.startswith("grad_state:") for i in graph.inputs)
    )
    parameters, names = _stacks(program, call.parameters)
    scan = _scan_of(program, call, names, trim=trim)
    valid = call.inputs[VALID] if trim else None
    lengths = None if valid is None else valid.sum(0)[:, 0]
    inputs = [call.inputs[name] for name in scan.input_names]
    inputs = [x if x.dtype == dtype else x.to(dtype) for x in inputs]
    initial = [call.initial[name] for name in scan.state_names]
    saves = (
        (torch.is_grad_enabled() or _is_traced())  # a trace is checked without gradients
        and not graph.reductions
        and _any_requires_grad(inputs, parameters, initial)
    )
    found: Sequence[Tensor]
    if not is_plain(first):
        found = torch.ops.ostinato.scan(
            inputs, parameters, initial, lengths, call.seed, call.first_step, scan.key, saves
        )
    else:
        rest = lengths, call.seed, call.first_step
        found = _run_untraced(scan, inputs, parameters, initial, rest, saves=saves)
    results = iter(found)
    outputs = {name: next(results) for name, _ in graph.outputs}
    final = {name: next(results) for name in scan.state_names}
    states = {name: next(results) for name in scan.states}
    kept = {v: next(results) for v in scan.keep}
    reductions = {name: next(results) for name in scan.reduced}
    if valid is not None:
        assert lengths is not None
        for name, stream in states.items():
            held = call.initial[name]
            if not program.reverse and len(stream):
                last = (lengths - 1).clamp_min(0)[None, :, None].expand(1, *stream.shape[1:])
                held = torch.where(valid.any(0), stream.gather(0, last)[0], held)
            states[name] = torch.where(valid, stream, held)
    return Result(outputs, final, states, kept, reductions)


def _wide(call: Call) -> Call:
    """Return a call in float32: state and sums are, whatever the weights are."""
    return replace(
        call,
        inputs={n: x.float() if x.is_floating_point() else x for n, x in call.inputs.items()},
        parameters={n: x.float() for n, x in call.parameters.items()},
        initial={n: x.float() for n, x in call.initial.items()},
    )


def _converted(result: Result, dtype: torch.dtype) -> Result:
    return Result(
        {n: x.to(dtype) for n, x in result.outputs.items()},
        {n: x.to(dtype) for n, x in result.final.items()},
        {n: x.to(dtype) for n, x in result.states.items()},
        {n: x.to(dtype) for n, x in result.kept.items()},
        {n: x.to(dtype) for n, x in result.reductions.items()},
    )


def prepare(program: Program, call: Call) -> Again | None:
    """Return what runs further calls such as one that was run; None where each has its own way."""
    graph = program.graph
    if graph.reductions or call.seed is not None or VALID in call.inputs or call.keep:
        return None
    dtype = next(iter(call.inputs.values())).dtype
    if dtype not in PRECISIONS:
        return None
    scan = _scan_of(program, call, _stacks(program, call.parameters)[1], trim=False)
    first = call.first_step

    def again(
        inputs: Sequence[Tensor], parameters: Mapping[str, Tensor], initial: Sequence[Tensor]
    ) -> Sequence[Tensor]:
        tensors, _ = _stacks(program, parameters)
        saves = torch.is_grad_enabled() and _any_requires_grad(inputs, tensors, initial)
        return _run_untraced(scan, inputs, tensors, initial, (None, None, first), saves=saves)

    return again


def _run_plain(
    scan: Scan,
    inputs: Sequence[Tensor],
    parameters: Sequence[Tensor],
    initial: Sequence[Tensor],
    rest: tuple[Tensor | None, Tensor | None, int],
    *,
    saves: bool,
) -> Sequence[Tensor]:
    """Run a scan where nothing watches that would have to see one operator.

    ``rest`` is lengths, seed and number of the first step. Returns what ``scan.results`` names.
    """
    if saves:
        counts = len(inputs), len(parameters), len(initial)
        tensors = (*inputs, *parameters, *initial)
        return cast("Any", _Differentiable).apply(scan, counts, *rest, *tensors)
    machine = _Machine(scan, inputs, parameters, initial, *rest)
    return _forward(scan, machine, saves=False)[0]


_run_untraced = untraced(_run_plain)


_used: dict[str, frozenset[str]] = {}


def _names_of_parameters(program: Program) -> frozenset[str]:
    if torch.compiler.is_compiling():
        return frozenset([p.name for p in program.graph.parameters])
    found = _used.get(program.name)
    if found is None:
        names = frozenset([p.name for p in program.graph.parameters])
        found = remember(_used, program.name, names, _MOST_KEPT)
    return found


def _stacks(
    program: Program, parameters: Mapping[str, Tensor]
) -> tuple[list[Tensor], tuple[tuple[str, ...], ...]]:
    """Return the tensors that hold a program's parameters, and which of them each holds."""
    used = _names_of_parameters(program)
    tensors: list[Tensor] = []
    found: list[tuple[str, ...]] = []
    rest = set(used)
    if isinstance(parameters, Stacked):
        for tensor, names in parameters.stacks:
            if used.issuperset(names):
                tensors.append(tensor)
                found.append(names)
                rest.difference_update(names)
    if rest:
        for parameter in program.graph.parameters:
            if parameter.name in rest:
                tensors.append(parameters[parameter.name])
                found.append((parameter.name,))
    return tensors, tuple(found)


def is_plain(tensor: Tensor) -> bool:
    """Whether nothing watches the call that would have to see one operator in it."""
    if torch.compiler.is_compiling() or _is_traced():
        return False
    if type(tensor) not in (Tensor, torch.nn.Parameter):
        return False
    # torch has no public question for it.
    num_modes: int = torch._C._len_torch_dispatch_stack()  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue, reportUnknownVariableType]
    return num_modes == 0


def _is_traced() -> bool:
    """Whether torch.jit.trace follows the call."""
    return bool(torch.jit.is_tracing())  # pyright: ignore[reportPrivateImportUsage]


def _any_requires_grad(*groups: Iterable[Tensor]) -> bool:
    for group in groups:
        for tensor in group:
            if tensor.requires_grad:
                return True
    return False


# The operators

torch.library.define(
    "ostinato::scan",
    "(Tensor[] inputs, Tensor[] parameters, Tensor[] initial, Tensor? lengths, Tensor? seed,"
    " int first_step, str key, bool saves) -> Tensor[]",
)
torch.library.define(
    "ostinato::scan_backward",
    "(Tensor[] inputs, Tensor[] parameters, Tensor[] initial, Tensor[] made, Tensor?[] gradients,"
    " Tensor? lengths, Tensor? seed, int first_step, str key, bool wants_inputs) -> Tensor[]",
)


def _fake(operator: str) -> Callable[[Callable[..., list[Tensor]]], Callable[..., list[Tensor]]]:
    return cast("Any", torch.library.register_fake)(operator)


@torch.library.impl("ostinato::scan", "CPU")
@untraced
def _scan_cpu(
    inputs: Sequence[Tensor],
    parameters: Sequence[Tensor],
    initial: Sequence[Tensor],
    lengths: Tensor | None,
    seed: Tensor | None,
    first_step: int,
    key: str,
    saves: bool,
) -> list[Tensor]:
    scan = _scan(key)
    machine = _Machine(scan, inputs, parameters, initial, lengths, seed, first_step)
    results, rest = _forward(scan, machine, saves=saves, is_operator=True)
    return [*results, *rest]


def _forward(
    scan: Scan, machine: _Machine, *, saves: bool, is_operator: bool = False
) -> tuple[list[Tensor], list[Tensor]]:
    """Return what a run was asked for, and what only its backward pass reads.

    An operator may not return parts of one tensor.
    """
    saves_streams = saves and not scan.checkpoint_every
    engine = scan.forward(saves=saves_streams, num_rows=machine.num_rows)
    together = scan.rest_in(engine) if saves_streams and not is_operator else ()
    made = machine.allocate(engine.made, together=together)
    if not scan.checkpoint_every:
        machine.run(engine, {**machine.given, **made})
        return _results(scan, engine, made), _rest(scan, engine, made) if saves else []
    carried = {s: machine.given[f"initial:{s}"] for s in scan.state_names}
    marks = {
        s: tensor.new_empty((machine.num_pieces, machine.num_rows, tensor.shape[-1]))
        for s, tensor in carried.items()
    }
    for piece in machine.pieces(reverse=scan.program.reverse):
        for s, tensor in carried.items():
            marks[s][piece.index] = tensor
        start = {f"initial:{s}": marks[s][piece.index] for s in carried}
        given = piece.of(machine.given) | start
        machine.run(engine, {**given, **piece.of(made)}, piece)
        carried = {s: made[f"final:{s}"] for s in carried}
    if not machine.num_pieces:
        for s, tensor in carried.items():
            made[f"final:{s}"].copy_(tensor)
    return _results(scan, engine, made), list(marks.values()) if saves else []


def _results(scan: Scan, engine: Executor, made: Views) -> list[Tensor]:
    """Return what a run was asked for, in order; an operator may not return one tensor twice."""
    found: list[Tensor] = []
    for buffer, is_again, is_scalar in scan.results_in(engine):
        tensor = made[buffer].clone() if is_again else made[buffer]
        found.append(tensor.reshape(()) if is_scalar else tensor)
    return found


def _rest(scan: Scan, engine: Executor, made: Views) -> list[Tensor]:
    """Return the streams that only the backward pass reads."""
    return [made[name] for name in scan.rest_in(engine)]


def _buffers(scan: Scan, engine: Executor, returned: Sequence[Tensor]) -> Views:
    """Return the buffers of a run from what the operator returned."""
    found: Views = {}
    for name, tensor in zip(scan.results, returned, strict=False):
        found.setdefault(engine.streams.get(name, name), tensor)
    rest = returned[len(scan.results) :]
    return found | dict(zip(scan.rest_in(engine), rest, strict=True))


@_fake("ostinato::scan")
def _scan_fake(
    inputs: Sequence[Tensor],
    parameters: Sequence[Tensor],  # noqa: ARG001
    initial: Sequence[Tensor],  # noqa: ARG001
    lengths: Tensor | None,  # noqa: ARG001
    seed: Tensor | None,  # noqa: ARG001
    first_step: int,  # noqa: ARG001
    key: str,
    saves: bool,
) -> list[Tensor]:
    scan = _scan(key)
    num_steps, num_rows = inputs[0].shape[:2]
    engine = scan.forward(saves=saves and not scan.checkpoint_every, num_rows=0)
    made = {s.name: inputs[0].new_empty(s.shape(num_steps, num_rows)) for s in engine.made}
    found = _results(scan, engine, made)
    if saves and scan.checkpoint_every:
        num_pieces = -(-num_steps // scan.checkpoint_every)
        sizes = dict(scan.sizes)
        for state in scan.program.graph.states:
            found.append(inputs[0].new_empty((num_pieces, num_rows, sizes[state.dim])))
    elif saves:
        found.extend(_rest(scan, engine, made))
    return found


@torch.library.impl("ostinato::scan_backward", "CPU")
@untraced
def _scan_backward_cpu(
    inputs: Sequence[Tensor],
    parameters: Sequence[Tensor],
    initial: Sequence[Tensor],
    made: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
    lengths: Tensor | None,
    seed: Tensor | None,
    first_step: int,
    key: str,
    wants_inputs: bool,
) -> list[Tensor]:
    scan = _scan(key)
    machine = _Machine(scan, inputs, parameters, initial, lengths, seed, first_step)
    return _back(scan, machine, made, gradients, wants_inputs=wants_inputs)


def _back(
    scan: Scan,
    machine: _Machine,
    made: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
    *,
    wants_inputs: bool,
) -> list[Tensor]:
    """Return the gradients of streams, stacks and initial states; one that is 0 is empty."""
    given, zeros = machine.gradients(gradients)
    wanted = tuple(scan.input_names) if wants_inputs else ()
    engine = scan.backward(zeros, wanted, machine.num_rows)
    found = machine.allocate(engine.made)
    sums = machine.allocate_sums(engine)
    if not scan.checkpoint_every:
        saved = machine.saved(_buffers(scan, machine.forward, made))
        machine.run(engine, {**machine.given, **saved, **given, **found})
        return _in_order(scan, engine, found, sums, wanted, machine)
    marks = dict(zip(scan.state_names, made[len(scan.results) :], strict=True))
    forward = machine.forward
    adds = False
    for piece in machine.pieces(reverse=not scan.program.reverse):
        start = {f"initial:{s}": mark[piece.index] for s, mark in marks.items()}
        here = piece.of(machine.given) | start
        again = machine.allocate(forward.made, piece.num_steps, scan.rest_in(forward))
        machine.run(forward, {**here, **again}, piece)
        here |= machine.saved(again) | piece.of(given)
        machine.run(engine, {**here, **piece.of(found)}, piece, adds=adds)
        adds = True
        for s in scan.state_names:
            given[f"initial:d:{s}"] = found[f"final:d:{s}"].clone()
    if not machine.num_pieces:
        for s in scan.state_names:
            found[f"final:d:{s}"].copy_(given[f"initial:d:{s}"])
        for tensor in sums:
            tensor.zero_()
    return _in_order(scan, engine, found, sums, wanted, machine)


@_fake("ostinato::scan_backward")
def _scan_backward_fake(
    inputs: Sequence[Tensor],
    parameters: Sequence[Tensor],
    initial: Sequence[Tensor],
    made: Sequence[Tensor],  # noqa: ARG001
    gradients: Sequence[Tensor | None],  # noqa: ARG001
    lengths: Tensor | None,  # noqa: ARG001
    seed: Tensor | None,  # noqa: ARG001
    first_step: int,  # noqa: ARG001
    key: str,
    wants_inputs: bool,
) -> list[Tensor]:
    scan = _scan(key)
    num_rows = inputs[0].shape[1]
    back = scan.adjoint.program.graph
    names = {name for name, _ in back.outputs} if wants_inputs else set[str]()
    reduced = {r.parameter for r in back.reductions}
    stacks = zip(scan.stacks, parameters, strict=True)
    nothing = inputs[0].new_empty(0)
    return [
        *(
            x.new_empty(x.shape) if n in names else nothing
            for n, x in zip(scan.input_names, inputs, strict=True)
        ),
        *(p.new_empty(p.shape) if reduced.intersection(names) else nothing for names, p in stacks),
        *(s.new_empty((num_rows, s.shape[-1])) for s in initial),
    ]


def _in_order(
    scan: Scan,
    engine: Executor,
    found: Views,
    sums: list[Tensor],
    wanted: Sequence[str],
    machine: _Machine,
) -> list[Tensor]:
    """Return the gradients in the order of the operator's tensors."""
    nothing = torch.empty(0, dtype=machine.dtype)
    gradients: list[Tensor] = []
    for name in scan.input_names:
        stream = engine.streams.get(f"output:{name}") if name in wanted else None
        gradients.append(nothing if stream is None else found[stream])
    return [*gradients, *sums, *(found[f"final:d:{name}"] for name in scan.state_names)]


def _set_up(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    streams, parameters, initial, lengths, seed, first_step, key, saves = inputs
    assert saves, "a call whose tensors need gradients saves nothing for them"
    tensors = [*streams, *parameters, *initial]
    _remember(ctx, tensors, output, (len(streams), len(parameters), len(initial)))
    ctx.call = lengths, seed, first_step
    ctx.key = key


def _remember(
    ctx: Any, tensors: Sequence[Tensor], made: Sequence[Tensor], counts: tuple[int, int, int]
) -> None:
    ctx.counts = *counts, len(made)
    ctx.save_for_backward(*tensors, *made)
    ctx.set_materialize_grads(False)


def _recalled(ctx: Any) -> list[list[Tensor]]:
    """Return streams, stacks, initial states and what the forward pass made."""
    tensors: list[Tensor] = list(ctx.saved_tensors)
    groups: list[list[Tensor]] = []
    for count in ctx.counts:
        groups.append(tensors[:count])
        tensors = tensors[count:]
    return groups


def _backward(ctx: Any, gradients: list[Tensor | None]) -> tuple[Any, ...]:
    inputs, parameters, initial, made = _recalled(ctx)
    lengths, seed, first_step = ctx.call
    if torch.is_grad_enabled():
        found = _differentiable_backward(
            _scan(ctx.key), inputs, parameters, initial, gradients, ctx.call
        )
    else:
        given = inputs, parameters, initial, made, gradients, lengths, seed, first_step, ctx.key
        found = torch.ops.ostinato.scan_backward(*given, any(ctx.needs_input_grad[0]))
        found = _without_empty(found, [*inputs, *parameters, *initial])
    streams, weights = len(inputs), len(inputs) + len(parameters)
    groups = found[:streams], found[streams:weights], found[weights:]
    return (*groups, None, None, None, None, None)


def _without_empty(found: Sequence[Tensor], like: Sequence[Tensor]) -> list[Tensor | None]:
    return [g if g.numel() or not t.numel() else None for g, t in zip(found, like, strict=True)]


torch.library.register_autograd("ostinato::scan", _backward, setup_context=_set_up)


class _Differentiable(torch.autograd.Function):
    """The operator in eager mode.

    Torch's general wrapping of Python operators costs more than a short sequence does.
    """

    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any,
        scan: Scan,
        counts: tuple[int, int, int],
        lengths: Tensor | None,
        seed: Tensor | None,
        first_step: int,
        *tensors: Tensor,
    ) -> tuple[Tensor, ...]:
        first, second = counts[0], counts[0] + counts[1]
        groups = tensors[:first], tensors[first:second], tensors[second:]
        machine = _Machine(scan, *groups, lengths, seed, first_step)
        results, rest = _forward(scan, machine, saves=True)
        _remember(ctx, tensors, [*results, *rest], counts)
        ctx.call = lengths, seed, first_step
        ctx.scan = scan
        return tuple(results)

    @staticmethod
    @untraced
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        inputs, parameters, initial, made = _recalled(ctx)
        found: Sequence[Tensor | None]
        if torch.is_grad_enabled():
            found = _differentiable_backward(
                ctx.scan, inputs, parameters, initial, gradients, ctx.call
            )
        else:
            machine = _Machine(ctx.scan, inputs, parameters, initial, *ctx.call)
            first = 5  # the arguments before the tensors
            wants_inputs = any(ctx.needs_input_grad[first : first + len(inputs)])
            found = _without_empty(
                _back(ctx.scan, machine, made, gradients, wants_inputs=wants_inputs),
                [*inputs, *parameters, *initial],
            )
        return (None, None, None, None, None, *found)


def _differentiable_backward(
    scan: Scan,
    inputs: list[Tensor],
    parameters: list[Tensor],
    initial: list[Tensor],
    gradients: Sequence[Tensor | None],
    call: tuple[Tensor | None, Tensor | None, int],
) -> list[Tensor | None]:
    """Return the gradients as differentiable functions, by the eager engine."""
    lengths, seed, first_step = call
    streams = dict(zip(scan.input_names, inputs, strict=True))
    if lengths is not None:
        steps = torch.arange(inputs[0].shape[0])[:, None, None]
        streams[VALID] = steps < lengths[None, :, None]
    result = eager.run(
        scan.program,
        Call(
            streams,
            Stacked(list(zip(parameters, scan.stacks, strict=True))),
            dict(zip(scan.state_names, initial, strict=True)),
            dict(scan.sizes),
            seed,
            first_step,
            states=scan.states,
        ),
    )
    states = result.states
    if lengths is not None:
        states = {name: torch.where(streams[VALID], s, 0) for name, s in states.items()}
    made = [*result.outputs.values(), *result.final.values(), *(states[n] for n in scan.states)]
    pairs = [
        (tensor, gradient)
        for tensor, gradient in zip(made, gradients, strict=False)
        if gradient is not None and tensor.requires_grad
    ]
    tensors = [*inputs, *parameters, *initial]
    leaves = [t for t in tensors if t.requires_grad]
    found = iter(
        torch.autograd.grad(
            [output for output, _ in pairs],
            leaves,
            [gradient for _, gradient in pairs],
            create_graph=True,
            allow_unused=True,
        )
    )
    return [next(found) if t.requires_grad else None for t in tensors]


# Running


@dataclass(frozen=True)
class _Piece:
    """Some steps of a sequence."""

    index: int
    first: int
    num_steps: int

    def of(self, buffers: Mapping[str, Tensor]) -> Views:
        """Return the buffers of these steps: the streams are cut, the others whole."""
        last = self.first + self.num_steps
        return {n: t[self.first : last] if t.dim() == 3 else t for n, t in buffers.items()}


class _Machine:
    """One call: its tensors as buffers, whole or piece by piece."""

    def __init__(
        self,
        scan: Scan,
        inputs: Sequence[Tensor],
        parameters: Sequence[Tensor],
        initial: Sequence[Tensor],
        lengths: Tensor | None,
        seed: Tensor | None,
        first_step: int,
    ) -> None:
        self.scan = scan
        self.num_steps, self.num_rows = inputs[0].shape[:2]
        self.dtype = inputs[0].dtype
        self.lengths = lengths
        self.seed = 0 if seed is None else int(seed)
        self.first_step = first_step
        self.given = dict(zip(scan.given_names, (*inputs, *initial), strict=True))
        self.parameters = parameters
        self.parts: dict[str, tuple[int, ...]] = {}
        self._alive: list[Tensor] = []  # copies that the engine reads
        for names, tensor in zip(scan.part_names["parameter"], parameters, strict=True):
            if tensor.dtype != self.dtype or (tensor.dim() and tensor.stride(-1) != 1):
                tensor = tensor.to(self.dtype).contiguous()
                self._alive.append(tensor)
            self._add_parts(names, tensor)

    def _add_parts(self, names: tuple[str, ...], tensor: Tensor) -> None:
        """Note where the parts of a stack lie."""
        address, shape, stride = tensor.data_ptr(), tensor.shape, tensor.stride()
        if not shape:
            self.parts[names[0]] = address, 1, 1
            return
        rows = shape[0] // len(names)
        step = rows * stride[0] * tensor.element_size()
        rest = (rows, *shape[1:], *stride)
        for name in names:
            self.parts[name] = (address, *rest)
            address += step

    def allocate_sums(self, engine: Executor) -> list[Tensor]:
        """Return memory for the gradients of the stacks; empty where there is none."""
        made = {spec.name for spec in engine.buffers if spec.is_sum}
        sums: list[Tensor] = []
        for names, tensor in zip(self.scan.part_names["gradient"], self.parameters, strict=True):
            there = [name in made for name in names]
            shape = tensor.shape if any(there) else (0,)
            make = torch.empty if all(there) else torch.zeros  # the engine sets those that it makes
            sums.append(make(shape, dtype=self.dtype))
            if any(there):
                self._add_parts(names, sums[-1])
        return sums

    @property
    def forward(self) -> Executor:
        """The forward pass that saves what the backward pass needs."""
        return self.scan.forward(saves=True, num_rows=self.num_rows)

    @property
    def num_pieces(self) -> int:
        return -(-self.num_steps // self.scan.checkpoint_every)

    def pieces(self, *, reverse: bool) -> Iterator[_Piece]:
        """Go through the pieces in the order in which a run of this direction meets them."""
        every = self.scan.checkpoint_every
        indices = range(self.num_pieces)
        for k in reversed(indices) if reverse else indices:
            yield _Piece(k, k * every, min(every, self.num_steps - k * every))

    def allocate(
        self,
        specs: Sequence[BufferSpec],
        num_steps: int | None = None,
        together: Sequence[str] = (),
    ) -> Views:
        """Return memory for what a run makes; what lies past a row's end is 0.

        The streams ``together`` are parts of one tensor for each of their sizes: large blocks that
        come again stay in the process, where small ones are given back and cleared each time.
        """
        steps = self.num_steps if num_steps is None else num_steps
        made = self._allocate_together(specs, steps, together) if together else {}
        for spec in specs:
            if spec.name in made:
                continue
            shape = spec.shape(steps, self.num_rows)
            if spec.is_sum and not self.scan.program.graph.reductions:
                continue  # the gradient of a stack: see ``allocate_sums``
            is_ragged = self.lengths is not None and spec.kind == "stream"
            make = torch.zeros if is_ragged else torch.empty
            made[spec.name] = make(shape, dtype=self.dtype)
        return made

    def _allocate_together(
        self, specs: Sequence[BufferSpec], num_steps: int, names: Sequence[str]
    ) -> Views:
        wanted = frozenset(names)
        sizes: dict[int, list[str]] = {}
        for spec in specs:
            if spec.name in wanted:
                sizes.setdefault(spec.size, []).append(spec.name)
        make = torch.empty if self.lengths is None else torch.zeros
        made: Views = {}
        for size, group in sizes.items():
            block = make((len(group), num_steps, self.num_rows, size), dtype=self.dtype)
            made.update(zip(group, block.unbind(), strict=True))
        return made

    def gradients(self, gradients: Sequence[Tensor | None]) -> tuple[Views, tuple[str, ...]]:
        """Return the gradients of what a run returned as inputs of the adjoint, and which are 0."""
        scan = self.scan
        known = dict(zip(scan.results, gradients, strict=False))
        given: Views = {}
        zeros: list[str] = []
        for role, held, names in (
            ("grad", "output", [n for n, _ in scan.program.graph.outputs]),
            ("grad_state", "state", scan.state_names),
        ):
            for name in names:
                gradient = known.get(f"{held}:{name}")
                if gradient is None:
                    zeros.append(f"{role}:{name}")
                else:
                    given[f"input:{role}:{name}"] = gradient
        sizes = dict(scan.sizes)
        for state in scan.program.graph.states:
            gradient = known.get(f"final:{state.name}")
            if gradient is None:
                gradient = torch.zeros((1, sizes[state.dim]), dtype=self.dtype)
            given[f"initial:d:{state.name}"] = gradient
        return given, tuple(zeros)

    def saved(self, made: Mapping[str, Tensor]) -> Views:
        """Return what a forward run saved as inputs of the adjoint."""
        scan = self.scan
        streams = self.forward.streams
        found = {f"input:next:{s}": made[streams[f"state:{s}"]] for s in scan.state_names}
        for v in scan.adjoint.saved:
            found[f"input:saved:{v}"] = made[streams[f"keep:{v}"]]
        return found

    def run(
        self,
        engine: Executor,
        buffers: Mapping[str, Tensor],
        piece: _Piece | None = None,
        *,
        adds: bool = False,
    ) -> None:
        """Run an executor over all steps, or over a piece of them.

        With ``adds`` the gradients of parameters grow by those of the run.
        """
        views: list[tuple[int, ...]] = []
        alive: list[Tensor] = []  # copies, until the run is over
        for spec in engine.buffers:
            part = self.parts.get(spec.name)
            if part is not None:
                views.append(part)
                continue
            tensor = buffers[spec.name]
            if spec.is_given and not self._fits(tensor, spec):
                tensor = self._fitted(tensor, spec)
                alive.append(tensor)
            views.append((tensor.data_ptr(), *tensor.shape, *tensor.stride()))
        lengths, first, num_steps = self.lengths, 0, self.num_steps
        if piece is not None:
            first, num_steps = piece.first, piece.num_steps
            if lengths is not None:
                lengths = (lengths - first).clamp(0, num_steps)
        engine.engine(PRECISIONS[self.dtype]).run_at(
            num_steps,
            self.num_rows,
            views,
            None if lengths is None else lengths.contiguous().numpy(),
            self.seed,
            self.first_step + first,
            torch.get_num_threads(),
            -1,
            adds,
        )

    def _fits(self, tensor: Tensor, spec: BufferSpec) -> bool:
        """Whether the engine can read a tensor as it is: its dtype and shape, units adjacent."""
        if tensor.dtype is not self.dtype or (spec.size > 1 and tensor.stride(-1) != 1):
            return False
        return spec.kind != "rows" or tensor.shape[0] == self.num_rows

    def _fitted(self, tensor: Tensor, spec: BufferSpec) -> Tensor:
        """Return a tensor as the engine reads it."""
        if tensor.dtype != self.dtype:
            tensor = tensor.to(self.dtype)
        if spec.kind == "rows" and tensor.shape[0] != self.num_rows:
            tensor = tensor.expand(self.num_rows, spec.size)
        if tensor.shape[-1] > 1 and tensor.stride(-1) != 1:
            tensor = tensor.contiguous()
        return tensor
