"""Settings that a program gives: lines for the Bs and a mapping. Every error names the line or the key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike, fspath

from httptee.errors import ConfigError
from httptee.settings import BY_NAME, Option, Settings, check, environment_name, load_words, unknown

_BY_KEY = {environment_name(name): option for name, option in BY_NAME.items()}


def load_in_code(
    lines: Sequence[str],
    given: Mapping[str, object],
    config: str | PathLike[str] | None,
    environ: Mapping[str, str],
) -> tuple[Settings, frozenset[str]]:
    """The settings, and the names of the options that are set anywhere.

    `lines` are those of the Bs. The keys of `given` are the names of options, as in the file or with underscores; its
    values are texts, numbers, booleans, or a list of them for an option that is repeatable. `config` is the name of a
    file. What a program gives overrides the environment, and that the file. Raises ConfigError.
    """
    words = [] if config is None else [f"--config={fspath(config)}"]
    for number, line in enumerate(lines, start=1):
        words += _words(BY_NAME["b"], [line], f"B number {number}")
    for key, value in given.items():
        place = f"settings[{key!r}]"
        option = _BY_KEY.get(environment_name(str(key)))
        if option is None:
            raise ConfigError(f"{place}: unknown option {unknown(str(key))}")
        words += _words(option, _texts(option, value, place), place)
    return load_words(words, environ)


def _words(option: Option, texts: Iterable[str], place: str) -> list[str]:
    split = [one for text in texts for one in option.texts(text)]
    if not split:
        raise ConfigError(f"{place}: contains no value")
    check(option, split, place)
    return [f"--{option.name}={text}" for text in split]


def _texts(option: Option, value: object, place: str) -> list[str]:
    several = isinstance(value, list | tuple)
    if several and not option.repeatable:
        raise ConfigError(f"{place}: must be one value")
    texts = []
    for one in value if isinstance(value, list | tuple) else [value]:
        if isinstance(one, bool):
            texts.append("true" if one else "false")
        elif isinstance(one, str | int | float | PathLike):
            texts.append(str(one))
        else:
            raise ConfigError(f"{place}: must be a text, a number or a boolean, not {type(one).__name__}")
    return texts
