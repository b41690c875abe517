"""A password of the record's is where the user put it, and nowhere else: not in a file, not in the record, not in a line that is printed."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy.engine import make_url

from hpsearch.cli.main import main
from hpsearch.results.record import Record
from tests.postgres import BINARIES, GUARDED, Server

SECRET = "Geheim@9/9#x%y"
MARK = "Geheim"  # what is looked for
STUDY = """
from dataclasses import dataclass
from hpsearch import Study, Trick, ladder

@dataclass(frozen=True)
class Config:
    wide: bool = False
    deep: bool = False

def train(config, seed, epochs, run):
    yield {"top1": 50.0 + config.wide + seed}
    if config.deep:
        raise OSError("the disk caught fire")
    yield {"top1": 50.0 + config.wide + seed}

study = Study(question="?", base=Config(), train=train, epochs=2, seeds=2,
              vary=ladder(Trick("wide", {"wide": True}), Trick("deep", {"deep": True})))
"""


@pytest.fixture
def guarded(server: Server, tmp_path: Path) -> Iterator[str]:
    """The URL, without a password, of a database whose owner has to give one; a study stands in the folder of the test."""
    name = make_url(server.url()).database
    server.ask(f"drop role if exists {GUARDED}")
    server.ask(f"create role {GUARDED} login password '{SECRET.replace('%', '%%')}'")
    server.ask(f"alter database {name} owner to {GUARDED}")
    (tmp_path / "mine.py").write_text(STUDY)
    yield server.url(str(name), GUARDED)
    server.ask(f"drop database {name} with (force)")


def with_password(url: str, secret: str = quote(SECRET, safe="")) -> str:
    return url.replace(f"{GUARDED}@", f"{GUARDED}:{secret}@")


def give(folder: Path, *words: str, **environment: str) -> tuple[int, str]:
    """A command in that folder; its exit code and all it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    own = {"HPSEARCH_CACHE": str(folder / "cache"), "TMPDIR": str(folder), "COLUMNS": "300", **environment}
    words = (sys.executable, "-m", "hpsearch", *words)
    done = subprocess.run(words, cwd=folder, env=kept | own, capture_output=True, text=True, timeout=250, check=False)
    return done.returncode, done.stdout + done.stderr


