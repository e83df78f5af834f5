"""The C++ engine; see ``csrc/binding.cpp``."""

from typing import Any

class PlanError(ValueError): ...

class Engine:
    """One plan, ready to run in one precision."""

    def __init__(self, words: Any, numbers: Any, instruction_set: str = "", /) -> None: ...
    def run(
        self,
        num_steps: int,
        num_rows: int,
        buffers: list[Any],
        lengths: Any | None = None,
        seed: int = 0,
        first_step: int = 0,
        num_threads: int = 1,
        weights_key: int = -1,
        adds: bool = False,
    ) -> None: ...
    def run_at(
        self,
        num_steps: int,
        num_rows: int,
        buffers: list[tuple[int, ...]],
        lengths: Any | None = None,
        seed: int = 0,
        first_step: int = 0,
        num_threads: int = 1,
        weights_key: int = -1,
        adds: bool = False,
    ) -> None: ...
    def stream(
        self,
        num_rows: int,
        buffers: list[tuple[int, ...]],
        carried: list[tuple[int, int]],
        seed: int = 0,
        num_threads: int = 1,
        weights_key: int = 0,
    ) -> Stream:
        """Return a stream of single steps over these buffers, which must outlive it.

        Args:
            num_rows: B.
            buffers: as ``run_at`` takes them, for T = 1.
            carried: which buffer's numbers go to which after a step: ``final:h`` to ``initial:h``.
            seed: of masks.
            num_threads: at most.
            weights_key: the weights are packed once for each key of an engine.
        """
    @property
    def instruction_set(self) -> str: ...

class Stream:
    def step(self) -> None: ...

class EngineFloat(Engine): ...
class EngineDouble(Engine): ...

def unary_float(op: int, instruction_set: str, a: Any, target: Any, /) -> None: ...
def unary_double(op: int, instruction_set: str, a: Any, target: Any, /) -> None: ...
def cache_bytes() -> int:
    """Return the size of a core's second cache, or a guess where the system does not say."""

def set_thread_work(work: float) -> None:
    """Set how many vectors' instructions a thread is woken for: for tests, which have few."""

def instruction_sets() -> list[str]:
    """Return the instruction sets that this machine runs, the best one first."""
