"""What a person asks of a topic: the merged verdict, and to forget tees whose counts are not to count any more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from httptee.journal.engines import Engine
from httptee.verdict.evidence import is_document
from httptee.verdict.fleet.document import PREFIX
from httptee.verdict.fleet.standing import VERDICT


def read_merged(engine: Engine) -> Mapping[str, Any] | None:
    """The verdict over all tees that a judge has published last, or None. Raises Unavailable, and ValueError for what
    is no verdict."""
    data = engine.documents(VERDICT).get(VERDICT)
    if not data:
        return None
    found: Any = orjson.loads(data)
    if not is_document(found):
        raise ValueError("this is not a verdict")
    return dict(found)


def forget(engine: Engine, instance: str) -> int:
    """Have all runs of a tee count no more; how many these were. A run that goes on comes back with its next document.
    Its pairs that were judged stay in the courts. Raises Unavailable."""
    runs = [name for name, data in engine.documents(f"{PREFIX}{instance}/").items() if data]
    for name in runs:
        engine.put(name, b"")
    return len(runs)
