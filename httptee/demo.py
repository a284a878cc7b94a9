"""`python -m httptee.demo` is an echo backend, to aim a tee at."""

import sys

from httptee.commands import echo

if __name__ == "__main__":
    sys.exit(echo())