def written(folder: Path) -> Iterator[str]:
    """Every file in which the password stands in any of its forms."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and MARK.encode() in path.read_bytes():
            yield str(path)


def dumped(server: Server, url: str) -> str:
    """All that the database holds, as text."""
    words = [f"{BINARIES}/pg_dump", "-h", str(server.folder), "-U", "hpsearch", "--inserts", str(make_url(url).database)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


WAYS = {
    "before the host": lambda url: (("--record", with_password(url)), {}),
    "in one word": lambda url: ((f"--record={with_password(url)}",), {}),
    "as an option": lambda url: (("--record", f"{url}&password={quote(SECRET, safe='')}"), {}),
    "in the environment": lambda url: ((), {"HPSEARCH_RECORD": with_password(url)}),
    "in libpq's environment": lambda url: (("--record", url), {"PGPASSWORD": SECRET}),
}


PLAIN = ("as an option", "in the environment")


@pytest.mark.parametrize("way", [pytest.param(way, marks=() if way in PLAIN else pytest.mark.full) for way in WAYS])
def test_a_password_is_written_and_printed_nowhere(tmp_path: Path, server: Server, guarded: str, way: str) -> None:
    """In a run some of whose trials fail, and everything that is asked of it afterwards."""
    place, environment = WAYS[way](guarded)
    said = []
    for words, code in (
        (("run", "mine.py", "--here"), 1),
        (("status", "mine.py"), 0),
        (("report", "mine.py", "--out", "r.html", "--tables", "tables"), 0),
        (("run", "mine.py", "--here", "--retry-failed", "--debug"), 1),
    ):
        left, printed = give(tmp_path, *words, *place, **environment)
        assert left == code, printed
        said.append(printed)
    assert "6 of 6 trials done, 0 running, 2 failed" in said[0]
    assert MARK not in "".join(said)
    assert list(written(tmp_path)) == []
    assert "'hpsearch" in (dump := dumped(server, guarded)) or "hpsearch run mine.py" in dump
    assert MARK not in dump


def test_a_password_file_of_libpq_is_enough(tmp_path: Path, guarded: str) -> None:
    (tmp_path / "pass").write_text(f"*:*:*:{GUARDED}:{SECRET}\n")
    (tmp_path / "pass").chmod(0o600)
    code, said = give(tmp_path, "run", "mine.py", "--here", "--record", guarded, PGPASSFILE=str(tmp_path / "pass"))
    assert code == 1, said
    assert "6 of 6 trials done" in said


@pytest.mark.full
def test_on_ray_a_password_is_in_none_of_its_files(tmp_path: Path, guarded: str) -> None:
    short = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        code, said = give(tmp_path, "run", "mine.py", "--slots", "2", HPSEARCH_RECORD=with_password(guarded), RAY_TMPDIR=str(short))
        assert code == 1, said
        assert list(short.rglob("*.log")) != [], "Ray wrote elsewhere"
        assert MARK not in said
        assert [*written(tmp_path), *written(short)] == []
    finally:
        shutil.rmtree(short)


REFUSED = {
    "a wrong one": (with_password, "Geheim2", 'password authentication failed for user "guarded"'),
    "an @": (with_password, "Geheim@9", "a character before its host is not escaped: in a user name or a password write @ as %40"),
    "a slash": (with_password, "Geheim/9", "write @ as %40, / as %2F"),
    "a number sign": (with_password, "Geheim#9", "# as %23"),
    "a question mark": (with_password, "Geheim?a=b", "? as %3F"),
    "a percent sign": (with_password, "Geheim%zz", "% as %25"),
    "a space": (with_password, "Geheim 9", "is not escaped"),
    "a colon and an @": (with_password, "Ge:Geheim@Geheim:9", "is not escaped"),
    "a bracket": (with_password, "Geheim[9", "is not escaped"),
    "no port": (lambda url, secret: f"postgresql://me:{secret}@host:x/db", "Geheim", "cannot be read"),
    "no slashes": (lambda url, secret: f"postgresql:me:{secret}@host/db", "Geheim", "no :// after its first word"),
    "no colon": (lambda url, secret: f"postgresql//me:{secret}@host/db", "Geheim", "no :// after its first word"),
    "an option of a host": (lambda url, secret: f"postgresql://h:5/d?password={secret}@y", "Geheim", "cannot be read"),
    "no such host": (lambda url, secret: f"postgresql://me:{secret}@127.0.0.1:1/db", "Geheim", "127.0.0.1"),
    "no such driver": (lambda url, secret: f"postgresql+none://me:{secret}@h/db", "Geheim", "none"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("command", ["run", "status"])
def test_a_refused_url_gets_one_sentence_without_its_password(
    tmp_path: Path,
    request: pytest.FixtureRequest,
    name: str,
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make, secret, sentence = REFUSED[name]
    there = name == "a wrong one"  # all others are refused, whether there is a server or not
    guarded = request.getfixturevalue("guarded") if there else f"postgresql://{GUARDED}@/db?host=/nowhere"
    (tmp_path / "mine.py").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    for option in ((), ("--debug",)):
        words = [
            "hpsearch",
            command,
            "mine.py",
            *(("--here",) if command == "run" else ()),
            "--record",
            make(guarded, secret),
            *option,
        ]
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        assert left.value.code == 2
        assert sentence in said.err
        assert secret not in said.out + said.err
        assert MARK not in said.out + said.err
        assert bool(option) or "Traceback" not in said.err
        assert bool(option) or len(said.err.strip().splitlines()) == 1
    assert list(written(tmp_path)) == []


def test_a_fault_of_ours_prints_its_traceback_without_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(STUDY)
    url = f"postgresql://me:{quote(SECRET, safe='')}@127.0.0.1:1/db"

    def fails(*given: object, **options: object) -> None:
        raise RuntimeError(f"no idea what {url} or {SECRET} is")

    monkeypatch.setattr("hpsearch.results.record.engine_of", fails)
    monkeypatch.setattr(Record, "once", fails)
    monkeypatch.setattr(sys, "argv", ["hpsearch", "status", str(tmp_path / "mine.py"), "--record", url])
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr()
    assert left.value.code == 70
    assert "no idea what postgresql://me:***@127.0.0.1:1/db or *** is" in said.err
    assert MARK not in said.out + said.err
