"""`httptee replay`: sends a recording to a server, at its own pace or another one, and compares the answers."""

from httptee.commands.replay.command import run_replay

__all__ = ["run_replay"]
