"""The command line: ``hpsearch new | plan | run | status | report | show | rerun | repair | export | import``.

Nothing heavy is imported here; every command imports what it needs when it is called.
"""

import sys
import traceback
from typing import Annotated, NoReturn

import typer

from hpsearch import __version__
from hpsearch.cli.planning import plan
from hpsearch.cli.repairing import repair
from hpsearch.cli.reporting import export, import_, report
from hpsearch.cli.running import run, status
from hpsearch.cli.screen import echo, print_what_can_be_shown
from hpsearch.cli.signals import say_stopped
from hpsearch.cli.single import rerun, show
from hpsearch.cli.starting import new
from hpsearch.errors import HpsearchError, Stopped

EXIT_CODES = """
Exit codes: 0 done; 1 done, but some trials failed, or the rows of a rerun trial differ; 2 refused: an input, before anything
ran, or a training function that breaks its contract or fails in every trial; 65 the record is damaged, or was deleted: see
`hpsearch repair`; 69 the record did not answer for as long as --patience says, or the Ray cluster is lost; 70 a fault in hpsearch
itself; 74 a disk is full, or cannot be written; 75 another process is running the record; 78 finished trials would be repeated
because code, data or a default changed, nothing was run: add --again or --keep; 130 or 143 stopped by Ctrl-C or SIGTERM. After 65
(once repaired), 69, 74, 75, 130 and 143 the same command resumes.
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


for command in (new, plan, run, status, report, show, rerun, repair, export):
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
            echo(_trace(), err=True)
        echo(f"hpsearch: {error}", err=True)
        code = error.exit_code
    except OSError as error:
        code = _of_files(error)
    except Exception as error:
        code = _unexpected(error)
    sys.exit(code)


def _of_files(error: OSError) -> int:
    """What the disk does to a file is nobody's fault in here; any other error of the system's is one of ours."""
    from hpsearch.errors import DISK, Unwritable

    if error.errno not in DISK:
        return _unexpected(error)
    where = f" at {error.filename}" if error.filename else ""
    echo(
        f"hpsearch: a file cannot be written{where}: {error.strerror}; nothing that was finished is lost: mend that, then run the "
        "same command again",
        err=True,
    )
    return Unwritable.exit_code


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
    echo(_trace(), err=True)
    echo("hpsearch: this is a fault in hpsearch, not in your study; please report it with the lines above", err=True)
    return 70


def _trace() -> str:
    """The traceback of the error that is handled, without a password that a URL gave."""
    from hpsearch.results.urls import scrubbed

    return scrubbed(traceback.format_exc().rstrip())
