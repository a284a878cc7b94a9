"""The commands of `httptee`, one module each: run, check, explain, verdict, files, demo. `files` is `httptee config`,
`completion` and `man`. Others call `main` and `echo`."""

from httptee.commands.cli import echo, main

__all__ = [
    "echo",
    "main",
]
