"""The command line: ``hpsearch new | plan | run | status | report | show | rerun | export | import``.

Nothing heavy is imported here; every command imports what it needs when it is called.
"""

import sys
import traceback
from typing import NoReturn

import typer

from hpsearch.cli.planning import plan
from hpsearch.cli.reporting import export, import_, report
from hpsearch.cli.running import run, status
from hpsearch.cli.signals import Stopped
from hpsearch.cli.single import rerun, show
from hpsearch.cli.starting import new
from hpsearch.errors import HpsearchError

EXIT_CODES = """
Exit codes: 0 done; 1 done, but some trials failed, or a trial that was rerun has other rows; 2 the input was refused, nothing was
run; 70 a fault of hpsearch itself;
75 another process is driving the record; 78 finished trials would be repeated since code, data or a default changed, nothing was
run: give --again or --keep; 130 or 143 stopped by Ctrl-C or SIGTERM: run the same command again to go on.
"""

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: rich would double the time it takes
    pretty_exceptions_enable=False,
    help="Which hyperparameters, and what is each trick really worth? Search, ablation and one offline report from one study file.",
    epilog=EXIT_CODES,
)

for command in (new, plan, run, status, report, show, rerun, export):
    app.command()(command)
app.command("import")(import_)


def main() -> NoReturn:
    """Run the command line; every error becomes a sentence and an exit code."""
    debug = "--debug" in sys.argv
    try:
        code = app(standalone_mode=False) or 0
    except Stopped as stop:
        typer.echo("stopped; run the same command again to go on", err=True)
        code = stop.exit_code
    except HpsearchError as error:
        if debug:
            traceback.print_exc()
        typer.echo(f"hpsearch: {error}", err=True)
        code = error.exit_code
    except Exception as error:
        code = _unexpected(error)
    sys.exit(code)


def _unexpected(error: Exception) -> int:
    """Usage errors of the command line, and faults of ours, which always show their traceback."""
    show = getattr(error, "show", None)
    if show is not None:  # click's own: it words and numbers its errors
        show()
        return int(getattr(error, "exit_code", 2))
    traceback.print_exc()
    typer.echo("hpsearch: this is a fault of hpsearch, not of your study; please report it with the lines above", err=True)
    return 70
