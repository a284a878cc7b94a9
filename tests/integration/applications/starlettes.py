"""Starlette, with a WebSocket and a lifespan."""

import contextlib
import hashlib
import logging

from starlette.applications import Starlette
from starlette.responses import FileResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute

import httptee.asgi

logging.basicConfig(level=logging.INFO)


async def answer(request):
    return PlainTextResponse(f"{request.method} {hashlib.sha256(await request.body()).hexdigest()}")


async def ledger(request):
    return PlainTextResponse("\n".join(application.ledger.lines()))


async def unread(request):
    return PlainTextResponse("no", 403)


async def raises(request):
    raise ZeroDivisionError("a bug of the application")


async def stream(request):
    async def pieces():
        for piece in ("one ", "two ", "three"):
            yield piece

    return StreamingResponse(pieces())


async def file(request):
    return FileResponse(__file__)


async def echo(socket):
    await socket.accept()
    await socket.send_text(await socket.receive_text())
    await socket.close()


@contextlib.asynccontextmanager
async def lifespan(app):
    print("the lifespan begins", flush=True)
    yield
    print("the lifespan ends", flush=True)


ROUTES = [
    *(Route(f"/{each.__name__}", each, methods=["GET", "POST"]) for each in (ledger, unread, raises, stream, file)),
    WebSocketRoute("/echo", echo),
    Route("/{path:path}", answer, methods=["GET", "POST", "PUT"]),
]
application = httptee.asgi.Shadowed(Starlette(routes=ROUTES, lifespan=lifespan))
