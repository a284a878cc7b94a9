"""How A and the Bs are verified, by the settings. The files are tried at start, before a request needs them."""

from __future__ import annotations

import logging
from pathlib import Path

from httptee.errors import ConfigError
from httptee.http import Endpoint
from httptee.settings.settings import Settings
from httptee.settings.shadow_settings import ShadowSettings, shadow_settings
from httptee.transport import Trust, tls_context

logger = logging.getLogger(__name__)


def trust_of_a(settings: Settings) -> Trust:
    """How A is verified."""
    return Trust(settings.a_ca, settings.a_cert, settings.a_key, settings.a_insecure, settings.a_server_name)


def trust_of_b(shadow: ShadowSettings) -> Trust:
    """How one B is verified."""
    return Trust(shadow.ca, shadow.cert, shadow.key, shadow.insecure, shadow.server_name)


def check_trust(settings: Settings) -> None:
    """Load the files that verify the upstreams, and log a warning for each upstream that is not verified.

    Call it once, before any worker process is forked. Raises ConfigError for options that contradict each other, and
    for files that cannot be used.
    """
    for_all_b = Trust(settings.b_ca, settings.b_cert, settings.b_key, settings.b_insecure, settings.b_server_name)
    tried: set[Trust] = set()
    _check("-a.", trust_of_a(settings), settings.a, tried)
    _check("-b.", for_all_b, None, tried)
    _warn("A", trust_of_a(settings), settings.a)
    for shadow in shadow_settings(settings):
        trust = trust_of_b(shadow)
        _check(f"B {shadow.name}: ", trust, shadow.endpoint, tried)
        _warn("B", trust, shadow.endpoint)


def pem_flaw(cert: str, key: str, key_option: str) -> str:
    """What the two files lack, for a message: a certificate or a private key; "" if both are there.

    `key` is the same file as `cert`, or empty, if no file of its own is set for the key. Raises OSError.
    """
    if b"CERTIFICATE-----" not in Path(cert).read_bytes():
        return f"no PEM certificate in {cert}"
    if b"PRIVATE KEY-----" not in Path(key or cert).read_bytes():
        hint = f": set {key_option} to the file of its key" if key in ("", cert) else ""
        return f"no PEM private key in {key or cert}{hint}"
    return ""


def _check(place: str, trust: Trust, endpoint: Endpoint | None, tried: set[Trust]) -> None:
    """`place` is the text before an option's name in a message; `tried` holds what was loaded without an error."""
    if trust.key and not trust.cert:
        raise ConfigError(f"{place}key: needs {place}cert")
    if trust.ca and trust.insecure:
        raise ConfigError(f"{place}insecure: cannot be combined with {place}ca")
    for option, path in (("ca", trust.ca), ("cert", trust.cert), ("key", trust.key)):
        try:
            if path and not Path(path).is_dir():
                Path(path).read_bytes()
        except OSError as error:
            raise ConfigError(f"{place}{option}: cannot read {path}: {error.strerror}") from None
    unused = trust == Trust(server_name=trust.server_name) and not (endpoint and endpoint.scheme == "https")
    if unused or trust in tried:
        return
    try:
        tls_context(trust.verify, trust.certificate)
    except OSError as error:
        flaw = pem_flaw(trust.cert, trust.key, f"{place}key") if trust.cert else ""
        if flaw:
            raise ConfigError(f"{place}cert: {flaw}") from None
        files = ", ".join(path for path in (trust.ca, trust.cert, trust.key) if path)
        raise ConfigError(f"{place}ca, {place}cert or {place}key: {files}: {error}") from None
    tried.add(trust)


def _warn(name: str, trust: Trust, endpoint: Endpoint) -> None:
    if trust.insecure and endpoint.scheme == "https":
        logger.warning(
            "%s %s IS NOT VERIFIED (insecure): anyone on the network path can read and change all",
            name, endpoint,
        )  # fmt: skip
