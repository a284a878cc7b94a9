"""`python -m httptee` runs the command `httptee`."""

import sys

from httptee.commands import main

sys.exit(main())
