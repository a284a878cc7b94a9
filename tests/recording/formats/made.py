"""Exchanges, and files of GoReplay written by its rules and not by the code under test."""

from httptee.recording import Exchange, Kept

MONKEYS = "\n\U0001f435\U0001f648\U0001f649\n".encode()
NOW = 1_700_000_000_000_000_000


def exchange(number=1, method="GET", target="/a?b=1", headers=(("Host", "shop"),), body=b"", status=200, reason="OK",
             answer_headers=(("Content-Length", "2"),), answer_body=b"ok", **changed):  # fmt: skip
    fields = {
        "connection": number,
        "place": 1,
        "client": "192.0.2.1",
        "arrived": NOW + number * 1_000_000,
        "first_byte": 2_000_000,
        "ended": 3_000_000,
        "method": method,
        "target": target,
        "headers": tuple(headers),
        "body": Kept.of(body),
        "status": status,
        "reason": reason,
        "answer_headers": tuple(answer_headers),
        "answer_body": Kept.of(answer_body),
    }
    return Exchange(**{**fields, **changed})


def payload(kind, name, stamp, data, latency=0):
    """One payload without its separator."""
    return f"{kind} {name} {stamp}".encode() + (b"" if latency is None else f" {latency}".encode()) + b"\n" + data


def gor(*payloads, last=True):
    """A file with these payloads."""
    return MONKEYS.join(payloads) + (MONKEYS if last else b"")


def asked(target="/", body=b"", method="GET", fields=""):
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"{method} {target} HTTP/1.1\r\nHost: shop\r\n{fields}{length}\r\n".encode("latin-1") + body


def answered(body=b"ok", status="200 OK", fields=""):
    return f"HTTP/1.1 {status}\r\n{fields}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body
