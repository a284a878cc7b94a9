"""`httptee verdict`: whether B can replace A, its evidence, and the rules in force."""

from httptee.commands.verdict.command import STATUS, print_text, run_verdict, terminal_style, write_file

__all__ = [
    "STATUS",
    "print_text",
    "run_verdict",
    "terminal_style",
    "write_file",
]
