"""The dispatch: a choice with reasons, and no silent fall-back."""

from __future__ import annotations

import pytest
import torch

from ostinato import cells
from ostinato.core.errors import OptionError, UnknownNameError
from ostinato.engines import ENGINES, Engine, Request, choose
from ostinato.engines.dispatch import verdicts


def _request() -> Request:
    return Request(cells.get("gru").analysis.program, torch.float32, torch.device("cpu"))


def test_auto_takes_the_first_engine_that_accepts(monkeypatch: pytest.MonkeyPatch) -> None:
    picky = Engine("picky", ENGINES["eager"].run, lambda _: "needs a moon", "for moons")
    engines = {"picky": picky, **ENGINES}
    monkeypatch.setattr("ostinato.engines.dispatch.ENGINES", engines)
    assert choose("auto", _request()).name == "eager"
    found = [str(v) for v in verdicts(_request())]
    assert found[0] == "picky: refused, needs a moon"
    assert found[1].startswith("eager: runs it, ")
    with pytest.raises(
        OptionError, match=r"picky: refused, needs a moon(.|\n)*mend: engine='auto'"
    ):
        choose("picky", _request())


def test_an_unknown_engine_lists_the_known_ones() -> None:
    with pytest.raises(
        UnknownNameError, match="unknown engine 'native'\nexpected one of: auto, eager"
    ):
        choose("native", _request())
