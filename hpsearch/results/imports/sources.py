"""Which reader a source is for: by what lies there, or by ``--format``."""

from collections.abc import Callable
from pathlib import Path

from hpsearch.errors import Refused, did_you_mean
from hpsearch.results.imports import ray_results, tensorboard_export, wandb_export
from hpsearch.results.imports.files import is_table, tidy_table
from hpsearch.results.imports.table import Table, with_pattern, with_settings

FORMATS = ("table", "optuna", "ray", "wandb", "tensorboard")
TAKES = (
    "import takes a CSV or Parquet table, an Optuna storage (URL, SQLite file or journal), a Ray Tune experiment folder, "
    "a W&B export or TensorBoard's scalars or event files"
)


def read(
    source: str, form: str | None = None, settings: Path | None = None, pattern: str | None = None, run: str | None = None
) -> Table:
    """The table in a source, with columns added from a table of settings and from a pattern on the runs' names.

    ``form`` is one of ``FORMATS`` where what lies there should not decide; ``run`` is the column of runs where the format has none.
    """
    table = read_source(source, form)
    if settings is not None:
        if not settings.is_file() or not is_table(settings):
            raise Refused(f"--settings takes a CSV or Parquet table, and {settings} is not one")
        table = with_settings(table, tidy_table(settings), run)
    return with_pattern(table, pattern, run) if pattern is not None else table


def read_source(source: str, form: str | None = None) -> Table:
    """The table in a source alone."""
    if form is not None and form not in FORMATS:
        raise Refused(f"--format {form!r} is not known: {did_you_mean(form, FORMATS)}")
    if "://" in source:
        if form not in (None, "optuna"):
            raise Refused(f"a URL is read as an Optuna storage, not as {form!r}: give a file or a folder")
        return _optuna(source)
    path = Path(source)
    if not path.exists():
        raise Refused(f"there is nothing at {source}: {TAKES}")
    found = _of_folder(path, form) if path.is_dir() else _of_file(path, form)
    if found is None:
        raise Refused(f"{source} cannot be read{f' as {form}' if form else ''}: {TAKES}")
    return found


def _optuna(place: str) -> Table:
    from hpsearch.results.imports.optuna_storage import optuna_table  # here: Optuna takes a second to import

    return optuna_table(place)


def _is_storage(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(200)
    return start.startswith(b"SQLite format 3\x00") or (start.startswith(b"{") and b'"op_code"' in start)


def _of_file(path: Path, form: str | None) -> Table | None:
    columns = wandb_export.frame_columns(path) if is_table(path) else []
    asked: list[tuple[str, bool, Callable[[], Table]]] = [
        ("tensorboard", tensorboard_export.is_events(path), lambda: tensorboard_export.events_table(path.parent, [path])),
        ("tensorboard", tensorboard_export.is_scalars(path), lambda: tensorboard_export.scalars_table([path])),
        ("wandb", wandb_export.is_chart(columns), lambda: wandb_export.chart_table(path)),
        ("wandb", wandb_export.is_history(columns), lambda: wandb_export.history_table([path])),
        ("optuna", not columns and _is_storage(path), lambda: _optuna(str(path))),
        ("table", is_table(path), lambda: tidy_table(path)),
    ]
    return next((make() for name, fits, make in asked if fits and form in (None, name)), None)


def _of_folder(folder: Path, form: str | None) -> Table | None:
    inside = sorted(path for path in folder.iterdir() if path.is_file())
    events = sorted(path for path in folder.rglob("*") if path.is_file() and tensorboard_export.is_events(path))
    scalars = [path for path in inside if tensorboard_export.is_scalars(path)]
    histories = [path for path in inside if is_table(path) and wandb_export.is_history(wandb_export.frame_columns(path))]
    asked: list[tuple[str, bool, Callable[[], Table]]] = [
        ("ray", ray_results.is_experiment(folder), lambda: ray_results.ray_table(folder)),
        ("tensorboard", bool(scalars), lambda: tensorboard_export.scalars_table(scalars)),
        ("wandb", bool(histories), lambda: wandb_export.history_table(histories)),
        ("tensorboard", bool(events), lambda: tensorboard_export.events_table(folder, events)),
    ]
    return next((make() for name, fits, make in asked if fits and form in (None, name)), None)
