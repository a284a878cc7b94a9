"""`python -m httptee.demo` is an echo backend, to aim a tee at."""

import sys

from httptee.commands.demo import main

if __name__ == "__main__":
    sys.exit(main())
