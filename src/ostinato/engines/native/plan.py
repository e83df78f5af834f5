"""A plan: what one call of a program does, in the words of ``csrc/plan.h``."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

VERSION: Final = 1

KINDS: Final = ("constant", "vector", "rows", "stream", "shift", "local", "matrix")
OPERATIONS: Final = (
    "add",
    "sub",
    "mul",
    "div",
    "pow",
    "neg",
    "sigmoid",
    "tanh",
    "relu",
    "softplus",
    "silu",
    "gelu",
    "exp",
    "log",
    "sqrt",
    "abs",
    "sign",
    "minimum",
    "maximum",
    "select",
    "exceeds",
    "gelu_grad",
    "fma",
    "fnma",
    "copy",
    "store",
    "random",
)
NORMS: Final = ("layer_norm", "rms_norm", "layer_norm_grad", "rms_norm_grad", "total")
SECTIONS: Final = ("fixed", "rows", "flat", "loop")

Kind: TypeAlias = Literal["constant", "vector", "rows", "stream", "shift", "local", "matrix"]
SectionKind: TypeAlias = Literal["fixed", "rows", "flat", "loop"]


@dataclass
class Array:
    """Where a value lives; see ``csrc/plan.h``."""

    kind: Kind
    size: int
    columns: int = 0
    buffer: str | None = None
    of: int = -1
    initial: int = -1
    reverse: bool = False
    number: float = 0.0


@dataclass(frozen=True)
class Slot:
    """A value of the tile at hand."""

    index: int


@dataclass(frozen=True)
class Element:
    """The numbers of an array at the step, row and units at hand."""

    array: int
    splat: bool = False


Operand: TypeAlias = Slot | Element


@dataclass
class Instruction:
    """One operation on a tile."""

    op: str
    target: Operand
    args: tuple[Operand, ...]
    random: int = -1


@dataclass(frozen=True)
class Block:
    """A block of columns of a matrix."""

    matrix: int
    first_column: int
    transposed: bool


@dataclass
class Group:
    """Products that read the same operands; each starts from an array, or from 0 (-1)."""

    operands: list[int]
    slots: list[Slot]
    starts: list[int]
    blocks: list[list[Block]]


@dataclass
class TileProgram:
    """What a phase computes for one dimension."""

    size: int
    groups: list[Group] = field(default_factory=list["Group"])
    instructions: list[Instruction] = field(default_factory=list["Instruction"])
    num_slots: int = 0


@dataclass
class Norm:
    """An operation that needs all units of a row."""

    op: str
    target: int
    args: list[int]


@dataclass
class Phase:
    """What runs without waiting for other units."""

    waits: bool
    norms: list[Norm]
    programs: list[TileProgram]


@dataclass
class Section:
    """Phases over one row, the rows, all steps and rows, or step by step."""

    kind: SectionKind
    reverse: bool
    states: list[tuple[int, int]]
    phases: list[Phase]


@dataclass(frozen=True)
class Reduction:
    """A gradient summed over steps and rows."""

    target: int
    delta: int
    operand: int
    first_column: int


@dataclass(frozen=True)
class Mask:
    """A mask of the counter-based generator."""

    stream: int
    probability: float
    per_step: bool


@dataclass
class Plan:
    """Everything, in the order in which it is written down."""

    arrays: list[Array] = field(default_factory=list["Array"])
    masks: list[Mask] = field(default_factory=list["Mask"])
    sections: list[Section] = field(default_factory=list["Section"])
    reductions: list[Reduction] = field(default_factory=list["Reduction"])

    @property
    def buffers(self) -> list[str]:
        """Names of the caller's buffers, in order."""
        return list(dict.fromkeys(a.buffer for a in self.arrays if a.buffer is not None))

    def encode(self) -> tuple[array[int], array[float]]:
        """Return the words and numbers that ``parse_plan`` reads."""
        writer = _Writer(self)
        return writer.words, writer.numbers


class _Writer:
    def __init__(self, plan: Plan) -> None:
        self.words: array[int] = array("q")
        self.numbers: array[float] = array("d")
        self._buffers = {name: k for k, name in enumerate(plan.buffers)}
        self._put(VERSION, len(self._buffers), len(plan.arrays))
        for a in plan.arrays:
            self._array(a)
        self._put(len(plan.masks))
        for mask in plan.masks:
            self._put(mask.stream, mask.per_step)
            self.numbers.append(mask.probability)
        self._put(len(plan.sections))
        for section in plan.sections:
            self._section(section)
        self._put(len(plan.reductions))
        for r in plan.reductions:
            self._put(r.target, r.delta, r.operand, r.first_column)

    def _put(self, *words: int) -> None:
        self.words.extend(words)

    def _array(self, a: Array) -> None:
        buffer = -1 if a.buffer is None else self._buffers[a.buffer]
        self._put(KINDS.index(a.kind), a.size, a.columns, buffer, a.of, a.initial, a.reverse)
        if a.kind == "constant":
            self.numbers.append(a.number)

    def _section(self, section: Section) -> None:
        self._put(SECTIONS.index(section.kind), section.reverse, len(section.states))
        for state in section.states:
            self._put(*state)
        self._put(len(section.phases))
        for phase in section.phases:
            self._put(phase.waits, len(phase.norms))
            for norm in phase.norms:
                self._put(NORMS.index(norm.op), norm.target, len(norm.args), *norm.args)
            self._put(len(phase.programs))
            for program in phase.programs:
                self._program(program)

    def _program(self, program: TileProgram) -> None:
        self._put(program.size, program.num_slots, len(program.groups))
        for group in program.groups:
            self._put(len(group.operands), *group.operands, len(group.slots))
            for slot, start, blocks in zip(group.slots, group.starts, group.blocks, strict=True):
                self._put(slot.index, start)
                for block in blocks:
                    self._put(block.matrix, block.first_column, block.transposed)
        self._put(len(program.instructions))
        for i in program.instructions:
            self._put(OPERATIONS.index(i.op))
            self._operand(i.target)
            self._put(len(i.args))
            for argument in i.args:
                self._operand(argument)
            self._put(i.random)

    def _operand(self, operand: Operand) -> None:
        if isinstance(operand, Slot):
            self._put(operand.index, 0)
        else:
            self._put(-1 - operand.array, operand.splat)
