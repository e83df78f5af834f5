"""What every request passes: hosts, bodies, headers, connections that do nothing."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ostinato.serving.guard import SECURITY_HEADERS
from ostinato.serving.settings import Settings
from tests.serving.helpers import Live, error_of, live, wait_until

JSON = "Content-Type: application/json\r\n"


def answer(connection: socket.socket) -> bytes:
    """Return everything until the server closes the connection."""
    received = b""
    while data := connection.recv(65536):
        received += data
    return received


@pytest.fixture(scope="module")
def impatient(writer_run: Path) -> Iterator[Live]:
    settings = Settings(header_seconds=0.4, body_seconds=0.4, max_connections=20)
    with live(writer_run, settings) as server:
        yield server


def test_security_headers_are_on_every_answer(writing: Live) -> None:
    client = writing.client
    answers = [
        client.get("/"),
        client.get("/model"),
        client.get("/nowhere"),
        client.put("/model"),
        client.post("/generate", content=b"{"),
        client.get("/static/nothing.js"),
        client.get("/openapi.json"),
        client.get("/model", headers={"Host": "evil.example"}),
        writing.post("/generate", {"length": 3}),
    ]
    for response in answers:
        for name, value in SECURITY_HEADERS.items():
            assert response.headers.get_list(name) == [value], (response.url, name)
        assert "server" not in response.headers
        assert "access-control-allow-origin" not in response.headers


def test_the_page_may_run_no_inline_code() -> None:
    policy = SECURITY_HEADERS["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "LOCALHOST"])
def test_names_of_this_machine(writing: Live, host: str) -> None:
    headers = {"Host": f"{host}:{writing.port}"}
    assert writing.client.get("/health", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "", "[", "a@127.0.0.1.x"]
)
def test_a_strangers_name_for_this_machine(writing: Live, host: str) -> None:
    error = error_of(writing.client.get("/health", headers={"Host": host}), 403, "host")
    assert "0.0.0.0" in error["mend"]


def test_a_strangers_page(writing: Live) -> None:
    headers = {"Origin": "https://evil.example"}
    response = writing.post("/generate", {"length": 3}, headers=headers)
    error_of(response, 403, "origin")
    response = writing.post("/generate", {"length": 3}, headers={"Origin": writing.address})
    assert response.status_code == 200
    preflight = writing.client.options(
        "/generate", headers={**headers, "Access-Control-Request-Method": "POST"}
    )
    assert preflight.status_code == 403


def test_on_the_network_any_name_is_answered_to(writer_run: Path) -> None:
    from fastapi.testclient import TestClient

    from ostinato.serving.app import create_app
    from ostinato.serving.service import Service

    service = Service.open(writer_run, Settings())
    client = TestClient(create_app(service, local_only=False))
    assert client.get("/health", headers={"Host": "box.example"}).status_code == 200


def test_what_is_not_there(writing: Live) -> None:
    error_of(writing.client.get("/nowhere"), 404, "not_found")
    error_of(writing.client.get("/docs"), 404, "not_found")
    response = writing.client.get("/generate")
    error_of(response, 405, "method")
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "name",
    [
        "../app.py",
        "..%2fapp.py",
        "%2e%2e/app.py",
        "..\\app.py",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "css/../../app.py",
        "css",
        "",
        "\0",
        "%00",
        "a" * 3000,
    ],
)
def test_files_outside_the_page(writing: Live, name: str) -> None:
    with writing.raw() as connection:
        path = f"/static/{name}".replace("\0", "%00").replace("\\", "%5c")
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        received = answer(connection)
    assert received.startswith(b"HTTP/1.1 404")
    assert b"create_app" not in received
    assert b"root:" not in received


def test_files_of_the_page(writing: Live) -> None:
    page = writing.client.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    script = writing.client.get("/static/js/main.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["cache-control"] == "no-cache"
    tag = script.headers["etag"]
    again = writing.client.get("/static/js/main.js", headers={"If-None-Match": tag})
    assert again.status_code == 304
    assert again.content == b""
    head = writing.client.head("/")
    assert head.status_code == 200
    assert head.content == b""


def test_a_body_that_says_it_is_too_large(writing: Live) -> None:
    with writing.raw() as connection:
        head = f"POST /generate HTTP/1.1\r\nHost: localhost\r\n{JSON}Content-Length: 300000\r\n"
        connection.sendall(f"{head}\r\n".encode())
        received = b""
        # Head and body may come one after the other.
        while not received.endswith(b"}") and (data := connection.recv(65536)):
            received += data
    assert received.startswith(b"HTTP/1.1 413")
    assert b"too_large" in received


def test_a_body_in_chunks_that_is_too_large(writing: Live) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 10_000

    headers = {"Content-Type": "application/json"}
    response = writing.client.post("/generate", content=chunks(), headers=headers)
    error_of(response, 413, "too_large")


def test_a_body_of_just_the_size(writing: Live) -> None:
    body = json.dumps({"length": 2, "stream": False}).ljust(256 * 1024).encode()
    headers = {"Content-Type": "application/json"}
    assert writing.client.post("/generate", content=body, headers=headers).status_code == 200
    response = writing.client.post("/generate", content=body + b" ", headers=headers)
    error_of(response, 413, "too_large")


def test_a_body_that_does_not_come(impatient: Live) -> None:
    with impatient.raw() as connection:
        head = f"POST /generate HTTP/1.1\r\nHost: localhost\r\n{JSON}Content-Length: 100\r\n\r\n{{"
        connection.sendall(head.encode())
        received = answer(connection)
    assert received.startswith(b"HTTP/1.1 504")
    assert b'"timeout"' in received


@pytest.mark.parametrize("head", [b"", b"GET /health HTT", b"GET /health HTTP/1.1\r\nHost: local"])
def test_a_head_that_does_not_come(impatient: Live, head: bytes) -> None:
    with impatient.raw() as connection:
        connection.sendall(head)
        assert received_nothing(connection)


def test_a_second_head_that_does_not_come(impatient: Live) -> None:
    with impatient.raw() as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hea")
        assert answer(connection).count(b"HTTP/1.1") == 1


def received_nothing(connection: socket.socket) -> bool:
    try:
        return answer(connection) == b""
    except ConnectionResetError:
        return True


def test_more_connections_than_may_be(impatient: Live) -> None:
    connections = [impatient.raw() for _ in range(30)]
    try:
        connections[-1].settimeout(5)
        received = answer(connections[-1])
        assert received.startswith(b"HTTP/1.1 503")
        assert b"retry-after" in received.lower()
    finally:
        for each in connections:
            each.close()
    wait_until(lambda: _is_up(impatient))


def _is_up(server: Live) -> bool:
    try:
        return server.client.get("/health").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"HELLO\r\n\r\n"])
def test_what_is_no_http(writing: Live, garbage: bytes) -> None:
    with writing.raw() as connection:
        connection.sendall(garbage)
        received = answer(connection)
    assert received.startswith(b"HTTP/1.1 400")
    body = json.loads(received.split(b"\r\n\r\n", 1)[1])
    assert body["error"]["code"] == "http"
    assert b"content-security-policy" in received


def test_a_mistake_of_ours_is_not_shown(
    writing: Live, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(type(writing.service), "name", property(lambda _: 1 / 0))
    response = writing.client.get("/health")
    error = error_of(response, 500, "internal")
    assert "Zero" not in response.text
    assert error["mend"] is None
    assert "ZeroDivisionError" in caplog.text


def test_everything_is_described(writing: Live) -> None:
    found = writing.client.get("/openapi.json").json()
    paths = found["paths"]
    assert set(paths) == {
        "/health",
        "/model",
        "/generate",
        "/suggest",
        "/predict",
        "/trace",
        "/trace/step",
        "/trace/gradient",
        "/cell",
        "/cell/train",
    }
    for path, methods in paths.items():
        for operation in methods.values():
            assert operation["description"], path
            answers = operation["responses"]
            assert "200" in answers
            schema = answers["422"]["content"]["application/json"]["schema"]
            assert schema["$ref"].endswith("/ErrorAnswer")
    events = paths["/generate"]["post"]["responses"]["200"]["content"]
    assert "text/event-stream" in events
