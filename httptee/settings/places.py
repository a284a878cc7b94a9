"""Casts of what may be the address of an engine. Each raises ValueError with its rule."""

from __future__ import annotations

from httptee.journal.engines import is_engine_address, parse_address


def spool_place(text: str) -> str:
    """A directory, the address of an engine, or the empty text for `off`."""
    if is_engine_address(text):
        parse_address(text)
    return "" if text == "off" else text


def rates_address(text: str) -> str:
    """The address of a topic in Redis as it is, or the empty text. Raises ValueError."""
    if text and parse_address(text).scheme == "kafka":
        raise ValueError("must be the address of a Redis server, redis://HOST/TOPIC: Kafka cannot share a rate")
    return text
