import asyncio

import pytest

from httptee.middleware.lifespan import Lifespan

STARTUP, SHUTDOWN = {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}


def served(application):
    """What happens, in its order: what the server is sent, and the drain."""
    happened = []
    messages = [STARTUP, SHUTDOWN]

    async def receive():
        return messages.pop(0)

    async def send(message):
        happened.append(message["type"])

    asyncio.run(Lifespan(application, lambda: happened.append("drain")).serve({"type": "lifespan"}, receive, send))
    return happened


def test_it_passes_and_the_bs_are_drained_at_its_end():
    got = []

    async def application(scope, receive, send):
        got.append((scope, await receive()))
        await send({"type": "lifespan.startup.complete"})
        got.append(await receive())
        await send({"type": "lifespan.shutdown.complete"})

    assert served(application) == ["lifespan.startup.complete", "drain", "lifespan.shutdown.complete"]
    assert got == [({"type": "lifespan"}, STARTUP), SHUTDOWN]


@pytest.mark.parametrize("reads", [True, False])
def test_an_application_without_one_gets_one(reads):
    async def application(scope, receive, send):
        if reads:
            await receive()
        raise ValueError("only http")

    assert served(application) == ["lifespan.startup.complete", "drain", "lifespan.shutdown.complete"]


def test_an_application_whose_lifespan_fails_says_so_itself():
    async def application(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed"})
        raise ValueError("no database")

    with pytest.raises(ValueError, match="no database"):
        served(application)
