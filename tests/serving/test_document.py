"""What docs/serving.md shows is answered, and what it says of limits is so."""

import json
import re
from pathlib import Path

import pytest

from ostinato.serving.schemas import PredictAsked
from ostinato.serving.settings import Settings
from tests.serving.helpers import Live

DOCUMENT = (Path(__file__).parents[2] / "docs" / "serving.md").read_text("utf-8")
CALLS = re.findall(r"^\$ post \S+8000(/\S+) -d '(.*)'$", DOCUMENT, re.MULTILINE)


def test_every_address_is_shown(writing: Live) -> None:
    shown = {path for path, _ in CALLS}
    described = writing.client.get("/openapi.json").json()["paths"]
    assert shown == {path for path, methods in described.items() if "post" in methods}
    rows = set(re.findall(r"^\| `(?:GET|POST) (\S+)`", DOCUMENT, re.MULTILINE))
    assert rows == set(described)


@pytest.mark.parametrize(("path", "body"), CALLS, ids=[path for path, _ in CALLS])
def test_the_calls_are_answered(writing: Live, path: str, body: str) -> None:
    asked = json.loads(body)
    if path == "/predict":
        PredictAsked.model_validate(asked)
        return
    # The model of the tests knows no capitals, brackets or digits.
    with writing.client.stream("POST", path, json=asked) as response:
        assert response.status_code == 200, response.read()


def test_the_limits_are_those_of_the_settings() -> None:
    settings = Settings()
    for number in (
        f"{settings.max_body_bytes // 1024} KiB, within {settings.body_seconds:.0f} s",
        f"{settings.max_text:,}",
        f"{settings.max_length:,} characters, {settings.text_seconds:.0f} s",
        f"{settings.max_streams} + {settings.max_waiting}",
        f"{settings.max_jobs}, then 503; an answer within {settings.job_seconds:.0f} s",
        f"{settings.max_connections:,}; a head within {settings.header_seconds:.0f} s",
        f"{settings.max_unread:,} characters, or {settings.stalled_seconds:.0f} s",
        f"{settings.max_equations:,} characters, sizes up to {settings.max_size:,}",
        f"one at a time, {settings.trial_seconds:.0f} s",
        f"{1 / settings.event_seconds:,.0f} a second",
    ):
        assert number in DOCUMENT, number
