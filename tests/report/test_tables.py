"""Tables as files: the same numbers in CSV, Parquet, Markdown and LaTeX, and LaTeX that compiles whatever the names are."""

import io
import re
import shutil
import subprocess

import pandas as pd
import pytest
from payloads import PAYLOADS
from published_studies import of
from reading import pipe_tables
from stages import STAGES, at
from synthetic import evidence, full, surviving

from hpsearch import Claim, Refused, Trick, ladder, leave_one_out
from hpsearch.report import Column, Table, tables, write_tables
from hpsearch.report.document import parts
from hpsearch.report.latex import escaped

PDFLATEX = shutil.which("pdflatex")
NASTY = (
    r"""50 % of a_b & $x$ #1 \input{/etc/passwd} {y} ~z ^2 [1] * -- ,, "q" 'r' `s` <t> |u| \\ \end{document} ?` !` é ß Ł ž
− × ± ≤ ½ ² 中 🎉 ﬁ α ∞ ⁻⁵"""
    + "\x00\x07\u202e\u00ad"
)


def names(made):
    return [table.name for table in tables(block for part in parts(made) for block in part.blocks)]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    write_tables(at("some-failed"), folder)
    return folder


def test_every_table_of_the_page_is_there_four_times_and_the_raw_frames_twice(written):
    there = {path.name for path in written.iterdir()}
    known = names(at("some-failed"))
    assert {"effects", "steps", "arms", "claims", "cost", "arms-cost", "failures", "keys", "winners", "rounds"} <= set(known)
    wanted = {f"{name}.{suffix}" for name in known for suffix in ("csv", "parquet", "md", "tex")}
    assert there == wanted | {"all.tex", "trials.csv", "trials.parquet", "rows.csv", "rows.parquet"}


def test_csv_and_parquet_hold_the_same_numbers_in_full_precision(written):
    made = at("some-failed")
    for table in tables(block for part in parts(made) for block in part.blocks):
        text, binary = pd.read_csv(written / f"{table.name}.csv"), pd.read_parquet(written / f"{table.name}.parquet")
        assert list(text.columns) == list(binary.columns) == list(table.frame.columns)
        assert len(text) == len(binary) == len(table.frame)
        for name in table.frame.select_dtypes("number").columns:
            assert binary[name].astype("float64").equals(table.frame[name].astype("float64"))
            assert text[name].astype("float64").equals(table.frame[name].astype("float64"))
    assert len(pd.read_parquet(written / "trials.parquet")) == len(made.trials)
    assert pd.read_parquet(written / "effects.parquet").attrs["caption"].startswith("What each contrast is worth")


def test_markdown_and_latex_hold_the_cells_of_the_page(written):
    made = at("some-failed")
    [table] = [t for t in tables(b for part in parts(made) for b in part.blocks) if t.name == "effects"]
    [rows] = pipe_tables((written / "effects.md").read_text())
    lines = [line for line in (written / "effects.tex").read_text().splitlines() if line.endswith(r"\\") and " & " in line][
        -len(rows) :
    ]
    cells = [[cell.strip().replace("$-$", "-").removesuffix(r" \\") for cell in line.split(" & ")] for line in lines]
    differences = [row["Difference"] for row in rows]
    assert [cell[1] for cell in cells] == differences
    assert len(differences) == len(table.frame)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "taken").write_text("x")
    with pytest.raises(Refused, match=r"--tables takes a folder, and .*taken is a file: give another name"):
        write_tables(at("no-search"), tmp_path / "taken")


def test_a_column_of_several_kinds_becomes_text_in_parquet(tmp_path):
    study = full(vary=None, tune=STAGES["a-choice"]().study.tune)
    write_tables(evidence(study), tmp_path)
    frame = pd.read_parquet(tmp_path / "winners.parquet")
    assert len(frame) == 1


def test_letters_that_are_commands_are_escaped():
    assert escaped("%&#$_{}") == r"\%\&\#\$\_\{\}"
    assert escaped("\\~^<>|") == (r"\textbackslash{}\textasciitilde{}\textasciicircum{}\textless{}\textgreater{}\textbar{}")
    assert escaped("a--b---c,,d") == "a-{}-b-{}-{}-c,{},d"
    assert escaped("a\n\nb\tc") == "a b c"  # an empty line would end a cell's paragraph
    assert escaped("中🎉") == "{[}U+4E2D{]}{[}U+1F389{]}"
    assert escaped("ﬁ ½") == "fi ½"
    assert escaped("1\N{NO-BREAK SPACE}%") == r"1~\%"


