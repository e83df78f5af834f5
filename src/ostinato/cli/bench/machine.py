"""What the times were measured on."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import torch

from ostinato.cli.bench.rivals import RIVALS

_CPU_INFO = Path("/proc/cpuinfo")


def describe_machine(rivals: Iterable[str]) -> dict[str, str | int]:
    """Return the processor, the threads and the versions that take part."""
    packages = ["torch", *(p for name in rivals for p in RIVALS[name].packages)]
    return {
        "cpu": _cpu(),
        "cores": _num_cores(),
        "threads": torch.get_num_threads(),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


def _cpu() -> str:
    if _CPU_INFO.is_file():
        for line in _CPU_INFO.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _num_cores() -> int:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
