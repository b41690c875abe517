"""Laws of the agenda: a pure function of study and scores, from which any interrupted search goes on where it stood."""

import math
import random
from dataclasses import dataclass, replace
from itertools import product

import pytest

import hpsearch.study.agenda
from hpsearch import Choice, Integers, Round, Space, Study, Trick, Tune, Uniform, ladder, leave_one_out, one_at_a_time
from hpsearch.search import best
from hpsearch.study import TUNING_SEED
from hpsearch.study.agenda import agenda


@dataclass(frozen=True)
class Config:
    rate: float = 0.1
    layers: int = 2
    boost: float = 0.0
    twist: bool = False
    kind: str = "plain"
    decay: float = 0.0

    def __post_init__(self):
        if self.twist and self.rate > 2:
            raise ValueError("twisted, the rate is at most 2")


def train(config, seed, epochs, run):
    yield {"top1": 0.0}


BOOST, TWIST = Trick("boost", {"boost": 1.0}), Trick("twist", {"twist": True})
SPACE = Space(rate=10 ** Uniform(-4, 0), layers=Integers(1, 6))
ROUNDS = (Round(points=10, epochs=1, keep=3), Round(points=8, epochs=2, keep=2), Round(points=4, epochs=4))
COST = 10 * 1 + 8 * 2 + 4 * 4 + 2 * 4  # of one search: two runs of the last round's length confirm it
BRANCHED = Space(kind=Choice("plain", decayed=Space(decay=10 ** Uniform(-5, -1))), rate=10 ** Uniform(-4, 0))


def study(**changes):
    tune = Tune(SPACE, ROUNDS)
    return Study(
        **{"question": "?", "base": Config(), "train": train, "vary": ladder(BOOST), "tune": tune, "epochs": 4, "seeds": 2}
        | changes
    )


def score(trial):
    """Best at a rate of 0.01, four layers; longer trials and the boost score higher."""
    config = trial.config
    return 50 - (math.log10(config.rate) + 2) ** 2 - (config.layers - 4) ** 2 + config.boost + trial.epochs


def sometimes_failing(trial):
    return None if int(trial.key[:2], 16) % 3 == 0 else score(trial)


def walked(asked, score=score, order=None, slots=1):
    """All scores, finished one by one while ``slots`` trials run; ``order`` draws which of the running ones ends next."""
    scores, running = {}, []
    while True:
        known = {trial.key for trial in running} | scores.keys()
        running += [trial for trial in agenda(asked, scores).trials() if trial.key not in known][: slots - len(running)]
        if not running:
            return scores
        trial = running.pop(order.randrange(len(running)) if order else 0)
        scores[trial.key] = score(trial)


def wavering(asked, score=score):
    """The law as a check that reports: numbers of slots with which other trials were run than in the agenda's own order."""
    straight = walked(asked, score)
    return [slots for slots in (4, 10) if walked(asked, score, random.Random(slots), slots) != straight]


def failed_but_kept(asked, scores):
    """The law as a check that reports: trials that a round kept although they failed."""
    rounds = [round_ for round_ in agenda(replace(asked), scores).rounds if not round_.confirming]
    return [round_.trials[k].key for round_ in rounds for k in round_.kept or () if scores[round_.trials[k].key] is None]


def strayed(tune, score=score):
    """The law as a check that reports: how many were told where a trial was wanted that no uninterrupted search wants."""
    whole = walked(study(vary=None, tune=tune), score)
    draw, keys = random.Random(0), list(whole)
    known = [keys[:count] for count in range(len(keys))] + [draw.sample(keys, draw.randrange(len(keys))) for _ in range(15)]
    agendas = [agenda(study(vary=None, tune=tune), {key: whole[key] for key in some}) for some in known]
    return [len(some) for some, plan in zip(known, agendas, strict=True) if not whole.keys() >= {t.key for t in plan.trials()}]


@pytest.mark.parametrize("arms", ["each", "base", "stack"])
@pytest.mark.parametrize("outcome", [score, sometimes_failing])
def test_any_order_of_ending_leads_to_the_same_trials(arms, outcome):
    assert wavering(study(tune=Tune(SPACE, ROUNDS, arms=arms)), outcome) == []


@pytest.mark.parametrize(
    ("proposals", "space", "outcome"),
    [*product(["sobol", "random", "grid", "tpe"], [SPACE, BRANCHED], [sometimes_failing]), ("tpe", SPACE, score)],
)
def test_killed_with_anything_known_it_wants_only_what_an_uninterrupted_search_wants(proposals, space, outcome):
    assert strayed(Tune(space, ROUNDS, proposals=proposals), outcome) == []


