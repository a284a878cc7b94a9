"""`python -m tests.support.generate` writes what is made from the code: the README's room map, `etc/httptee.ini`."""

from __future__ import annotations

import re

from httptee.settings.option_texts import ini_text
from tests.support.house import README, ROOT, room_map


def main() -> None:
    """Write both. Tests compare what stands in the tree with what this would write."""
    text = README.read_text()
    README.write_text(re.sub(r"(<!-- rooms -->\n).*(\n<!-- /rooms -->)", rf"\g<1>{room_map()}\g<2>", text, flags=re.S))
    (ROOT / "etc" / "httptee.ini").write_text(ini_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
