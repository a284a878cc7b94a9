"""`python -m httptee` is the command `httptee`."""

import sys

from httptee.commands.cli import main

sys.exit(main())
