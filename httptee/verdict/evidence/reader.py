"""Reads the evidence while another process writes it. Each call opens the file and closes it again."""

from __future__ import annotations

import json
from typing import Any

from httptee.verdict.evidence.chest import stored_pair
from httptee.verdict.evidence.database import reading
from httptee.verdict.evidence.document import document, is_document
from httptee.verdict.evidence.stored import StoredPair


def read_verdict(directory: str) -> dict[str, Any]:
    """The document with the latest reports of all Bs, see `document`. Raises Unreadable."""
    with reading(directory) as connection:
        row = connection.execute("SELECT value FROM documents WHERE name = 'reports'").fetchone()
        found = json.loads(row[0]) if row else {"at": None, "reports": []}
        if not is_document(found):
            raise ValueError("the reports are damaged")
        more = {name: value for name, value in found.items() if name not in ("at", "reports")}
        return document(found["reports"], found.get("at"), directory=directory, **more)


def read_pair(directory: str, number: int) -> StoredPair | None:
    """The pair with this number, or None if it is not kept. Raises Unreadable."""
    with reading(directory) as connection:
        return stored_pair(connection, number)
