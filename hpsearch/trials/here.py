"""The executor in this process: one trial after another, for a debugger or a laptop."""

import os
import sys
from functools import partial

from hpsearch.trials.session import Session
from hpsearch.trials.worker import perform


def run_here(session: Session) -> None:
    """Run the session's trials in this process until it is done."""
    pin_threads(session.resources.threads)
    while (job := session.ask()) is not None:
        session.tell(perform(job, session.study.train, partial(session.row, job.trial.key)))


def pin_threads(threads: int) -> None:
    """The threads every executor gives a trial: they are part of the arithmetic."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if torch := sys.modules.get("torch"):  # already imported by somebody: too late for the environment
        torch.set_num_threads(threads)
