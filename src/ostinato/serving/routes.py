"""The endpoints."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from ostinato.core.errors import EquationError
from ostinato.serving import schemas
from ostinato.serving.answers import HEARTBEAT, Answer, EventStream, event
from ostinato.serving.cells import check_cell, explained, mistake
from ostinato.serving.errors import RequestError, stopping
from ostinato.serving.page_files import index, page_file
from ostinato.serving.service import Service
from ostinato.serving.suggestions import suggest
from ostinato.serving.writer import Text, Wish

_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    403: {"model": schemas.ErrorAnswer, "description": "By a wrong name, or from another page."},
    413: {"model": schemas.ErrorAnswer, "description": "The body is too large."},
    422: {"model": schemas.ErrorAnswer, "description": "The request is not as it must be."},
    503: {"model": schemas.ErrorAnswer, "description": "No room now; see Retry-After."},
    504: {"model": schemas.ErrorAnswer, "description": "It took too long."},
}
_EVENTS: Final = {"text/event-stream": {"schema": {"type": "string"}}}


def page_router() -> APIRouter:
    """Return the page and its files."""
    router = APIRouter(include_in_schema=False)
    router.add_api_route("/", index, methods=["GET", "HEAD"])
    router.add_api_route("/static/{name:path}", page_file, methods=["GET", "HEAD"])
    return router


def model_router(service: Service) -> APIRouter:
    """Return what is known of the model."""
    router = APIRouter(tags=["model"])

    @router.get("/health", responses=_with(schemas.Health))
    async def health() -> Response:
        """Whether the server runs, and what it serves."""
        if service.is_stopping:
            raise stopping()
        return Answer({"status": "ok", "model": service.name})

    @router.get("/model", responses=_with(schemas.ModelInfo))
    async def model() -> Response:
        """What is served: its task, its cell, what it reads, and the limits of requests."""
        return Answer({**service.facts, "samples": await service.samples()})

    return router


def writing_router(service: Service) -> APIRouter:
    """Return what a language model does."""
    router = APIRouter(tags=["writing"])

    @router.post(
        "/generate",
        responses=_with(
            schemas.GenerateAnswer,
            "Events `start`, `text` …, `done` (or `error`); one answer with `stream: false`.",
            _EVENTS,
        ),
    )
    async def generate(asked: schemas.GenerateAsked, request: Request) -> Response:
        """Write a text, side by side with all others that are being written.

        Events: `start` {"id", "prompt", "seed"}; `text` {"text"}, pieces as they become certain;
        `done` {"reason", "num_characters", "seconds"} with the reason `length`, or `stopping` where
        the server stops; `error` in the form of every error. Whoever closes the connection stops
        the writing.
        """
        wish = Wish(asked.prompt, asked.length, asked.temperature, asked.top_p, asked.seed)
        text = service.writing().write(wish)
        if asked.stream:
            return EventStream(_events(text), text.cancel, text.lost)
        return await _whole(text, request)

    @router.post("/suggest", responses=_with(schemas.SuggestAnswer))
    async def suggestions(asked: schemas.SuggestAsked) -> Response:
        """Complete a text: the likeliest ways in which it goes on, by a small beam."""
        work = partial(suggest, service.writing().model, asked.prefix, asked.k, asked.length)
        return await service.desk.answer(
            lambda: {"suggestions": work()}, service.settings.job_seconds
        )

    return router


def predicting_router(service: Service) -> APIRouter:
    """Return what a network of examples does."""
    router = APIRouter(tags=["predicting"])

    @router.post("/predict", responses=_with(schemas.PredictAnswer))
    async def predict(asked: schemas.PredictAsked) -> Response:
        """Label, tag or estimate inputs; with `influence`, say where each decision comes from."""
        work = partial(service.predicting().predict, asked.inputs, influence=asked.influence)
        return await service.desk.answer(work, service.settings.job_seconds)

    return router


def lens_router(service: Service) -> APIRouter:
    """Return what is seen of the network's memory."""
    router = APIRouter(tags=["lens"])
    seconds = service.settings.job_seconds

    @router.post("/trace", responses=_with(schemas.TraceAnswer))
    async def trace(asked: schemas.TraceAsked) -> Response:
        """Trace a text: every value that the equations name, and what the model says, stepwise."""
        return await service.desk.answer(lambda: service.tracer.trace(asked), seconds)

    @router.post("/trace/step", responses=_with(schemas.StepAnswer))
    async def step(asked: schemas.StepAsked) -> Response:
        """Fill the equations of one step with the numbers of one unit, as MathML."""
        return await service.desk.answer(lambda: service.tracer.step(asked), seconds)

    @router.post("/trace/gradient", responses=_with(schemas.GradientAnswer))
    async def gradient(asked: schemas.GradientAsked) -> Response:
        """Trace the loss of one step back through time."""
        return await service.desk.answer(lambda: service.tracer.gradient(asked), seconds)

    return router


