"""One option table and everything that is made from it: the parser, INI keys, environment names, the help and frozen
`Settings`. `load` reads the options, `shadow_settings` gives the settings of each B."""

from httptee.settings.backend import Backend
from httptee.settings.casts import usable_cores
from httptee.settings.config import load, load_given, load_or_exit, load_words
from httptee.settings.effective import IGNORED, OF_A_SERVER_A, differences, effective_lines, effective_options, ignored
from httptee.settings.option import Option, environment_name
from httptee.settings.option_texts import help_text
from httptee.settings.options import BY_NAME, check, unknown
from httptee.settings.same import check_same, of_same_address, own_addresses, own_sockets
from httptee.settings.settings import Settings, SpoolSettings
from httptee.settings.shadow_settings import (
    ShadowSettings,
    backend_names,
    descriptions,
    record_criteria,
    shadow_settings,
)
from httptee.settings.trust import check_trust, pem_flaw, trust_of_a, trust_of_b

__all__ = [
    "BY_NAME",
    "IGNORED",
    "OF_A_SERVER_A",
    "Backend",
    "Option",
    "Settings",
    "ShadowSettings",
    "SpoolSettings",
    "backend_names",
    "check",
    "check_same",
    "check_trust",
    "descriptions",
    "differences",
    "effective_lines",
    "effective_options",
    "environment_name",
    "help_text",
    "ignored",
    "load",
    "load_given",
    "load_or_exit",
    "load_words",
    "of_same_address",
    "own_addresses",
    "own_sockets",
    "pem_flaw",
    "record_criteria",
    "shadow_settings",
    "trust_of_a",
    "trust_of_b",
    "unknown",
    "usable_cores",
]
