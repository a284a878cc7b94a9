"""WebSockets through the tee, with the clients and the server of the `websockets` library: the same as without it."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.support.tee import Tee
from tests.support.tls import Authority

pytestmark = [pytest.mark.integration, pytest.mark.alone]

MANY = 1000
SIZES = (0, 1, 125, 126, 65535, 65536, 1 << 20)


async def echo(connection: ServerConnection) -> None:
    """Send back each message as it came: in one frame or in several, as text or as bytes."""
    async for message in connection:
        if message == "close":
            await connection.close(4001, "as you wish")
        await connection.send(message)


@contextmanager
def echoing(authority: Authority | None = None) -> Iterator[str]:
    """An echo server in a thread; yields its address without a scheme."""
    ready, address = threading.Event(), [""]
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def run() -> None:
        tls = authority.server() if authority else None
        async with serve(echo, "127.0.0.1", 0, ssl=tls, max_size=None, ping_interval=None) as server:
            address[0] = f"127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    assert ready.wait(30)
    try:
        yield address[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


async def talk(url: str, authority: Authority | None = None) -> list[object]:
    """Everything that a client may do, and what it gets for it."""
    got: list[object] = []
    options = {"ssl": authority.client()} if authority else {}
    async with connect(url, max_size=None, subprotocols=["x"], ping_interval=None, **options) as client:  # type: ignore
        got += [client.subprotocol, client.response.status_code if client.response else None]
        for size in SIZES:
            for message in ("é" * (size // 2), bytes(os.urandom(1)) * size):
                await client.send(message)
                got.append(await client.recv() == message)
        await client.send(iter(("in ", "several ", "frames")))
        got.append(await client.recv())
        await (await client.ping(b"are you there"))
        await client.send("close")
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
        assert closed.value.rcvd is not None
        got.append((closed.value.rcvd.code, closed.value.rcvd.reason))
    return got


@pytest.mark.parametrize("secure", [False, True])
def test_a_conversation_through_the_tee_is_the_same_as_a_direct_one(secure: bool, tmp_path: Path) -> None:
    authority = Authority(tmp_path) if secure else None
    words = ("-cert.file", authority.issue(), "-a.ca", authority.file) if authority else ()
    scheme = "s" if secure else ""
    with echoing(authority) as at, Tee("-a", f"http{scheme}://{at}", *words) as tee:
        direct = asyncio.run(talk(f"ws{scheme}://{at}", authority))
        assert asyncio.run(talk(f"ws{scheme}://127.0.0.1:{tee.port}/x", authority)) == direct
        assert direct[-1] == (4001, "as you wish")


def test_a_thousand_connections_at_once_get_what_they_sent() -> None:
    with echoing() as at, Tee("-a", at, "-b", "127.0.0.1:9") as tee:
        asyncio.run(_many(f"ws://127.0.0.1:{tee.port}"))
        tee.program.stop()
        assert f"upgraded opened={MANY} open=0 (closed={MANY})" in tee.program.output
        assert f"dropped={MANY} (filtered={MANY})" in tee.program.output


async def _many(url: str) -> None:
    clients: list[ClientConnection] = []
    for at in range(
        0, MANY, 50
    ):  # more at once than the backlog of the server would be refused, with and without a tee
        some = (connect(url, ping_interval=None, open_timeout=30) for _ in range(at, at + 50))
        clients += await asyncio.gather(*some)
    for each in range(3):
        await asyncio.gather(*(client.send(f"{number} {each}") for number, client in enumerate(clients)))
        answers = await asyncio.gather(*(client.recv() for client in clients))
        assert answers == [f"{number} {each}" for number in range(MANY)]
    await asyncio.gather(*(client.close() for client in clients))
