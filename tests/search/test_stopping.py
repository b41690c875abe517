"""Stopping early: Optuna's pruners decide, over a study made anew from the curves, as they would in a study that lived."""

import json
import random

import optuna
import pytest
from optuna.pruners import MedianPruner, SuccessiveHalvingPruner
from optuna.trial import TrialState

from hpsearch.errors import Refused
from hpsearch.search import Divergence, Halving, Median, pruners
from hpsearch.search.stopping import Rule, stops
from hpsearch.values import from_json, to_json

RULES = [Median(), Median(after=1, warmup=0), Median(after=3, warmup=2), Halving(), Halving(2, 2), Halving(1, 4), Halving(3, 2)]
EPOCHS = 12


def live(rule):
    """The pruner as Optuna's documentation has it used: it counts steps from 0, and a resource from 1."""
    if isinstance(rule, Median):
        return MedianPruner(n_startup_trials=rule.after, n_warmup_steps=rule.warmup), -1
    return SuccessiveHalvingPruner(min_resource=rule.shortest, reduction_factor=rule.factor), 0


def disagreements(rule, seed, slots, scored=1):
    """The law as a check that reports: epochs in which we would not do what Optuna's pruner does in a study of many trials.

    Trials go on side by side in ``slots``, ``scored`` epochs at a time, after which there is a score, in random order; some fail.
    """
    draw = random.Random(seed)
    pruner, offset = live(rule)
    study = optuna.create_study(direction="maximize", pruner=pruner)
    running, curves, ended, found, pruned = [], {}, set(), [], 0
    for _ in range(24 * EPOCHS):
        if len(running) < slots and len(curves) < 24:
            running.append((study.ask(), draw.random()))
            curves[running[-1][0].number] = {}
        if not running:
            break
        trial, level = running.pop(draw.randrange(len(running)))
        own = curves[trial.number]
        epoch = (len(own) + 1) * scored
        own[epoch] = level * epoch + draw.gauss(0, 0.5)
        trial.report(own[epoch], epoch + offset)
        if epoch == EPOCHS:
            ended.add(trial.number)
            study.tell(trial, own[epoch])
            continue
        others = [(curve, number in ended) for number, curve in curves.items() if number != trial.number and curve]
        draw.shuffle(others)
        theirs = trial.should_prune()
        if bool(stops(rule, own, others)) != theirs:
            found.append((trial.number, epoch))
        if theirs or draw.random() < 0.01:
            pruned += theirs
            study.tell(trial, state=TrialState.PRUNED if theirs else TrialState.FAIL)
        else:
            running.append((trial, level))
    assert pruned > 0
    return found


@pytest.mark.parametrize("slots", [1, 4])
@pytest.mark.parametrize("rule", RULES, ids=str)
def test_the_decisions_are_those_of_optunas_pruner_in_a_study_that_lives(rule, slots):
    assert disagreements(rule, 0, slots) == disagreements(rule, 1, slots) == []


SPARSE = [(rule, 2) for rule in RULES] + [(rule, 3) for rule in RULES if rule != Halving()]  # of which epochs 1 and 3 would be one


@pytest.mark.parametrize(("rule", "scored"), SPARSE, ids=str)
def test_they_are_so_where_a_score_is_there_every_few_epochs_only(rule, scored):
    assert disagreements(rule, 0, 4, scored) == []


def test_the_law_reports_a_planted_fault(monkeypatch):
    monkeypatch.setattr(pruners, "_rungs", lambda rule, last: [rule.shortest])
    assert disagreements(Halving(), 0, 4) != []


def test_the_law_reports_a_warmup_that_is_one_epoch_short(monkeypatch):
    monkeypatch.setattr(pruners, "_pruner", lambda rule: MedianPruner(n_startup_trials=rule.after, n_warmup_steps=rule.warmup))
    assert disagreements(Median(), 0, 4) != []


