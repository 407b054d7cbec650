"""MLflow's scoring server behind a gate: a wrong request is answered by a sentence, and a huge one is not read.

The server of `mlflow models serve` answers some mistakes with a stack trace (a CSV that is none), with status 500 (no
content type) or not at all (an unknown parameter), and reads a body of any size. What gets through the gate is
answered by MLflow's own application, so that right requests have the same answers as there.

A process of its own imports this file by the name `gate`, from its folder: so the model's code, which lies beside its
weights, is the only package `encdec` that it sees.
"""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from mlflow.pyfunc import load_model, scoring_server

PACKAGE_VARIABLE = "ENCDEC_SERVED_PACKAGE"
MAX_BODY_VARIABLE = "ENCDEC_MAX_BODY_BYTES"
PATH = "/invocations"
TYPES = ("application/json", "text/csv", "application/vnd.apache.parquet")
INPUTS = ("inputs", "instances", "dataframe_records", "dataframe_split")
MOST_CHARACTERS = 600
SMALL_BYTES = 50_000
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class Refusal(Exception):
    """A request that is not passed on."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Gate:
    """An ASGI application around another."""

    def __init__(self, app: App, *, parameters: frozenset[str], max_body_bytes: int) -> None:
        self.app = app
        self.parameters = parameters
        self.max_body_bytes = max_body_bytes

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            body = await self.read(scope, receive) if scope["path"] == PATH and scope["method"] == "POST" else b""
            status, headers, answer = await self.ask(scope, body)
        except Refusal as refusal:
            await respond(send, refusal)
            return
        if status >= 400:
            await respond(send, explained(status, answer, scope))
            return
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def read(self, scope: MutableMapping[str, Any], receive: Receive) -> bytes:
        """The body, if it may be passed on."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in TYPES:
            found = f"the content type is {kind}" if kind else "the request has no content type"
            raise Refusal(415, "UNSUPPORTED_MEDIA_TYPE", f"{found}: send one of {', '.join(TYPES)}")
        told = headers.get("content-length", "")
        if told.isdigit() and int(told) > self.max_body_bytes:
            raise self.too_large()
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Refusal(400, "BAD_REQUEST", "the client has gone before its request was whole")
            parts.append(message.get("body", b""))
            size, more = size + len(parts[-1]), message.get("more_body", False)
            if size > self.max_body_bytes:
                raise self.too_large()
        body = b"".join(parts)
        if kind == "application/json":
            if size > SMALL_BYTES:  # other requests are answered meanwhile
                await asyncio.to_thread(self.check_json, body)
            else:
                self.check_json(body)
        return body

    def too_large(self) -> Refusal:
        told = f"the request has more than {self.max_body_bytes:,} bytes: send it in parts, or use `encdec predict`"
        return Refusal(413, "REQUEST_TOO_LARGE", told)

    def check_json(self, body: bytes) -> None:
        """Refuse what is no JSON object, and a parameter that the model does not have, which MLflow would ignore."""
        try:
            request = json.loads(body)
        except RecursionError:
            raise Refusal(400, "BAD_REQUEST", "the JSON is nested too deeply") from None
        except UnicodeDecodeError as error:
            raise Refusal(400, "BAD_REQUEST", f"the body is not UTF-8: byte {error.start} is wrong") from None
        except ValueError as error:
            raise Refusal(400, "BAD_REQUEST", f"the body is no JSON: {error}") from None
        if not isinstance(request, dict) or len([key for key in INPUTS if key in request]) != 1:
            raise Refusal(400, "BAD_REQUEST", f"send a JSON object with one of the keys {', '.join(INPUTS)}")
        given = request.get("params")
        unknown = sorted(set(given) - self.parameters) if isinstance(given, dict) else []
        if unknown:
            known = ", ".join(sorted(self.parameters))
            told = f"params: {', '.join(unknown)[:200]}: the model has no such parameter; it has {known}"
            raise Refusal(400, "INVALID_PARAMETER_VALUE", told)

    async def ask(self, scope: MutableMapping[str, Any], body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """What the application inside answers: status, headers and body."""
        started: Message = {"status": 500, "headers": []}
        parts: list[bytes] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
            else:
                parts.append(message.get("body", b""))

        await self.app(scope, receive, send)
        return started["status"], started["headers"], b"".join(parts)


def explained(status: int, answer: bytes, scope: MutableMapping[str, Any]) -> Refusal:
    """MLflow's error as a code and a sentence: no stack trace, and not the input once more."""
    if status == 405:
        return Refusal(405, "METHOD_NOT_ALLOWED", f"{scope['method']} {scope['path']} is not answered: POST to {PATH}")
    if status == 404:
        return Refusal(404, "NOT_FOUND", f"there is no {scope['path']}: POST to {PATH}, or GET /ping")
    try:
        told = json.loads(answer)
    except ValueError:
        told = answer.decode("utf-8", errors="replace")
    if not isinstance(told, dict):
        return Refusal(status, "BAD_REQUEST", str(told)[:MOST_CHARACTERS])
    message = str(told.get("message", "the request cannot be answered"))
    message = message.partition("\nInput:")[0].partition("IMPORTANT: The MLflow")[0]
    _, marked, ours = message.partition("\nError: ")
    message = ours if marked and message.startswith("Failed to predict data") else message
    if message.startswith("Failed to enforce schema of data"):
        message = f"the input does not fit the model's signature {message.partition(' with schema ')[2]}"
    return Refusal(status, str(told.get("error_code", "BAD_REQUEST")), " ".join(message.split())[:MOST_CHARACTERS])


async def respond(send: Send, refusal: Refusal) -> None:
    body = json.dumps({"error_code": refusal.code, "message": str(refusal)}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def served() -> Gate:
    """The application for the package that the environment names; uvicorn calls this in each worker."""
    model = load_model(os.environ[PACKAGE_VARIABLE])
    schema = model.metadata.signature.params if model.metadata.signature else None
    parameters = frozenset(each.name for each in schema.params) if schema else frozenset()
    return Gate(scoring_server.init(model), parameters=parameters, max_body_bytes=int(os.environ[MAX_BODY_VARIABLE]))
