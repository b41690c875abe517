"""The command line: ``hpsearch new | plan | run | status | report | show | rerun | export | import``.

Nothing heavy is imported here; every command imports what it needs when it is called.
"""

import sys
import traceback
from typing import Annotated, NoReturn

import typer

from hpsearch import __version__
from hpsearch.cli.planning import plan
from hpsearch.cli.reporting import export, import_, report
from hpsearch.cli.running import run, status
from hpsearch.cli.screen import echo, print_what_can_be_shown
from hpsearch.cli.signals import say_stopped
from hpsearch.cli.single import rerun, show
from hpsearch.cli.starting import new
from hpsearch.errors import HpsearchError, Stopped

EXIT_CODES = """
Exit codes: 0 done; 1 done, but some trials failed, or the rows of a rerun trial differ; 2 refused: an input, before anything
ran, or a training function that breaks its contract or fails in every trial; 69 the Ray cluster is lost: run the same command
again when it is back, or on another; 70 a fault in hpsearch itself; 75 another process is running the record; 78 finished trials
would be repeated because code, data or a default changed, nothing was run: add --again or --keep; 130 or 143 stopped by Ctrl-C or
SIGTERM: run the same command again to resume.
"""

VERSIONS = ("torch", "torchvision", "ray", "optuna")

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: rich would double the time it takes
    pretty_exceptions_enable=False,
    help="Which hyperparameters, and what is each trick really worth? Search, ablation and one offline report from one study file.",
    epilog=EXIT_CODES,
)


def _version(asked: bool) -> None:
    """Ours, and those of the libraries that numbers depend on; nothing is imported for it."""
    if not asked:
        return
    from importlib.metadata import PackageNotFoundError, version

    echo(f"hpsearch {__version__}")
    for name in VERSIONS:
        try:
            echo(f"{name} {version(name)}")
        except PackageNotFoundError:
            echo(f"{name} is not installed")
    raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the versions and exit.")
    ] = False,
) -> None:
    """The options of no command; the words of the help are those above."""


for command in (new, plan, run, status, report, show, rerun, export):
    app.command()(command)
app.command("import")(import_)


def main() -> NoReturn:
    """Run the command line; every error becomes a sentence and an exit code."""
    debug = "--debug" in sys.argv
    print_what_can_be_shown()
    try:
        code = app(standalone_mode=False) or 0
        if code == 130:  # what typer makes of a KeyboardInterrupt
            say_stopped()
    except Stopped as stop:
        say_stopped()
        code = stop.exit_code
    except SystemExit as left:  # our commands return their code
        code = _left(left)
    except HpsearchError as error:
        if debug:
            echo(traceback.format_exc().rstrip(), err=True)
        echo(f"hpsearch: {error}", err=True)
        code = error.exit_code
    except Exception as error:
        code = _unexpected(error)
    sys.exit(code)


def _left(left: SystemExit) -> int:
    """Something that the study names called ``sys.exit``: that is never a success."""
    if isinstance(left.code, int) and left.code:
        return left.code
    echo(f"hpsearch: something that the study uses called sys.exit({left.code!r}) outside a trial: remove the call", err=True)
    return 2


def _unexpected(error: Exception) -> int:
    """Usage errors of the command line, and faults of ours, which always show their traceback."""
    show = getattr(error, "show", None)
    if show is not None:  # click's own: it words and numbers its errors
        show()
        return int(getattr(error, "exit_code", 2))
    echo(traceback.format_exc().rstrip(), err=True)
    echo("hpsearch: this is a fault in hpsearch, not in your study; please report it with the lines above", err=True)
    return 70
