"""What every test shares: the data folder, hypothesis profiles, torch's threads."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A slow, shared machine is no fault of the code, so no time limit fails a test.
_PATIENT = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("ci", max_examples=60, derandomize=True, **_PATIENT)
settings.register_profile("thorough", max_examples=2000, **_PATIENT)
settings.load_profile("ci")

if importlib.util.find_spec("torch"):
    import torch

    # Waking a second thread costs more than the tiny tensors of the tests gain.
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def ostinato_data() -> Path:
    """The folder of real data sets: ``OSTINATO_DATA``, or ``shared/data`` beside the checkout."""
    named = os.environ.get("OSTINATO_DATA")
    if named:
        folder = Path(named)
        assert folder.is_dir(), f"OSTINATO_DATA names {named!r}, which is not a folder"
        return folder
    beside = Path(__file__).parents[2] / "shared" / "data"
    if not beside.is_dir():
        pytest.skip("needs real data: set OSTINATO_DATA to the folder that holds it")
    return beside
