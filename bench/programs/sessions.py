"""The two arrangements of sessions in which a run starts its programs.

Where autogroup is on, Linux shares CPU time between sessions first, and only then between the processes of each.
systemd and container runtimes start each service in its own session. A shell starts all its commands in one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any

_AUTOGROUP = Path("/proc/sys/kernel/sched_autogroup_enabled")


class Sessions(Enum):
    """Which programs of a run share a session."""

    ONE = "one"
    OWN = "own"

    @property
    def title(self) -> str:
        """For headings."""
        return "all programs in one session" if self is Sessions.ONE else "each program in its own session"

    @property
    def popen(self) -> dict[str, Any]:
        """Arguments of `subprocess.Popen`: the session of this process, or a new one."""
        return {"start_new_session": self is Sessions.OWN}

    @property
    def popen_apart(self) -> dict[str, Any]:
        """The same, with a process group for the program in both arrangements."""
        if self is Sessions.OWN:
            return self.popen  # A new session starts with a new process group.
        return {"process_group": 0} if sys.version_info >= (3, 11) else {"preexec_fn": os.setpgrp}


def names(arrangements: Sequence[Sessions]) -> str:
    """For the line of a run's settings."""
    return " and ".join(each.value for each in arrangements)


def autogroup() -> str:
    """Whether the kernel shares CPU time by session: "on", "off" or "unknown"."""
    try:
        return "on" if _AUTOGROUP.read_text(encoding="ascii").strip() == "1" else "off"
    except OSError:
        return "unknown"
