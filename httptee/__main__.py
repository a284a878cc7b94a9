"""`python -m httptee` is the command `httptee`."""

import sys

from httptee.cli import main

sys.exit(main())