GOOD, BAD = {1: 1.0, 2: 2.0, 3: 3.0}, {1: 0.5, 2: 0.5}


def test_median_stops_what_is_below_half_of_those_that_ended_and_says_so():
    others = [(GOOD, True)] * 4
    assert stops(Median(), BAD, others) == "below the median of its round at epoch 2"
    assert stops(Median(), {1: 0.5}, others) == ""  # the first epoch is never judged
    assert stops(Median(warmup=0), {1: 0.5}, others) == "below the median of its round at epoch 1"
    assert stops(Median(), {1: 2.5, 2: 0.5}, others) == ""  # its best so far counts
    assert stops(Median(), BAD, others[:3]) == ""
    assert stops(Median(), BAD, [(GOOD, False)] * 9) == ""  # none of them has ended
    assert stops(Median(), BAD, []) == ""


def test_halving_lets_one_in_three_go_on_at_each_of_its_epochs():
    level = {n: [({1: float(k)}, False) for k in range(n)] for n in (2, 5, 8)}
    assert [bool(stops(Halving(), {1: score}, level[8])) for score in (8.5, 5.5, 4.5, 0.5)] == [False, False, True, True]
    assert stops(Halving(), {1: 1.5}, level[5]) == "not among the best 1/3 of its round at epoch 1"
    assert stops(Halving(), {1: 9.0, 2: -9.0}, level[5]) == ""  # epoch 2 is none of its epochs
    assert stops(Halving(), {1: 0.0}, []) == ""  # the first there is the best there


def test_rules_travel_as_json():
    for rule in (*RULES, Divergence("cost", 3.5)):
        assert from_json(json.loads(json.dumps(to_json(rule)))) == rule


def test_divergence_is_a_multiple_of_the_first_epoch():
    rule = Divergence(multiple=4)
    assert rule.judge({"loss": 2.0}, {"loss": 8.0}, 3) == ""
    assert rule.judge({"loss": 2.0}, {"loss": 8.1}, 3) == "metric 'loss' is 8.1 in epoch 3, more than 4 times the 2 of epoch 1"
    assert rule.judge({"loss": 2.0}, {"loss": 2.0}, 1) == ""


@pytest.mark.parametrize(
    ("first", "row"),
    [
        ({}, {"loss": 99.0}),
        ({"loss": 1.0}, {}),
        ({"loss": 0.0}, {"loss": 9.0}),
        ({"loss": -1.0}, {"loss": 9.0}),
        ({"loss": [1.0]}, {"loss": [99.0]}),
    ],
)
def test_where_there_is_nothing_to_compare_nothing_has_diverged(first, row):
    assert Divergence().judge(first, row, 2) == ""


REFUSED = [
    (lambda: Median(after=0), "Median needs after of at least 1 trial and warmup of 0 epochs or more, got 0, 1"),
    (lambda: Median(warmup=-1), "Median needs after of at least 1 trial and warmup of 0 epochs or more, got 4, -1"),
    (lambda: Halving(shortest=0), "Halving needs shortest of at least 1 epoch and a factor of 2 or more, got 0, 3"),
    (lambda: Halving(factor=1), "Halving needs shortest of at least 1 epoch and a factor of 2 or more, got 1, 1"),
    (lambda: Divergence(""), "Divergence needs a metric and a multiple above 1, got '' and 10.0"),
    (lambda: Divergence(multiple=1), "Divergence needs a metric and a multiple above 1, got 'loss' and 1"),
    (lambda: Divergence(multiple=float("nan")), "Divergence needs a metric and a multiple above 1, got 'loss' and nan"),
    (lambda: stops(Rule(), {1: 0.0}, []), "no pruner is known for Rule(): use Median or Halving"),
]


@pytest.mark.parametrize(("build", "message"), REFUSED, ids=[message[:50] for _, message in REFUSED])
def test_nonsense_is_refused_with_a_remedy(build, message):
    with pytest.raises(Refused) as refused:
        build()
    assert str(refused.value) == message
