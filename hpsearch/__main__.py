"""``hpsearch`` and ``python -m hpsearch``."""

import sys
from typing import NoReturn

from hpsearch.cli.signals import say_stopped, stop_on_signals
from hpsearch.errors import Stopped


def main() -> NoReturn:
    """Run the command line; signals are listened to first, before the imports that take most of a second."""
    try:
        stop_on_signals()
        from hpsearch.cli.main import main as command_line

        command_line()
    except Stopped as stop:
        say_stopped()
        sys.exit(stop.exit_code)


if __name__ == "__main__":
    main()
