"""The commands of `httptee`, one room each. Others call `main` and `echo`."""

from httptee.commands.cli import echo, main

__all__ = [
    "echo",
    "main",
]
