"""A demonstration that needs only this package: the tee in the first act, its verdict in the second one."""

from httptee.commands.demo.command import run_demo_command
from httptee.commands.demo.servers import run_echo

__all__ = [
    "run_demo_command",
    "run_echo",
]