def test_the_law_of_kills_reports_a_planted_fault(monkeypatch):
    def hasty(walk, start, end, *rest):
        asks = [ask for ask in walk.asks[start:end] if ask in walk.told and walk.told[ask] is not None]
        return ([ask.point for ask in asks], [walk.told[ask] for ask in asks]) if len(asks) > (end - start) // 2 else None

    monkeypatch.setattr("hpsearch.search.round.enough", hasty)
    assert strayed(Tune(SPACE, ROUNDS)) != []


def test_the_order_law_reports_a_planted_fault(monkeypatch):
    honest = hpsearch.study.agenda.agenda
    monkeypatch.setitem(
        globals(),
        "agenda",
        lambda asked, scores: honest(replace(asked, tune=replace(asked.tune, seed=min(1, len(scores) // 5))), scores),
    )
    asked = study()
    orders = [walked(asked, score, random.Random(seed), slots=slots) for seed, slots in ((0, 1), (1, 4))]
    assert orders[0].keys() != orders[1].keys()


def test_equal_arguments_give_equal_agendas_and_change_nothing():
    scores = walked(study())
    some = dict(list(scores.items())[:9])
    before = dict(some)
    assert agenda(study(), some) == agenda(study(), some)
    assert some == before


def test_killed_at_any_point_the_search_goes_on_as_if_nothing_had_happened():
    whole = walked(study(vary=None))
    for count in range(len(whole)):
        scores = dict(list(whole.items())[:count])
        for trial in agenda(study(vary=None), scores).trials():
            assert trial.key in whole
        waiting = [trial for trial in agenda(study(vary=None), scores).trials() if trial.key not in scores]
        assert waiting, count


def test_scores_of_strangers_change_nothing():
    scores = walked(study())
    assert agenda(study(), scores | {"f" * 32: 99.0, "e" * 32: None}) == agenda(study(), scores)


def test_a_walk_settles_with_as_many_trials_as_the_study_counts():
    asked = study()
    scores = walked(asked)
    done = agenda(asked, scores)
    assert done.settled
    assert done.problems == ()
    assert len(scores) == asked.trials == 2 * (10 + 8 + 4 + 2) + 2 * 2
    assert sum(trial.epochs for trial in done.trials()) == asked.cost == 2 * COST + 2 * 2 * 4
    assert not agenda(asked, {}).settled
    assert agenda(asked, {}).measurements == ()


def test_without_a_search_everything_is_wanted_at_once():
    done = agenda(study(tune=None), {})
    assert (done.settled, done.rounds, len(done.measurements)) == (True, (), 4)
    assert [trial.seed for trial in done.trials()] == [0, 0, 1, 1]


def test_each_box_lies_in_the_range_and_holds_what_is_sent_there():
    for round_ in agenda(study(), walked(study())).rounds:
        ends = [step.start for step in round_.steps[1:]] + [len(round_.points)]
        for step, end in zip(round_.steps, ends, strict=True):
            assert all(point in round_.whole for point in round_.points[step.start : end])
            if step.box is not None:
                assert all(point in step.box for point in round_.points[step.start : end])
        for name, domain in round_.whole.domains:
            moved = any(move.label == name for each in round_.steps for move in each.moves)
            assert moved or round_.index or domain == SPACE[name]
            assert all(SPACE[name].value(unit) in domain for unit in (0.0, 1.0))


def test_the_kept_are_carried_into_the_next_round_best_first():
    done = agenda(study(), walked(study()))
    for before, after in zip(done.rounds, done.rounds[1:], strict=False):
        if after.index and not after.confirming:
            (carried,) = [step.start for step in after.steps if step.kind == "carried"]
            kept = [before.points[k] for k in before.kept if before.points[k] not in after.points[:carried]]
            assert list(after.points[carried : carried + len(kept)]) == kept


def test_what_is_measured_is_the_winner_of_the_confirming_round():
    asked = study(vary=None)
    scores = walked(asked)
    done = agenda(asked, scores)
    again = done.rounds[-1]
    assert (again.confirming, again.index) == (True, len(ROUNDS))
    assert {m.trial.config for m in done.measurements} == {Config(**again.winner)}
    assert done.winners == (("base", again.winner),)
    assert score(again.trials[again.kept[0]]) >= max(scores[trial.key] for trial in again.trials) - 0.1  # neighbours have a say
    assert score(again.trials[0]) >= max(score(replace(trial, epochs=4)) for trial in done.rounds[0].trials)


def test_no_failed_point_is_ever_kept():
    asked = study()
    scores = walked(asked, sometimes_failing)
    assert None in scores.values()
    assert failed_but_kept(asked, scores) == []


def test_the_failure_law_reports_a_planted_fault(monkeypatch):
    asked = study()
    scores = walked(asked, sometimes_failing)
    monkeypatch.setattr("hpsearch.search.round.best", lambda scores, keep: best([99.0 if s is None else s for s in scores], keep))
    assert failed_but_kept(asked, scores) != []


def test_where_all_fail_the_problem_is_told_and_nothing_is_measured():
    asked = study()
    done = agenda(asked, walked(asked, lambda trial: None))
    assert (done.settled, done.measurements) == (True, ())
    assert done.problems == tuple(
        f"round 1 of the search for arm {arm!r} ended with no finished trial: all 10 failed; "
        "`hpsearch status` says why; narrow the space if it is the cause"
        for arm in ("base", "boost")
    )


def test_an_arm_whose_search_failed_does_not_stop_the_others():
    asked = study()
    done = agenda(asked, walked(asked, lambda trial: None if trial.config.boost else score(trial)))
    assert {m.arm.name for m in done.measurements} == {"base"}
    assert [problem[:45] for problem in done.problems] == ["round 1 of the search for arm 'boost' ended w"]


def test_each_arm_is_searched_at_the_same_first_points():
    done = agenda(study(vary=one_at_a_time(BOOST, TWIST)), {})
    assert [round_.arm.name for round_ in done.rounds] == ["base", "boost", "twist"]
    assert done.rounds[0].points == done.rounds[1].points == done.rounds[2].points


@pytest.mark.parametrize(
    ("arms", "searched"), [("each", ["boost + twist", "twist", "boost"]), ("base", ["base"]), ("stack", ["boost + twist"])]
)
def test_whose_search_an_arm_takes_its_point_from(arms, searched):
    asked = study(vary=leave_one_out(BOOST, TWIST), tune=Tune(SPACE, ROUNDS, arms=arms))
    done = agenda(asked, walked(asked))
    winners = {round_.arm.name: round_.winner for round_ in done.rounds if round_.confirming}
    assert dict(done.winners) == winners
    assert list(winners) == searched
    assert {m.arm.name for m in done.measurements} == {"boost + twist", "twist", "boost"}
    for m in done.measurements:
        point = winners.get(m.arm.name, winners[searched[0]])
        assert (m.trial.config.rate, m.trial.config.layers) == (point["rate"], point["layers"])
        assert m.trial.config.boost == (1.0 if "boost" in m.arm.name else 0.0)


def test_measurements_share_neither_seed_nor_images_with_tuning():
    asked = study()
    done = agenda(asked, walked(asked))
    tuning = [trial for round_ in done.rounds for trial in round_.trials]
    assert {m.trial.seed for m in done.measurements} == {0, 1}
    assert {trial.seed - TUNING_SEED for trial in tuning} == {0, 1, 2, 3}
    assert {trial.held_out for trial in tuning} == {"tuning"}
    assert {m.trial.held_out for m in done.measurements} == {"final"}


def test_seeds_and_arms_added_to_a_study_only_add_trials():
    few = walked(study())
    more_seeds = walked(study(seeds=4))
    more_arms = walked(study(vary=ladder(BOOST, TWIST)))
    assert few.keys() < more_seeds.keys()
    assert len(more_seeds) == len(few) + 2 * 2
    assert few.keys() < more_arms.keys()


def test_of_a_metric_to_be_minimised_the_lowest_is_kept():
    asked = study(vary=None, goal="minimise")
    scores = walked(asked)
    round_ = agenda(asked, scores).rounds[0]
    values = [scores[trial.key] for trial in round_.trials]
    assert [values[k] for k in round_.kept] == sorted(values)[:3]


@pytest.mark.parametrize("arms", ["base", "stack", "each"])
def test_a_range_is_widened_only_to_where_every_arm_that_takes_the_winner_can_follow(arms):
    space = Space(rate=10 ** Uniform(-4, 0))  # widened by half it would reach 100, and twisted the rate is at most 2
    asked = study(vary=ladder(TWIST), tune=Tune(space, (Round(16, 1), Round(16, 4)), arms=arms))
    done = agenda(asked, walked(asked, lambda trial: trial.config.rate))
    widened = {round_.arm.name for round_ in done.rounds for step in round_.steps if step.moves}
    assert widened == ({"base"} if arms == "each" else set())
    assert len(done.measurements) == 2 * 2
    assert done.problems == ()


def test_what_it_looked_for_is_every_trial_of_its_searches():
    scores = walked(study())
    done = agenda(study(), scores)
    assert done.looked == {trial.key for round_ in done.rounds for trial in round_.trials}
    for count in range(0, len(scores), 5):
        some = dict(list(scores.items())[:count])
        plan = agenda(study(), some)
        assert plan.looked <= {trial.key for trial in plan.trials()}
