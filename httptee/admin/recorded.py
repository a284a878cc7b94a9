"""The recording in /status and in /metrics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from httptee.ledger import RECORD_REASONS, RecordStatement
from httptee.recording import survey
from httptee.settings import Settings


def recording_status(settings: Settings, statement: RecordStatement) -> dict[str, Any] | None:
    """The recording as one JSON object; None if there is none. Sizes are in bytes, `oldest` in seconds since the epoch,
    `fill` is the part of `-record.max-bytes` that is used."""
    if not settings.record and not statement.seen:
        return None
    found = survey(settings.record) if settings.record else None
    return {
        "directory": settings.record,
        "seen": statement.seen,
        "recorded": statement.recorded,
        "not_recorded": statement.not_recorded,
        "not_recorded_by_reason": statement.not_recorded_by_reason,
        "waiting": statement.waiting,
        "held_bytes": statement.held,
        "files": found.files if found else 0,
        "bytes": found.size if found else 0,
        "fill": round(found.size / max(1, settings.record_max_bytes), 4) if found else 0.0,
        "oldest": round(found.oldest, 3) if found else 0.0,
        "files_removed": statement.removed,
        "error": found.error if found else "",
    }


def recording_metrics(statement: RecordStatement) -> Iterator[Metric]:
    """The metrics of the recording; none if no request was seen."""
    if not statement.seen:
        return
    yield CounterMetricFamily("httptee_recording_seen", "Requests that the recording was offered.", statement.seen)
    yield CounterMetricFamily("httptee_recording_recorded", "Requests that are recorded.", statement.recorded)
    missed = CounterMetricFamily(
        "httptee_recording_not_recorded", "Requests that are not recorded, by the reason.", labels=("reason",)
    )
    for reason in RECORD_REASONS:
        missed.add_metric((reason,), statement.not_recorded_by_reason.get(reason, 0))
    yield missed
    yield CounterMetricFamily(
        "httptee_recording_files_removed", "Files that were removed to keep the limits.", statement.removed
    )
    yield GaugeMetricFamily("httptee_recording_held_bytes", "Bytes in memory that are not written yet.", statement.held)
