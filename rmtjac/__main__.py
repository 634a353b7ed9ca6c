"""`python -m rmtjac` is the command `rmtjac`."""

import sys

from rmtjac.cli import main

sys.exit(main())
