"""The operator's rules for a B, as they are understood."""

from __future__ import annotations

from httptee.verdict.court import Rule, Rules
from httptee.verdict.display.style import columns, harmless


def rules_text(rules: Rules) -> str:
    """One line for each rule: what it does, of which route, of which place, and the reason that was given."""
    rows = [_row("ignore", rule) for rule in rules.ignored] + [_row("accept", rule) for rule in rules.accepted]
    rows += [("route", harmless(template), "", "") for template in rules.templates]
    if not rows:
        return "  no rules: every difference counts\n"
    widths = [max(columns(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join([*(cell + " " * (width - columns(cell)) for cell, width in zip(row, widths, strict=False)), row[3]])
        for row in rows
    ]
    return "".join(f"  {line}".rstrip() + "\n" for line in lines)


def _row(word: str, rule: Rule) -> tuple[str, str, str, str]:
    where = " ".join(filter(None, (rule.method, rule.route))) or "every route"
    what = " ".join(filter(None, (rule.part, rule.path, rule.kind)))
    return word, harmless(where), harmless(what), f"# {harmless(rule.reason)}" if rule.reason else ""
