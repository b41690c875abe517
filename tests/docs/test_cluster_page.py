"""The commands of docs/cluster.md, given as they are written, on three nodes of this machine."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.clusters import Cluster, waited
from tests.docs.commands import DOCS, commands
from tests.faults.test_nodes_lost import STUDY, check_all_done_once, starts

PAGE = DOCS / "cluster.md"
HEAD = "10.0.0.1"  # of the page


def blocks() -> list[str]:
    """The commands of the page's section, one a block."""
    section = PAGE.read_text().split("## Five commands")[1].split("\n## ")[0]
    return [each.strip() for each in re.findall(r"```sh\n(.*?)```", section, re.DOTALL)]


def test_there_are_five_commands_of_one_line() -> None:
    assert len(blocks()) == 5
    assert all("\n" not in each for each in blocks())


def test_what_the_page_links_to_is_there() -> None:
    for name in re.findall(r"\]\(([\w.]+)\)", PAGE.read_text()):
        assert (DOCS / name).is_file()
    assert "docs/cluster.md" in (DOCS.parent / "README.md").read_text()


@pytest.mark.full
def test_the_five_commands_run_a_study_on_three_nodes(tmp_path: Path) -> None:
    cluster = Cluster()
    ip, port = cluster.address.split(":")
    token, export, head, node, run = (
        each.replace(HEAD, ip).replace("6379", port).replace("/var/tmp", str(tmp_path)) for each in blocks()
    )
    environment = {
        **cluster.marked,
        "PATH": f"{commands(tmp_path / 'bin')}:{os.environ['PATH']}",
        "RAY_TMPDIR": str(cluster.folder),
    }
    environment = {name: value for name, value in environment.items() if not name.startswith("RAY_AUTH")}
    (tmp_path / "study.py").write_text(STUDY.replace("FOLDER", str(tmp_path)))

    def given(*lines: str) -> "subprocess.Popen[str]":
        shell = ["sh", "-ec", "\n".join(lines)]
        return subprocess.Popen(shell, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def give(*lines: str) -> None:
        said, _ = (command := given(*lines)).communicate(timeout=120)
        assert command.returncode == 0, said

    try:
        give(token)
        give(export, head)
        give(export, node)
        give(export, node)
        last = given(export, run)
        waited(lambda: len({line["node"] for line in starts(tmp_path)}) == 3 or last.poll() is not None, "trials on three nodes")
        (tmp_path / "go").touch()
        said, _ = last.communicate(timeout=120)
        assert last.returncode == 0, said
    finally:
        cluster.close()
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    check_all_done_once(tmp_path, said)
    assert (tmp_path / "study.html").is_file()
