"""What is told of the commit a study file lies in: which one, and how many files differ from it."""

import subprocess
from pathlib import Path

from hpsearch.results.provenance import commit


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false")
    return subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True, text=True).stdout.strip()


def test_the_commit_is_told_with_the_number_of_files_that_differ_from_it(tmp_path: Path) -> None:
    assert commit(tmp_path) == "not in a git repository"
    git(tmp_path, "init", "-q")
    (tmp_path / "study.py").write_text("x = 1\n")
    git(tmp_path, "add", "study.py")
    git(tmp_path, "commit", "-q", "-m", "first")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert commit(tmp_path) == f"{head}, nothing uncommitted"
    (tmp_path / "study.py").write_text("x = 2\n")
    assert commit(tmp_path).startswith(f"{head} with 1 uncommitted change")
    (tmp_path / "other.py").touch()
    assert commit(tmp_path) == f"{head} with 2 uncommitted changes"