def cells_router(service: Service) -> APIRouter:
    """Return what is said of equations."""
    router = APIRouter(tags=["cells"])

    @router.post("/cell", responses=_with(schemas.CellAnswer))
    async def cell(asked: schemas.CellAsked) -> Response:
        """Read equations, as text or LaTeX: what each name is, what the cell costs, or the mistake.

        A mistake is an answer, too: status 200, `"ok": false`, and the place of each one.
        """
        seconds = service.settings.job_seconds
        return await service.cells.answer(partial(explained, asked), seconds)

    @router.post(
        "/cell/train",
        responses=_with(
            schemas.ErrorAnswer, "Events `note`, `point` …, `done` (or `error`).", _EVENTS
        ),
    )
    async def train(asked: schemas.TrialAsked) -> Response:
        """Let a cell learn a toy problem beside others, in turns.

        Events: `note` {"text"}; `point` {"cell", "step", "loss", "score", "seconds"}, where the
        cell of the request is called `yours` and the score, on held-out examples, is the share
        that is right (of `adding`, of the variance); `done` {"reason", "seconds", "results"} with
        the reason `time`, `solved`, `diverged` (all stopped, none of them solved it) or
        `stopping`, and the `outcome` of each cell, `time`, `solved` or `diverged`; `error` in the
        form of every error. One at a time; whoever closes the connection stops it.
        """
        seconds = service.settings.job_seconds
        try:
            await service.cells.run(partial(check_cell, asked), seconds)
        except EquationError as error:
            place = mistake(error)
            raise RequestError(422, "equations", error.message, place["mend"], [place]) from error
        return EventStream(service.trials.begin(asked), service.trials.free)

    return router


def _with(
    model: Any, description: str = "", content: dict[str, Any] | None = None
) -> dict[int | str, dict[str, Any]]:
    """Return an endpoint's answers for OpenAPI; what is sent is made by us, not validated again."""
    own: dict[str, Any] = {"model": model}
    if description:
        own["description"] = description
    if content is not None:
        own["content"] = content
    return {200: own, **_ERRORS}


async def _events(text: Text) -> AsyncGenerator[bytes]:
    yield event("start", {"id": text.number, "prompt": text.prompt, "seed": text.seed})
    async for piece in text.pieces():
        yield HEARTBEAT if piece is None else event("text", {"text": piece})
    assert text.end is not None
    if text.end.error is not None:
        yield event("error", text.end.error.content["error"])
    else:
        yield event("done", _summary(text))


async def _whole(text: Text, request: Request) -> Response:
    pieces: list[str] = []
    checked = time.monotonic()
    try:
        async for piece in text.pieces():
            pieces.append(piece or "")
            if time.monotonic() - checked > 1.0:
                checked = time.monotonic()
                if await request.is_disconnected():
                    break
    finally:
        text.cancel()
    assert text.end is not None
    if text.end.error is not None:
        raise text.end.error
    start = {"id": text.number, "prompt": text.prompt, "seed": text.seed}
    return Answer({**start, "text": "".join(pieces), **_summary(text)})


def _summary(text: Text) -> dict[str, Any]:
    assert text.end is not None
    return {
        "reason": text.end.reason,
        "num_characters": text.num_characters,
        "seconds": round(text.seconds, 3),
    }
