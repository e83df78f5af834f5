"""Runs and servers that many tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.helpers import Live, live, train_writer


@pytest.fixture(scope="session")
def writer_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_writer(tmp_path_factory.mktemp("runs") / "writer")


@pytest.fixture(scope="session")
def writing(writer_run: Path) -> Iterator[Live]:
    with live(writer_run) as server:
        yield server
