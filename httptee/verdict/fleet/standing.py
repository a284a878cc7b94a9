"""What a judge says: the verdict over all partitions and tees, and of itself."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import orjson

from httptee.journal.engines import Engine
from httptee.ledger import Statement
from httptee.verdict.court import NO, Report
from httptee.verdict.evidence import as_json, document, published
from httptee.verdict.fleet.adding import Fleet
from httptee.verdict.fleet.document import Lost, TeeDocument
from httptee.verdict.judge import Evidence

logger = logging.getLogger(__name__)

VERDICT = "verdict"
"""The name of the document with the merged verdict: what `httptee verdict` shows."""

JUDGE = "judge/"
"""What the names of the judges' own documents begin with."""

_SILENT = 10.0  # seconds without a document
_FORGOTTEN = 60.0  # seconds after which a judge that was killed is not listed any more


class Standing:
    """Publishes the reports of the judge `name` for its own page and for all who read the topic."""

    def __init__(self, engine: Engine, evidence: Evidence, name: str, began: float) -> None:
        self._engine = engine
        self._evidence = evidence
        self._name = name
        self._began = began
        self._words: dict[str, str] = {}

    def say(self, reports: Sequence[Report], fleet: Fleet, own: Mapping[str, Any], gone: Lost, now: float) -> None:
        """Publish. `own` is what this judge says of itself, `gone` are pairs that never came. Raises Unavailable."""
        for report in reports:
            self._log(report)
        own = {"pid": os.getpid(), "thread": False, "name": self._name, "began": self._began, "at": now, **own}
        self._engine.put(f"{JUDGE}{self._name}", orjson.dumps(own))
        more = {"judge": own, "fleet": self._fleet(fleet, gone, now)}
        self._evidence.publish(reports, **more)
        safe = published(reports, lambda _: None, {}, self._evidence.keep)
        self._engine.put(VERDICT, as_json(document(safe, now, **more)).encode())

    def leave(self) -> None:
        """Say that this judge ends. Raises Unavailable."""
        self._engine.put(f"{JUDGE}{self._name}", b"")

    def close(self) -> None:
        """Close the connection."""
        self._engine.close()

    def _fleet(self, fleet: Fleet, gone: Lost, now: float) -> dict[str, Any]:
        judges = []
        for data in filter(None, self._engine.documents(JUDGE).values()):
            with contextlib.suppress(ValueError, KeyError, TypeError):  # anybody may have put something there
                found = orjson.loads(data)
                age = max(0.0, now - float(found["at"]))
                if age < _FORGOTTEN:
                    judges.append({**found, "name": str(found["name"]), "age": age})
        return {
            "tees": [_tee(one, now) for one in fleet.documents],
            "ledger": [account(one) for one in fleet.statements()],
            "lost": asdict(gone),
            "judges": sorted(judges, key=lambda one: one["name"]),
        }

    def _log(self, report: Report) -> None:
        if report.word != self._words.get(report.backend):
            level = logging.WARNING if report.word == NO else logging.INFO
            logger.log(level, "B %s: the verdict is %s", report.backend, report.summary)
            self._words[report.backend] = report.word


def account(one: Statement) -> dict[str, Any]:
    """The account of one B for people: seen = delivered + failed + dropped + in flight + spooled + handed over."""
    names = ("backend", "seen", "delivered", "failed", "dropped", "in_flight", "spooled", "handed_over", "state")
    return {name: getattr(one, name) for name in names}


def _tee(one: TeeDocument, now: float) -> dict[str, Any]:
    age = max(0.0, now - one.at)
    return {
        "instance": one.instance,
        "run": one.run,
        "began": one.began,
        "at": one.at,
        "age": age,
        "state": "ended" if one.ended else "silent" if age > _SILENT else "running",
        "answered": one.primary.answered,
        "ledger": [account(b.statement) for b in one.backends.values()],
        "pairs": asdict(one.pairs),
    }
