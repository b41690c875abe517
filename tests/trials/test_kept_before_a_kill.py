"""What a trial kept before its process was killed is listed when another process ends it."""

import hashlib
from pathlib import Path

import pytest

from hpsearch.trials.worker import perform
from tests.trials.helpers import job
from tests.trials.test_worker import Stop, stopped_after


def keeping_once(config, seed, epochs, run):
    """Keeps its first weights in epoch 1, and nothing afterwards."""
    for epoch in range(len(run.rows) + 1, epochs + 1):
        if epoch == 1:
            with run.keeping("first.pt") as path:
                path.write_bytes(b"weights")
        with run.saving() as path:
            path.write_text(str(epoch))
        yield {"top1": float(epoch)}


@pytest.mark.parametrize("killed", [1, 2])
def test_an_artefact_kept_before_a_kill_is_listed_by_the_process_that_goes_on(tmp_path: Path, killed: int) -> None:
    with pytest.raises(Stop):
        perform(job(tmp_path), keeping_once, stopped_after(killed))
    result = perform(job(tmp_path, term=2), keeping_once, lambda epoch, row: None)
    [(name, path, digest, size)] = result.artefacts
    assert (name, digest, size) == ("first.pt", hashlib.sha256(b"weights").hexdigest(), 7)
    assert (tmp_path / path).read_bytes() == b"weights"
