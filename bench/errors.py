"""The errors of the bench. `python -m bench` prints their text as one line and exits with status 1."""


class BenchError(Exception):
    """A run that cannot go on, or a figure that cannot be taken."""


class NotStartedError(BenchError):
    """A program that did not start."""
