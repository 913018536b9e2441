"""`python -m msclong`: the command line."""

import sys

from msclong.command_line import main

if __name__ == "__main__":
    sys.exit(main())
