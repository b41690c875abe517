"""Where a folder or a file is asked for, a URL is refused: a folder named ``s3:`` would be made here, and nobody would look there."""

from pathlib import Path

import pytest

from tests.cli.giving import giving

RUN, REPORT, IMPORT = (
    ("run", "s.py", "--here"),
    ("report", "s.py"),
    ("import", "runs.csv", "--arm", "model", "--metric", "top1=acc"),
)
PLACES = [(RUN, "--folder"), (RUN, "--out"), (REPORT, "--out"), (REPORT, "--tables"), (IMPORT, "--out")]


@pytest.mark.parametrize("url", ["s3://bucket/x", "gs://bucket/x", "file:///tmp/x", "hdfs://host/x"])
@pytest.mark.parametrize(("words", "option"), PLACES, ids=lambda each: each if isinstance(each, str) else each[0])
def test_a_url_is_no_folder(words, option, url, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = giving(monkeypatch, capsys)(*words, option, url)
    assert (code, out) == (2, "")
    assert err.startswith(f"hpsearch: {option} takes a path, got {url.split(':')[0]}://")
    assert "all machines mount" in err
    assert list(tmp_path.iterdir()) == []
