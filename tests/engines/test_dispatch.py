"""The dispatch: a choice with reasons, and no silent fall-back."""

from __future__ import annotations

import pytest
import torch

from ostinato import cells
from ostinato.core.errors import EngineFallback, OptionError, UnknownNameError
from ostinato.engines import ENGINES, Engine, Request, choose
from ostinato.engines.dispatch import verdicts


def _request() -> Request:
    return Request(cells.get("gru").analysis.program, torch.float32, torch.device("cpu"))


def test_auto_takes_the_first_engine_that_accepts(monkeypatch: pytest.MonkeyPatch) -> None:
    picky = Engine("picky", ENGINES["eager"].run, lambda _: "needs a moon", "for moons", "cpu")
    engines = {"picky": picky, "eager": ENGINES["eager"]}
    monkeypatch.setattr("ostinato.engines.dispatch.ENGINES", engines)
    monkeypatch.setattr("ostinato.engines.dispatch._warned", set())
    with pytest.warns(
        EngineFallback, match="the picky engine does not run this layer: needs a moon"
    ):
        assert choose("auto", _request()).name == "eager"
    assert choose("auto", _request()).name == "eager"  # says it once: a second warning would raise
    found = [str(v) for v in verdicts(_request())]
    assert found[0] == "picky: refused, needs a moon"
    assert found[1].startswith("eager: runs it, ")
    with pytest.raises(
        OptionError, match=r"picky: refused, needs a moon(.|\n)*mend: engine='auto'"
    ):
        choose("picky", _request())


def test_the_native_engine_is_preferred_on_the_cpu_and_says_what_it_refuses() -> None:
    assert choose("auto", _request()).name == "native"
    program = _request().program
    for request, reason in (
        (Request(program, torch.float32, torch.device("meta")), "it runs on the CPU"),
        (Request(program, torch.float16, torch.device("cpu")), "the tensors are torch.float16"),
    ):
        assert reason in str(verdicts(request)[0])
    with pytest.raises(OptionError, match="checkpoint_every has no meaning"):
        choose("eager", Request(program, torch.float32, torch.device("cpu"), 8))


def test_an_unknown_engine_lists_the_known_ones() -> None:
    with pytest.raises(
        UnknownNameError, match="unknown engine 'cudnn'\nexpected one of: auto, eager, native"
    ):
        choose("cudnn", _request())
