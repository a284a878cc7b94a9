"""From a command line, the environment and a file to frozen `Settings`, or to one line that names the error.

Each source is checked where it is read, so the message can name the word, the variable or the line. A bad value is
refused even if another source overrides it. Then ConfigArgParse gets everything, words as `--name=value`, and applies
the order of precedence.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn, TextIO

import configargparse

from httptee.errors import ConfigError
from httptee.http import without_userinfo
from httptee.settings.casts import is_boolean
from httptee.settings.option import Option
from httptee.settings.option_texts import help_text
from httptee.settings.options import BY_NAME, CONFIG_ENVIRONMENT, OPTIONS, check, unknown, unknown_variables
from httptee.settings.settings import Settings
from httptee.settings.shadow_settings import shadow_settings
from httptee.version import __version__

SECTION = "httptee"


def load(argv: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """The settings for a command line (without the program's name), an environment, and the file that one of them
    names.

    Raises ConfigError. `-h` and `-version` print, and raise SystemExit(0).
    """
    return load_given(argv, environ)[0]


def load_given(argv: Sequence[str], environ: Mapping[str, str]) -> tuple[Settings, frozenset[str]]:
    """The same as `load`, with the names of the options that are set anywhere."""
    words = list(_command_line(argv))
    if words[-1:] in (["--help"], ["--version"]):
        # The help must be printed even if the environment or the file has an error.
        words, environ = words[-1:], {}
    return load_words(words, environ)


def load_words(words: Sequence[str], environ: Mapping[str, str]) -> tuple[Settings, frozenset[str]]:
    """The same for words `--name=value` that are checked."""
    found = _parser().parse_args(words, env_vars=_environment(environ))
    values: dict[str, Any] = {}
    given = frozenset(option.name for option in OPTIONS if getattr(found, option.setting))
    for option in OPTIONS:
        texts = getattr(found, option.setting) or option.texts(option.default)
        values[option.setting] = option.value(texts)
    settings = Settings(**values)
    shadow_settings(settings)  # raises ConfigError for Bs that contradict each other
    return settings, given


def load_or_exit(argv: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """`load` for the start of a program: on an error, it prints one line on stderr and exits with status 2.

    It also prints a warning for each variable `HTTPTEE_…` that sets no option.
    """
    try:
        settings = load(argv, environ)
    except ConfigError as error:
        print("httptee:", " ".join(str(error).splitlines()), file=sys.stderr)
        raise SystemExit(2) from None
    for warning in unknown_variables(environ):
        print("httptee: warning:", warning, file=sys.stderr)
    return settings


# --- The command line -----------------------------------------------------------------------------------------------


def _command_line(argv: Sequence[str]) -> Iterator[str]:
    """Every option of Go's flag syntax as one `--name=value`.

    One dash or two; the value after `=` or in the next word, however that word starts; a boolean's value only after
    `=`. Go stops at `--` and at the first other word, and ignores what follows. Here, any word that follows is an
    error.
    """
    words = iter(argv)
    for word in words:
        if word == "--":
            _refuse_arguments(list(words))
            return
        dashed = re.fullmatch(r"--?([^-=][^=]*)(?:=(.*))?", word, re.DOTALL)
        if not dashed:
            _refuse_arguments([word])
            return
        name, value = dashed[1], dashed[2]
        if name in ("h", "help", "version"):
            if value is not None:
                raise ConfigError(f"-{name}: takes no value")
            yield "--version" if name == "version" else "--help"
            return
        option = BY_NAME.get(name)
        if option is None and name != "config":
            raise ConfigError(f"unknown option {unknown(name, '-')}")
        if value is None:
            value = "true" if option and option.boolean else next(words, None)
        if value is None or (option is None and not value):
            raise ConfigError(f"-{name}: needs a value")
        if option is not None:
            check(option, [value], f"-{name}")
        yield f"--{option.name if option else name}={value}"


def _refuse_arguments(words: list[str]) -> None:
    if not words:
        return
    word, hint = words[0], ""
    if is_boolean(word):
        hint = " (write the value of a boolean after =)"
    elif word in ("demo", "help", "version"):
        hint = f" (write --{word})"
    elif word.endswith((".ini", ".cfg", ".conf")):
        hint = " (write --config before the name of the file)"
    raise ConfigError(f"unexpected argument {without_userinfo(word)!r}{hint}")


# --- The environment ------------------------------------------------------------------------------------------------


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that set options, each as a list in the form that ConfigArgParse reads. Empty ones are ignored.

    Unknown names with the same prefix are no error (`unknown_variables` gives a warning): for a service called httptee,
    Kubernetes sets HTTPTEE_PORT in every container.
    """
    found = {name: environ[name] for name in (CONFIG_ENVIRONMENT,) if environ.get(name)}
    for option in OPTIONS:
        text = environ.get(option.environment, "").strip()
        if text:
            texts = option.texts(text)
            if not texts:
                raise ConfigError(f"{option.environment}: contains no value")
            check(option, texts, option.environment)
            found[option.environment] = json.dumps(texts)
    return found


# --- The file -------------------------------------------------------------------------------------------------------


_QUOTED_OR_COMMENT = re.compile(r"""("[^"]*"|'[^']*')|(?:^|\s)[#;]""")


def _without_comment(line: str) -> str:
    """The line up to its comment. In quotes, # and ; are part of the value."""
    for found in _QUOTED_OR_COMMENT.finditer(line):
        if not found[1]:
            return line[: found.start()]
    return line


class _IniParser(configargparse.ConfigFileParser):  # type: ignore[misc]
    """Plain `key = value` lines, in a section [httptee] or in none. Raises ConfigError with the line's number."""

    def parse(self, stream: TextIO) -> dict[str, list[str]]:
        """The texts of every option that the file sets, by the option's name."""
        found: dict[str, list[str]] = {}
        for number, line in enumerate(stream, start=1):
            place = f"{stream.name}:{number}"
            text = _without_comment(line).strip()
            if text.startswith("["):
                if text != f"[{SECTION}]":
                    raise ConfigError(f"{place}: the only section is [{SECTION}]")
            elif text:
                option, texts = self._setting(text, place)
                if option.name in found and not option.repeatable:
                    raise ConfigError(f"{place}: {option.name} is given twice")
                found.setdefault(option.name, []).extend(texts)
        return found

    def _setting(self, text: str, place: str) -> tuple[Option, list[str]]:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not equals:
            raise ConfigError(f"{place}: a line must be key = value")
        if key not in BY_NAME:
            raise ConfigError(f"{place}: unknown option {unknown(key)}")
        option = BY_NAME[key]
        quoted = re.fullmatch(r"([\"'])(.*)\1", value)
        # In the value of a repeatable option, a quote at the start may belong to the first word only.
        texts = option.texts(quoted[2] if quoted and not option.repeatable else value)
        check(option, texts, f"{place}: {key}")
        return option, texts


def _open(path: str) -> TextIO:
    """The file as a stream in memory: if it cannot be read or decoded, the error is raised here."""
    with open(path, encoding="utf-8-sig") as file:
        stream = io.StringIO(file.read())
    stream.name = path
    return stream


# --- The parser -----------------------------------------------------------------------------------------------------


class _Parser(configargparse.ArgumentParser):  # type: ignore[misc]
    """Raises ConfigError where argparse would print its usage and exit. Its help is that of the option table."""

    def error(self, message: str) -> NoReturn:
        """Raise the message as a ConfigError."""
        raise ConfigError(message)

    def format_help(self) -> str:
        """The help of the option table."""
        return help_text()


def _parser() -> _Parser:
    parser = _Parser(
        prog="httptee",
        allow_abbrev=False,
        add_help=False,
        config_file_parser_class=_IniParser,
        config_file_open_func=_open,
    )
    parser.add_argument("--help", action="help")
    parser.add_argument("--version", action="version", version=f"httptee {__version__}")
    parser.add_argument("--config", is_config_file_arg=True, env_var=CONFIG_ENVIRONMENT)
    for option in OPTIONS:
        parser.add_argument("--" + option.name, dest=option.setting, action="append", env_var=option.environment)
    return parser
