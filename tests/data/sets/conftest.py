"""The folder of real data, for the sets that tests read."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def data(ostinato_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSTINATO_DATA", str(ostinato_data))
