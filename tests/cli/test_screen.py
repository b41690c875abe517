"""Whatever a file says is shown and never obeyed, on any terminal."""

import ast
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

from hpsearch import cli
from hpsearch.cli.console import Console
from hpsearch.cli.main import main
from hpsearch.cli.screen import echo, printable

HOSTILE = "a\x1b[2J\x1b]0;owned\x07b\u202ec\r\x9b31m\udc80\x00\u2028[red]x[/red][/nothing]:smile:"
SHOWN = r"a\x1b[2J\x1b]0;owned\x07b\u202ec\r\x9b31m\udc80\x00\u2028[red]x[/red][/nothing]:smile:"


def test_what_a_terminal_would_obey_is_an_escape_and_words_stay():
    assert printable(HOSTILE) == SHOWN
    for words in ("größer – α?", "日本語", "naïve\tfoo\nbar", "\N{WOMAN}\u200d\N{PERSONAL COMPUTER}", "می\u200cخواهم"):
        assert printable(words) == words


@pytest.mark.parametrize("width", [20, 300])
def test_a_console_shows_hostile_text_wherever_it_stands(width, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", "1")
    table = Table(HOSTILE, title=HOSTILE)
    table.add_row(HOSTILE)
    console = Console()
    for each in (HOSTILE, Text(HOSTILE), table):
        console.print(each)
    said = capsys.readouterr().out
    assert not set(said) & set("\x1b\x07\r\x9b\x00\u202e\u2028\udc80")
    if width == 300:
        for part in (r"a\x1b[2J\x1b]0;owned", r"b\u202ec", r"\x9b31m\udc80\x00", "[red]x[/red][/nothing]:smile:"):
            assert said.count(part) == 5, part  # alone, as Text, in title, head and cell


def test_a_line_goes_through_the_same_door(capsys):
    echo(HOSTILE)
    assert capsys.readouterr().out == f"{SHOWN}\n"


def test_no_command_prints_past_the_door():
    """The law: rich's own console, typer.echo and print stand in the two modules of the door alone."""
    for path in Path(cli.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        if path.stem != "screen":
            assert not called & {"print", "typer.echo", "typer.secho", "sys.stdout.write", "traceback.print_exc"}, path
        if path.stem not in ("console", "terminal"):  # which names it as a type
            assert "from rich.console" not in path.read_text(encoding="utf-8"), path
        assert path.stem != "terminal" or "Console" not in called


STUDY = """
from dataclasses import dataclass
from hpsearch import Study, Trick, ladder
@dataclass(frozen=True)
class Config:
    wide: bool = False
def train(config, seed, epochs, run):
    if config.wide and seed:
        raise ValueError("no\\x1b[2J [/b] größer – α")
    yield {"accuracy": 50.0 + seed + config.wide}
study = Study(question="größer – α\\x1b[2J [/b]?", train=train, base=Config(), vary=ladder(Trick("α-wide [/b]\\x1b", {"wide": True})),
              epochs=1, seeds=2, metric="accuracy")
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    (tmp_path / "uni.py").write_text(STUDY, encoding="utf-8")
    monkeypatch.chdir(tmp_path)


def give(*words: str, monkeypatch) -> int:
    monkeypatch.setattr(sys, "argv", ["hpsearch", *words])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


def test_commands_show_a_hostile_study_in_ascii(study, monkeypatch):
    """A terminal that has no umlauts and 20 columns, for every command that prints what a file says."""
    for encoding, columns in (("ascii", "20"), ("ascii", "200"), ("utf-8", "200")):
        for words in (["plan", "uni.py"], ["run", "uni.py", "--here"], ["status", "uni.py"], ["report", "uni.py"]):
            raw = io.BytesIO()
            monkeypatch.setenv("COLUMNS", columns)
            for name in ("stdout", "stderr"):
                monkeypatch.setattr(sys, name, io.TextIOWrapper(raw, encoding=encoding))
            code = give(*words, monkeypatch=monkeypatch)
            sys.stdout.flush()
            sys.stderr.flush()
            said = raw.getvalue().decode(encoding)
            assert code == (1 if words[0] == "run" else 0), said
            assert "\x1b" not in said
            assert "fault in hpsearch" not in said
            if words[0] == "plan" and columns == "200":
                assert ("größer – α" if encoding == "utf-8" else r"gr\xf6\xdfer - \u03b1") + r"\x1b[2J [/b]?" in said


def test_a_process_prints_what_an_ascii_terminal_has(study):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "LANG": "C"}
    command = [sys.executable, "-m", "hpsearch", "plan", "uni.py"]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert rb"gr\xf6\xdfer - \u03b1" in done.stdout
