"""What a reload changes, in words for the log: the names of options and of Bs, and never a value."""

from __future__ import annotations

from collections.abc import Sequence

from httptee.settings.options import OPTIONS
from httptee.settings.settings import Settings
from httptee.settings.shadow_settings import backend_names


def differences(old: Settings, new: Settings) -> str:
    """`options changed: a.timeout; B added: canary; B removed: http://b; B changed: next`, as far as it applies."""
    options = [
        option.name
        for option in OPTIONS
        if option.setting != "b" and getattr(old, option.setting) != getattr(new, option.setting)
    ]
    before, after = (dict(zip(backend_names(each.b), each.b, strict=True)) for each in (old, new))
    parts = (
        _part("options changed", options),
        _part("B added", [name for name in after if name not in before]),
        _part("B removed", [name for name in before if name not in after]),
        _part("B changed", [name for name in after if name in before and after[name] != before[name]]),
    )
    return "; ".join(filter(None, parts)) or "no option changed"


def _part(title: str, names: Sequence[str]) -> str:
    return f"{title}: {', '.join(names)}" if names else ""
