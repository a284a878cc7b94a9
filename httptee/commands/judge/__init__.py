"""`httptee judge`: one verdict for many tees."""

from httptee.commands.judge.command import run_judge

__all__ = ["run_judge"]
