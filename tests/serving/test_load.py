"""tools/load.py where nothing arrives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).parents[2] / "tools" / "load.py"


def test_streams_that_get_nothing_are_reported(writer_run: Path) -> None:
    # The model does not know this character, so that every text is refused.
    command = [sys.executable, str(TOOL), str(writer_run), "--streams", "2", "--prompt", "☃"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert found.returncode == 1, found.stderr
    assert "none got a character" in found.stdout
    assert "1 dropped" in found.stdout
    assert "Traceback" not in found.stderr
