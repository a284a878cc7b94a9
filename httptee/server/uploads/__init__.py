"""Uploads that go on to A while they arrive: which do, and how their bytes come from the client's connection."""

from httptee.server.uploads.admission import Streaming, Uploads
from httptee.server.uploads.pace import Stretch
from httptee.server.uploads.source import ClientBody

__all__ = ["ClientBody", "Streaming", "Stretch", "Uploads"]
