"""The application: endpoints, page, and guard."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

import ostinato
from ostinato.core.errors import OstinatoError
from ostinato.serving import routes
from ostinato.serving.answers import error_answer
from ostinato.serving.errors import RequestError, invalid, request_error_of
from ostinato.serving.guard import Guard
from ostinato.serving.service import Service
from ostinato.serving.settings import Settings
from ostinato.serving.validation import invalid_fields

_ABOUT = """A recurrent network behind HTTP.

Errors have one form: `{"error": {"code", "message", "mend", "details"}}`."""


def create_app(
    service: Service, settings: Settings | None = None, *, local_only: bool = True
) -> FastAPI:
    """Return the application of a service.

    Args:
        service: that does the work.
        settings: limits; None for those of the service.
        local_only: whether only names of this machine are answered to.
    """
    settings = service.settings if settings is None else settings

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        service.start()
        yield
        service.stop()

    app = FastAPI(
        title="Ostinato",
        version=ostinato.__version__,
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        separate_input_output_schemas=False,
    )
    app.add_middleware(Guard, settings=settings, local_only=local_only)
    app.add_exception_handler(OstinatoError, _on_mistake)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.include_router(routes.model_router(service))
    app.include_router(routes.writing_router(service))
    app.include_router(routes.predicting_router(service))
    app.include_router(routes.lens_router(service))
    app.include_router(routes.cells_router(service))
    app.include_router(routes.page_router())
    return app


async def _on_mistake(_: Request, error: Exception) -> Response:
    return error_answer(request_error_of(cast("OstinatoError", error)))


async def _on_invalid(_: Request, error: Exception) -> Response:
    """Say which fields are wrong."""
    return error_answer(invalid_fields(cast("RequestValidationError", error).errors()))


async def _on_http(_: Request, error: Exception) -> Response:
    found = cast("HTTPException", error)
    if found.status_code == 400:
        mend = "send JSON with Content-Type: application/json"
        return error_answer(invalid("the body is not JSON that can be read", mend))
    codes: dict[int, tuple[str, str, str]] = {
        404: ("not_found", "there is nothing at this address", "see /openapi.json for what is"),
        405: ("method", "this address does not take this method", "see /openapi.json"),
    }
    code, message, mend = codes.get(
        found.status_code, ("invalid", str(found.detail), "see /openapi.json")
    )
    answer = error_answer(RequestError(found.status_code, code, message, mend))
    answer.headers.update(cast("dict[str, Any]", found.headers or {}))
    return answer
