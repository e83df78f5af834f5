"""``ostinato serve``."""

from __future__ import annotations

import sys
import webbrowser
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from ostinato.core.errors import MissingExtraError


def serve_command(
    run: Path, *, host: str, port: int, open_page: bool, checkpoint: Literal["best", "last"]
) -> None:
    """Serve a run until Ctrl-C or SIGTERM.

    Args:
        run: a run folder, or a saved model.
        host: address to listen at.
        port: 0 for a free one.
        open_page: show the page in the browser.
        checkpoint: which weights.
    """
    if any(find_spec(name) is None for name in ("fastapi", "uvicorn", "plotly")):
        raise MissingExtraError("`ostinato serve`", "serve")
    from ostinato.serving.guard import is_local
    from ostinato.serving.server import address_of, bind, serve
    from ostinato.serving.service import Service
    from ostinato.serving.settings import Settings

    # What is taken is said before a large model is read.
    listener = bind(host, port)
    with listener:
        service = Service.open(run, Settings(), checkpoint)
        address = address_of(listener)
        print(f"serving {service.name} ({service.task}) at {address}", flush=True)
        if not is_local(listener.getsockname()[0]):
            print(
                f"warning: at {host}, anyone on the network can use it\n"
                "mend: --host 127.0.0.1 serves this machine alone",
                file=sys.stderr,
                flush=True,
            )
        print("stop with Ctrl-C", flush=True)
        if open_page:
            webbrowser.open(address)
        serve(service, listener)
