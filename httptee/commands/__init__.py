"""The commands of `httptee`, one module each: run, check, explain, verdict, demo. Others call `main` and `echo`."""

from httptee.commands.cli import echo, main

__all__ = [
    "echo",
    "main",
]
