"""Builds the tee from the settings: A, every B, and their parts. `processes/`, `middleware/` and `admin/` build what is
around it: the servers, the gauges, the admin listener and its check of A."""

from httptee.build.draining import drained, make_drained
from httptee.build.judging import Observed, asking_of, evidence_of, fingerprints_of, make_judge, trials_of
from httptee.build.part import WHOLE, Part
from httptee.build.recording import announce_recording, build_inlet, name_recording
from httptee.build.shipping import end_recording, recorded_in
from httptee.build.spooling import end_spools, give_desks
from httptee.build.tee import MAX_BODY_IN_MEMORY, build_ledger, build_tee
from httptee.build.upstreams import additions, primary_upstream, shadow_upstream
from httptee.build.watching import Watching, build_tallies

__all__ = [
    "MAX_BODY_IN_MEMORY",
    "WHOLE",
    "Observed",
    "Part",
    "Watching",
    "additions",
    "announce_recording",
    "asking_of",
    "build_inlet",
    "build_ledger",
    "build_tallies",
    "build_tee",
    "drained",
    "end_recording",
    "end_spools",
    "evidence_of",
    "fingerprints_of",
    "give_desks",
    "make_drained",
    "make_judge",
    "name_recording",
    "primary_upstream",
    "recorded_in",
    "shadow_upstream",
    "trials_of",
]
