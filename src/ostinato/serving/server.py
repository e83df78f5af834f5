"""From a socket to a process that ends well."""

from __future__ import annotations

import contextlib
import errno
import signal
import socket
import sys
from collections.abc import Callable, Generator
from types import FrameType
from typing import Final

import uvicorn
from threadpoolctl import threadpool_limits

from ostinato.core.errors import OptionError
from ostinato.serving.app import create_app
from ostinato.serving.guard import is_local
from ostinato.serving.protocol import protocol_of
from ostinato.serving.service import Service

_SENT_BYTES: Final = 128 * 1024
"""Of one client, in the system's own memory."""
_SWITCH_SECONDS: Final = 0.0005


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens at an address; port 0 is a free one.

    Raises:
        OptionError: the address is taken, or none of this machine's.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise OptionError(
            f"--host: {host!r} is no address ({error})\nmend: --host 127.0.0.1"
        ) from error
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # What a client does not read is kept here first: little, so that it is soon known.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SENT_BYTES)
    try:
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        raise _not_bound(host, port, error) from error
    return listener


def _not_bound(host: str, port: int, error: OSError) -> OptionError:
    if error.errno == errno.EADDRINUSE:
        return OptionError(
            f"the port {port} of {host} is taken by another process\n"
            "mend: --port 0 takes a free one"
        )
    if error.errno == errno.EACCES:
        return OptionError(
            f"the port {port} is reserved for the system\nmend: --port 8000, or any above 1023"
        )
    return OptionError(
        f"cannot listen at {host}:{port}: {error.strerror}\nmend: --host 127.0.0.1 --port 0"
    )


def address_of(listener: socket.socket) -> str:
    """Return the address that a browser opens."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def config_of(service: Service, listener: socket.socket) -> uvicorn.Config:
    """Return how a service is served at an address."""
    settings = service.settings
    app = create_app(service, local_only=is_local(listener.getsockname()[0]))
    return uvicorn.Config(
        app,
        http=protocol_of(settings),
        ws="none",
        lifespan="on",
        # What is no HTTP, or asks for another protocol, is no news: anyone can send it.
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=int(settings.header_seconds),
        timeout_graceful_shutdown=max(1, round(settings.stop_seconds)),
    )


def serve(service: Service, listener: socket.socket) -> None:
    """Serve until a signal says stop; then end the texts that are being written, and return.

    Args:
        service: that does the work.
        listener: of ``bind``.
    """
    with _for_two_threads():
        _Server(config_of(service, listener), service.stop).run(sockets=[listener])


@contextlib.contextmanager
def _for_two_threads() -> Generator[None]:
    """Let the thread that writes and the one that sends take turns quickly.

    The one that writes gives way at every product, and would wait each time for ten times as long
    as a step takes. Its products are small: more threads of BLAS would only take the CPUs away from
    the native engine and from the other thread.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        with threadpool_limits(1, "blas"):
            yield
    finally:
        sys.setswitchinterval(before)


class _Server(uvicorn.Server):
    """Tells the service at once that it stops, and leaves without raising the signal again."""

    def __init__(self, config: uvicorn.Config, on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_stop = on_stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Stop; the second time at once."""
        self.force_exit = self.should_exit
        self.should_exit = True
        self._on_stop()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Handle signals while the server runs, and give back the handlers that were there."""
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {each: signal.signal(each, self.handle_exit) for each in signals}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
