"""What a command leaves behind: a report, tables, closing lines."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpsearch.errors import Refused

if TYPE_CHECKING:
    from hpsearch.results.evidence import Evidence
    from hpsearch.study.file import StudyFile


def write_report(told: "Evidence", out: Path) -> tuple[Path, ...]:
    from hpsearch.report import write

    try:
        return write(told, out)
    except OSError as error:
        raise Refused(f"cannot write the report to {out}: {error.strerror}; give another place with --out") from error


def sources(place: str, file: "StudyFile") -> list[Path]:
    """The files that a study's report is made from: the study and, where it is a file, the record."""
    from hpsearch.results.neighbours import file_of

    return [file.path, *([record] if (record := file_of(place)) else [])]


def refuse_overwriting(out: Path, sources: Iterable[Path]) -> None:
    """Refuse a report one of whose three files would take the place of another, or of what it was made from."""
    if out.is_dir():
        raise Refused(f"--out {out} is a folder: name the report's file, as in --out {out / 'report.html'}")
    if out.suffix in (".md", ".csv"):
        raise Refused(f"--out {out} names the HTML file, and .md and .csv are written beside it: let it end in .html")
    for file in (out, out.with_suffix(".md"), out.with_suffix(".csv")):
        for source in sources:
            if file.resolve() == source.resolve() or (file.exists() and source.exists() and file.samefile(source)):
                raise Refused(
                    f"a report at {out} would write {file.name} over {source}, which it is made from: give another name with --out"
                )


def write_tables(told: "Evidence", folder: Path) -> int:
    from hpsearch.report import write_tables

    try:
        return len(write_tables(told, folder))
    except OSError as error:
        raise Refused(f"cannot write the tables to {folder}: {error.strerror}; give another folder with --tables") from error


def closing(console: Any, told: "Evidence") -> None:
    """The effects in words, as the report's first lines; of a study without contrasts, what the search chose and the arms reach."""
    from rich.table import Table
    from rich.text import Text

    from hpsearch.report.sections.answer import reached_words, search_words
    from hpsearch.report.sections.contrasts import unit_of
    from hpsearch.report.words import number, readable
    from hpsearch.results.inference import effects, scales_note

    written, lines = unit_of(told), Table.grid(padding=(0, 2))
    for effect in effects(told):
        digits = written.at(effect.half).digits
        value, low, high = (readable(number(each, digits, signed=True)) for each in (effect.value, effect.low, effect.high))
        interval = f"[{low}, {high}]" if low and high else ""
        lines.add_row(*(Text(text) for text in ("", effect.name, value, interval, effect.said)))
    if lines.row_count:
        console.print(lines)
    else:
        for sentence in (*search_words(told), *reached_words(told)):
            console.print(sentence, highlight=False, markup=False, soft_wrap=True)
    if warning := scales_note(told):
        console.print(warning, highlight=False, markup=False)
