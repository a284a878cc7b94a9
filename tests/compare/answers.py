"""Outcomes to compare, and short forms of their differences."""

import json

from hypothesis import HealthCheck, settings

from httptee.compare import Outcome, differences

# A machine that is busy makes no test fail.
at_leisure = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])

DATE = "Thu, 26 Nov 2026 04:23:47 GMT"


def answer(body=b"", content_type="application/json", *fields, status=200):
    """An outcome. A body that is no bytes is sent as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Outcome(status, [("Content-Type", content_type), *fields] if content_type else list(fields), data)


def found(a, b):
    """(part, path, kind) of every difference, sorted."""
    return sorted(tuple(difference.key) for difference in differences(a, b))


def in_json(a, b):
    """(path, kind) of every difference of two values sent as JSON, sorted."""
    return [(path, kind) for _, path, kind in found(answer(a), answer(b))]
