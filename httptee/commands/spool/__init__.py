"""`httptee spool`: what waits in a spool and what was set aside, and what is done with it by hand."""

from httptee.commands.spool.command import run_spool

__all__ = ["run_spool"]
