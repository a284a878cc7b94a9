"""`httptee verdict`: whether B can replace A, its evidence, and the rules in force."""

from httptee.commands.verdict.command import print_text, run_verdict, terminal_style

__all__ = [
    "print_text",
    "run_verdict",
    "terminal_style",
]
