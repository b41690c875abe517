"""Seeds that follow the results, and scores that are a median: what a study then wants, in whatever order its trials end."""

import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest

from hpsearch import Arm, Plan, Seeds, Study, Trick, ladder
from hpsearch.errors import Refused
from hpsearch.results.record import Record
from hpsearch.study.agenda import agenda
from hpsearch.trials.here import run_here
from hpsearch.trials.launch import Resources
from hpsearch.trials.session import Session


@dataclass(frozen=True)
class Config:
    strong: int = 0
    void: int = 0
    epochs: int = 3


def train(config, seed, epochs, run):
    for epoch in range(epochs):
        yield {"top1": float(10 * config.strong + [50, 90, 70][epoch] + seed)}


STRONG, VOID = Trick("strong", {"strong": 1}), Trick("void", {"void": 1})


def study(**changes):
    given = {"question": "?", "base": Config(), "train": train, "vary": ladder(STRONG, VOID), "seeds": Seeds(3, 12, 0.1)}
    return Study(**given | changes)


def score(trial):
    """A hundred standard deviations for the strong trick, nothing for the void one."""
    noise = random.Random(f"{trial.config} {trial.seed}").gauss(0, 1)
    return 100.0 * trial.config.strong + noise


def walked(asked, order=None, slots=4):
    scores, running = {}, []
    while True:
        known = scores.keys() | {trial.key for trial in running}
        running += [t for t in agenda(asked, scores).trials() if t.key not in known][: slots - len(running)]
        if not running:
            return scores
        trial = running.pop(order.randrange(len(running)) if order else 0)
        scores[trial.key] = score(trial)


def test_seeds_go_only_to_the_rows_that_are_not_resolved():
    asked = study()
    done = agenda(asked, walked(asked))
    counts = Counter(m.arm.name for m in done.measurements)
    assert done.settled
    assert counts == {"base": 3, "strong": 12, "strong + void": 12}
    assert {m.seed for m in done.measurements if m.arm.name == "strong"} == set(range(12))


def test_at_first_every_arm_has_its_first_block_and_no_more():
    first = agenda(study(), {})
    assert Counter(m.arm.name for m in first.measurements) == {"base": 3, "strong": 3, "strong + void": 3}
    assert not first.settled


@pytest.mark.parametrize("seed", range(4))
def test_the_order_in_which_trials_end_and_any_kill_change_nothing(seed):
    asked = study()
    straight = walked(asked)
    assert walked(asked, random.Random(seed), slots=1 + 3 * seed) == straight
    some = dict(random.Random(seed).sample(sorted(straight.items()), len(straight) // 2))
    assert {trial.key for trial in agenda(asked, some).trials()} <= straight.keys()


def test_the_cost_is_that_of_the_most_seeds():
    assert (study().cost, study().trials) == (3 * 12 * 3, 3 * 12)


def test_what_is_asked_of_seeds_must_make_sense():
    with pytest.raises(Refused, match="the plan has no contrasts: give a whole number"):
        study(vary=Plan((Arm(),)))
    with pytest.raises(Refused, match="Seeds needs start < most"):
        Seeds(start=4, most=4, until=0.1)


@pytest.mark.parametrize(("last", "expected"), [(1, 70.0), (2, 80.0), (3, 70.0)])
def test_the_score_is_the_median_of_the_last_epochs_at_once_and_after_a_restart(tmp_path: Path, last, expected):
    asked = study(seeds=2, last=last, vary=ladder(STRONG))
    place = str(tmp_path / "record.db")
    for _ in range(2):
        record = Record.open(place, create=True)
        with record.driver("test") as driver:
            session = Session(driver, asked, Resources(1, 0, 1), tmp_path, lambda session: None)
            run_here(session)
            base = next(m.trial for m in session.plan.measurements if m.arm.name == "base" and m.seed == 0)
            assert session.scores[base.key] == expected == median([50, 90, 70][-last:])
            assert session.scores == record.scores(session.scores, "top1", last)
