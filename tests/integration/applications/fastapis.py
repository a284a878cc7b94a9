"""FastAPI, with the line of docs/mounting.md."""

import hashlib
import logging

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, PlainTextResponse, StreamingResponse

import httptee.asgi

logging.basicConfig(level=logging.INFO)
made = []


class Shadowed(httptee.asgi.Shadowed):
    """Lets the test have it: FastAPI makes it itself."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        made.append(self)


application = FastAPI()
application.add_middleware(Shadowed)


@application.get("/ledger", response_class=PlainTextResponse)
async def ledger():
    return "\n".join(made[0].ledger.lines())


@application.post("/unread", response_class=PlainTextResponse, status_code=403)
async def unread():
    return "no"


@application.get("/raises")
async def raises():
    raise ZeroDivisionError("a bug of the application")


@application.get("/stream")
async def stream():
    return StreamingResponse(iter(["one ", "two ", "three"]))


@application.get("/file")
async def file():
    return FileResponse(__file__)


@application.api_route("/{path:path}", methods=["GET", "POST", "PUT"], response_class=PlainTextResponse)
async def answer(path: str, request: Request):
    return f"{request.method} {hashlib.sha256(await request.body()).hexdigest()}"
