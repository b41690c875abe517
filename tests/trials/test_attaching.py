"""Attaching to a Ray cluster: one that lets everybody in is refused, one that asks for a token gets ours, and says when it is wrong."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpsearch.errors import Refused
from hpsearch.trials import attaching
from hpsearch.trials.attaching import attach, closed_token
from tests.clusters import Cluster

WHERE = "10.0.0.1:6379"


def answering(monkeypatch: pytest.MonkeyPatch, without: str, with_token: str = "token") -> None:
    answers = {"disabled": without, "token": with_token}
    monkeypatch.setattr(attaching, "ask", lambda address, mode: (answers[mode], WHERE))


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_AUTH_MODE", "as it was")
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_ENABLE_K8S_TOKEN_AUTH"):
        monkeypatch.delenv(name, raising=False)


def test_a_cluster_that_asks_for_no_token_is_refused_unless_the_network_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, "welcome")
    with pytest.raises(Refused, match=f"{WHERE} asks for no token, so whoever .* RAY_AUTH_MODE=token .* or give --trust-network"):
        attach("auto", trusted=False)
    assert os.environ["RAY_AUTH_MODE"] == "as it was"
    assert attach("auto", trusted=True) == WHERE
    assert os.environ["RAY_AUTH_MODE"] == "disabled"  # ours is not shown to it


def test_a_token_is_looked_for_where_ray_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, "token", "token")
    with pytest.raises(
        Refused, match=rf"asks for a token, and there is none in {tmp_path}/\.ray/auth_token: set RAY_AUTH_TOKEN_PATH"
    ):
        attach(WHERE, trusted=True)
    (tmp_path / "mine").write_text("abc")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "mine"))
    with pytest.raises(Refused, match=rf"does not take the one in {tmp_path}/mine: set RAY_AUTH_TOKEN_PATH"):
        attach(WHERE, trusted=True)
    answering(monkeypatch, "token", "welcome")
    assert attach(WHERE, trusted=False) == WHERE
    assert os.environ["RAY_AUTH_MODE"] == "token"


@pytest.mark.parametrize(
    ("address", "word", "said"),
    [
        ("auto", "none", "no Ray cluster is known for --address auto"),
        (WHERE, "nobody", f"no Ray cluster answers at {WHERE}: start one with"),
        (WHERE, "no ray", f"what answers at {WHERE} is no Ray cluster"),
        (
            "ray://head:10001",
            "",
            "--address takes the head's host:port or auto, got ray://head:10001: run the command on a machine",
        ),
        ("local", "", "got local: .* to use this machine alone, leave --address out"),
    ],
)
def test_whoever_else_is_there_is_said(address: str, word: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, word)
    with pytest.raises(Refused, match=said):
        attach(address, trusted=True)


@pytest.mark.parametrize("named", [True, False])
def test_a_token_that_others_can_read_is_closed_and_that_is_said(
    named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token" if named else tmp_path / ".ray" / "auth_token"
    if named:
        monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(file))
    assert closed_token() == ""
    file.parent.mkdir(exist_ok=True)
    file.write_text("abc")
    file.chmod(0o644)
    assert closed_token() == f"others could read Ray's token in {file} (mode 644): it is 600 now"
    assert file.stat().st_mode & 0o777 == 0o600
    assert closed_token() == ""


@pytest.fixture(scope="module")
def open_cluster() -> Iterator[Cluster]:
    cluster = Cluster(token=False)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()


def given(cluster: Cluster, folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "own.py").write_text(
        "from dataclasses import dataclass\nfrom hpsearch import Study, Trick, ladder\n\n@dataclass(frozen=True)\nclass Config:\n    a: int = 0\n\n"
        'def train(config, seed, epochs, run):\n    yield {"top1": 1.0 + seed}\n\n'
        'study = Study(question="?", base=Config(), train=train, epochs=1, seeds=2, vary=ladder(Trick("b", {"a": 1})))\n'
    )
    words = [sys.executable, "-m", "hpsearch", "run", str(folder / "own.py"), "--record", str(folder / "runs" / "x.db")]
    kept = {name: value for name, value in cluster.environment.items() if not name.startswith("RAY_AUTH")}
    return subprocess.run(
        [*words, "--address", cluster.address, *options],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


def test_a_real_cluster_without_a_token_is_refused_and_nothing_is_written(open_cluster: Cluster, tmp_path: Path) -> None:
    done = given(open_cluster, tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"hpsearch: the Ray cluster at {open_cluster.address} asks for no token"), done.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.full
def test_it_is_used_where_the_network_is_trusted(open_cluster: Cluster, tmp_path: Path) -> None:
    done = given(open_cluster, tmp_path, "--trust-network")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.full
def test_a_real_cluster_takes_its_own_token_and_no_other(tmp_path: Path) -> None:
    cluster = Cluster()
    wrong = tmp_path / "wrong"
    wrong.write_text("0" * 64)
    wrong.chmod(0o600)
    try:
        cluster.start()
        none = given(cluster, tmp_path)
        other = given(cluster, tmp_path, RAY_AUTH_TOKEN_PATH=str(wrong))
        own = given(cluster, tmp_path, RAY_AUTH_TOKEN_PATH=str(cluster.token))
    finally:
        cluster.close()
    assert (none.returncode, other.returncode, own.returncode) == (2, 2, 0), own.stdout + own.stderr
    assert "asks for a token, and there is none in" in none.stderr
    assert f"does not take the one in {wrong}: set RAY_AUTH_TOKEN_PATH" in other.stderr
    assert "Traceback" not in none.stderr + other.stderr