def test_no_letter_leaves_a_command_of_its_own():
    """Whatever the letter, what comes out is letters, our own commands, and nothing that begins a comment or a macro."""
    commands = {"textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater", "textbar", "textquotedbl"}
    commands |= {"textquotesingle", "textasciigrave", "times", "pm", "leq", "geq", "approx", "rightarrow", "infty", "ldots"}
    commands |= {"textquotedblleft", "textquotedblright", "textquoteleft", "textquoteright", "textendash", "textemdash"}
    commands |= {"textperiodcentered", "textdegree", "mu", "textsuperscript"}
    commands |= set(
        [
            "alpha",
            "beta",
            "gamma",
            "delta",
            "epsilon",
            "zeta",
            "eta",
            "theta",
            "iota",
            "kappa",
            "lambda",
            "nu",
            "xi",
            "pi",
            "rho",
            "sigma",
            "tau",
            "upsilon",
            "phi",
            "chi",
            "psi",
            "omega",
        ]
    )
    for code in [*range(0x3000), *range(0xFB00, 0xFB10), 0x1F389, 0xFFFD]:
        text = escaped(f"a{chr(code)}b")
        assert set(re.findall(r"\\([a-zA-Z]+)", text)) <= commands, hex(code)
        assert not re.search(r"(?<!\\)[%#&]", text), hex(code)
        assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}"), hex(code)


def test_brackets_and_stars_cannot_become_options_of_a_new_line():
    table = Table("t", "c", pd.DataFrame({"a": ["[1cm] x", "*", "-1"]}), (Column("a", "[A]"),))
    assert not re.search(r"\\\\\s*[\[*]", table.latex())


def compiled(folder):
    """What pdflatex says of all.tex: its exit code and its errors."""
    done = subprocess.run(
        [str(PDFLATEX), "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "all.tex"],
        cwd=folder,
        capture_output=True,
        timeout=240,
        check=False,
    )
    said = done.stdout.decode(errors="replace")
    return done.returncode, [line for line in said.splitlines() if line.startswith("!") or "Missing character" in line]


needs_latex = pytest.mark.skipif(
    PDFLATEX is None, reason="needs pdflatex: apt-get install texlive-latex-base texlive-latex-extra texlive-fonts-recommended"
)


@needs_latex
@pytest.mark.parametrize("stage", ["nothing-run", "some-failed", "own-search-for-each"])
def test_the_tables_compile(stage, tmp_path):
    write_tables(at(stage), tmp_path)
    assert compiled(tmp_path) == (0, [])
    assert (tmp_path / "all.pdf").stat().st_size > 10_000


@needs_latex
def test_the_published_ladder_compiles(tmp_path):
    write_tables(of("bag_of_tricks_imagenet"), tmp_path)
    assert compiled(tmp_path) == (0, [])


@needs_latex
def test_hostile_names_compile_to_what_they_are(tmp_path):
    names_ = [NASTY, *PAYLOADS]
    fields = ("schedule", "warmup", "smoothing", "mixup", "average", "width")
    values = ("cosine", 5, 0.1, 0.2, 0.9, 3)
    tricks = [
        Trick(f"{n} {' '.join(name.split())}"[:120].strip(), {field: value}, claims=(Claim(0.5, name, name, note=name),))
        for n, (name, field, value) in enumerate(zip(names_, fields, values, strict=False))
    ]
    study = full(question=NASTY, vary=ladder(*tricks) | leave_one_out(*tricks), tune=None, seeds=3)
    made = evidence(study, surviving(lambda t: t.seed != 2), reason=NASTY, provenance={each: each for each in names_}, name="x")
    write_tables(made, tmp_path)
    assert compiled(tmp_path) == (0, [])
    assert "/etc/passwd" not in (tmp_path / "all.log").read_text(errors="replace").replace("textbackslash", "")


@needs_latex
def test_a_planted_letter_that_is_not_escaped_stops_the_compiler(tmp_path):
    write_tables(at("no-search"), tmp_path)
    path = tmp_path / "arms.tex"
    path.write_text(path.read_text().replace("base &", "base_1 # &", 1))
    code, errors = compiled(tmp_path)
    assert code
    assert errors


def test_long_tables_go_over_pages():
    frame = pd.DataFrame({"a": [f"row {n}" for n in range(80)], "b": range(80)})
    text = Table("t", "A caption", frame, (Column("a", "A"), Column("b", "B", 0)), note="n").latex()
    assert text.startswith(r"\begin{longtable}")
    assert r"\endhead" in text
    assert text.count(r"\caption") == 1
    assert r"\label{tab:t}" in text


def test_a_csv_reads_back_with_commas_and_quotes_in_names():
    frame = pd.DataFrame({"a": ['x, "y"', "z\nw"], "b": [1.5, 2.5]})
    read = pd.read_csv(io.StringIO(Table("t", "c", frame, (Column("a", "A"),)).csv()))
    assert read.equals(frame)
