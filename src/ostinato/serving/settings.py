"""How much the server takes on, and how long it waits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Limits of the server; every one is there so that no client can take it down.

    Attributes:
        max_body_bytes: of a request.
        max_text: characters of a text, a prompt, or one input.
        max_length: characters that one request lets a model write.
        max_inputs: of one prediction.
        max_window: steps of a trace that are shown at once.
        max_equations: characters of a cell.
        max_size: units of a cell that is looked at.
        max_streams: texts that are written at the same time, side by side.
        max_waiting: texts that wait for their turn.
        max_jobs: other requests that wait for their turn.
        max_connections: open at the same time.
        max_unread: characters that are kept for a client that does not read them.
        header_seconds: for the head of a request to arrive.
        body_seconds: for its body.
        job_seconds: for the answer.
        text_seconds: for a whole text.
        stalled_seconds: for a client to read again.
        stop_seconds: for texts to end when the server stops.
        trial_seconds: for a cell to learn a toy problem.
        flush_seconds: between two pieces of one text, at least.
        event_seconds: between two pieces of any texts, on average, at least: sending costs more
            than writing.
        heartbeat_seconds: after which a client hears that its text still goes on.
    """

    max_body_bytes: int = 256 * 1024
    max_text: int = 5000
    max_length: int = 5000
    max_inputs: int = 64
    max_window: int = 64
    max_equations: int = 4000
    max_size: int = 1024
    max_streams: int = 256
    max_waiting: int = 256
    max_jobs: int = 32
    max_connections: int = 1024
    max_unread: int = 4096
    header_seconds: float = 10.0
    body_seconds: float = 10.0
    job_seconds: float = 30.0
    text_seconds: float = 120.0
    stalled_seconds: float = 20.0
    stop_seconds: float = 3.0
    trial_seconds: float = 60.0
    flush_seconds: float = 0.02
    event_seconds: float = 0.0005
    heartbeat_seconds: float = 10.0
