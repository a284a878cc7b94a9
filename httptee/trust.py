"""How A and the Bs are verified, by the settings; tried at start, before any request finds a bad file."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from httptee.config import ConfigError, Settings
from httptee.endpoint import Endpoint
from httptee.transport.tls import Trust, tls_context

logger = logging.getLogger(__name__)


def trust_of_a(settings: Settings) -> Trust:
    """How A is verified."""
    return Trust(settings.a_ca, settings.a_cert, settings.a_key, settings.a_insecure, settings.a_server_name)


def trust_of_b(settings: Settings) -> Trust:
    """How every B is verified."""
    return Trust(settings.b_ca, settings.b_cert, settings.b_key, settings.b_insecure, settings.b_server_name)


def check_trust(settings: Settings) -> None:
    """Try what the upstreams will be verified with, and say loudly where nothing is verified.

    To be called once, before any worker is forked. Raises ConfigError for what contradicts itself or cannot be used.
    """
    _check("a", trust_of_a(settings), [settings.a])
    _check("b", trust_of_b(settings), settings.b)


def _check(name: str, trust: Trust, endpoints: Sequence[Endpoint]) -> None:
    if trust.key and not trust.cert:
        raise ConfigError(f"-{name}.key: there is no -{name}.cert that it could belong to")
    if trust.ca and trust.insecure:
        raise ConfigError(f"-{name}.insecure: contradicts -{name}.ca")
    for option, path in (("ca", trust.ca), ("cert", trust.cert), ("key", trust.key)):
        try:
            if path and not Path(path).is_dir():
                Path(path).read_bytes()
        except OSError as error:
            raise ConfigError(f"-{name}.{option}: cannot read {path}: {error.strerror}") from None
    if trust == Trust(server_name=trust.server_name) and not any(each.scheme == "https" for each in endpoints):
        return
    try:
        tls_context(trust.verify, trust.certificate)
    except OSError as error:
        files = ", ".join(path for path in (trust.ca, trust.cert, trust.key) if path)
        raise ConfigError(f"-{name}.ca, -{name}.cert or -{name}.key: {files}: {error}") from None
    for endpoint in endpoints:
        if trust.insecure and endpoint.scheme == "https":
            logger.warning(
                "%s %s IS NOT VERIFIED (-%s.insecure): whoever is on the way to it can read and change everything",
                name.upper(), endpoint, name,
            )  # fmt: skip
