"""`python -m httptee.demo` runs an echo backend, as a target for a tee."""

import sys

from httptee.commands import echo

if __name__ == "__main__":
    sys.exit(echo())
