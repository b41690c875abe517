"""Laws of the agenda: a pure function of study and scores, from which any interrupted search goes on where it stood."""

import math
import random
from dataclasses import dataclass, replace

import pytest

import hpsearch.agenda
from hpsearch import Integers, Round, Space, Study, Trick, Tune, Uniform, ladder, leave_one_out, one_at_a_time
from hpsearch.agenda import agenda
from hpsearch.search import best


@dataclass(frozen=True)
class Config:
    rate: float = 0.1
    layers: int = 2
    boost: float = 0.0
    twist: bool = False


def train(config, seed, epochs, run):
    yield {"top1": 0.0}


BOOST, TWIST = Trick("boost", {"boost": 1.0}), Trick("twist", {"twist": True})
SPACE = Space(rate=10 ** Uniform(-4, 0), layers=Integers(1, 6))
ROUNDS = (Round(points=6, epochs=1, keep=2), Round(points=4, epochs=2, keep=2), Round(points=3, epochs=4))


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
    """The law as a check that reports: seeds of the orders in which other trials were run than in the agenda's own order."""
    straight = walked(asked, score)
    orders = {seed: walked(asked, score, random.Random(seed), slots=1 + 3 * seed) for seed in range(4)}
    return [seed for seed, scores in orders.items() if scores != straight]


def failed_but_kept(asked, scores):
    """The law as a check that reports: trials that a stage kept although they failed."""
    stages = agenda(asked, scores).stages
    return [stage.trials[k].key for stage in stages for k in stage.kept or () if scores[stage.trials[k].key] is None]


@pytest.mark.parametrize("arms", ["each", "base", "stack"])
@pytest.mark.parametrize("outcome", [score, sometimes_failing])
def test_any_order_of_ending_leads_to_the_same_trials(arms, outcome):
    assert wavering(study(tune=Tune(SPACE, ROUNDS, arms=arms)), outcome) == []


def test_the_order_law_reports_a_planted_fault(monkeypatch):
    honest = hpsearch.agenda.agenda
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
    asked = study(vary=None)
    whole = walked(asked)
    for count in range(len(whole)):
        scores = dict(list(whole.items())[:count])
        for trial in agenda(asked, scores).trials():
            assert trial.key in whole
        waiting = [trial for trial in agenda(asked, scores).trials() if trial.key not in scores]
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
    assert len(scores) == asked.trials == 2 * (6 + 4 + 3) + 2 * 2
    assert sum(trial.epochs for trial in done.trials()) == asked.cost
    assert not agenda(asked, {}).settled
    assert agenda(asked, {}).measurements == ()


def test_without_a_search_everything_is_wanted_at_once():
    done = agenda(study(tune=None), {})
    assert (done.settled, done.stages, len(done.measurements)) == (True, (), 4)
    assert [trial.seed for trial in done.trials()] == [0, 0, 1, 1]


def test_each_box_lies_in_the_space_and_holds_what_was_kept():
    asked = study()
    for before, after in zip(stages := agenda(asked, walked(asked)).stages, stages[1:], strict=False):
        if after.index == 0:
            assert after.box == SPACE
            continue
        kept = [before.points[k] for k in before.kept]
        assert list(after.points[: len(kept)]) == kept
        for point in (*after.points, *kept):
            assert all(value in after.box[name] for name, value in point.items())
        for name, domain in after.box.domains:
            assert domain.value(0.0) in SPACE[name]
            assert domain.value(1.0) in SPACE[name]


def test_the_winner_of_the_last_round_is_measured_and_is_no_worse_than_any_point_before():
    asked = study(vary=None)
    scores = walked(asked)
    done = agenda(asked, scores)
    last = done.stages[-1]
    assert {m.trial.config for m in done.measurements} == {Config(**last.winner)}
    best_of_last = max(scores[trial.key] for trial in last.trials)
    assert scores[last.trials[last.kept[0]].key] == best_of_last
    first = [score(replace(trial, epochs=4)) for trial in done.stages[0].trials]
    assert best_of_last >= max(first)


def test_no_failed_point_is_ever_kept():
    asked = study()
    scores = walked(asked, sometimes_failing)
    assert None in scores.values()
    assert failed_but_kept(asked, scores) == []


def test_the_failure_law_reports_a_planted_fault(monkeypatch):
    monkeypatch.setattr(hpsearch.agenda, "best", lambda scores, keep: best([99.0 if s is None else s for s in scores], keep))
    asked = study()
    assert failed_but_kept(asked, walked(asked, sometimes_failing)) != []


def test_fewer_are_carried_where_fewer_finished():
    asked = study(vary=None)
    keys = [trial.key for trial in agenda(asked, {}).stages[0].trials]
    scores = dict.fromkeys(keys) | {keys[3]: 1.0}
    first, second = agenda(asked, scores).stages
    assert first.kept == (3,)
    assert second.points[0] == first.points[3]
    assert len(second.points) == 4


def test_where_all_fail_the_problem_is_told_and_nothing_is_measured():
    asked = study()
    done = agenda(asked, walked(asked, lambda trial: None))
    assert (done.settled, done.measurements) == (True, ())
    assert done.problems == tuple(
        f"round 1 of the search for arm {arm!r} ended with no finished trial: all 6 failed; "
        "narrow the space or see the reasons with `hpsearch status`"
        for arm in ("base", "boost")
    )


def test_an_arm_whose_search_failed_does_not_stop_the_others():
    asked = study()
    done = agenda(asked, walked(asked, lambda trial: None if trial.config.boost else score(trial)))
    assert {m.arm.name for m in done.measurements} == {"base"}
    assert [problem[:45] for problem in done.problems] == ["round 1 of the search for arm 'boost' ended w"]


def test_each_arm_is_searched_at_the_same_first_points():
    done = agenda(study(vary=one_at_a_time(BOOST, TWIST)), {})
    assert [stage.arm.name for stage in done.stages] == ["base", "boost", "twist"]
    assert done.stages[0].points == done.stages[1].points == done.stages[2].points


@pytest.mark.parametrize(
    ("arms", "searched"), [("each", ["boost + twist", "twist", "boost"]), ("base", ["base"]), ("stack", ["boost + twist"])]
)
def test_whose_search_an_arm_takes_its_point_from(arms, searched):
    asked = study(vary=leave_one_out(BOOST, TWIST), tune=Tune(SPACE, ROUNDS, arms=arms))
    done = agenda(asked, walked(asked))
    winners = {stage.arm.name: stage.winner for stage in done.stages if stage.index == 2}
    assert list(winners) == searched
    assert {m.arm.name for m in done.measurements} == {"boost + twist", "twist", "boost"}
    for m in done.measurements:
        point = winners.get(m.arm.name, winners[searched[0]])
        assert (m.trial.config.rate, m.trial.config.layers) == (point["rate"], point["layers"])
        assert m.trial.config.boost == (1.0 if "boost" in m.arm.name else 0.0)


def test_measurements_share_neither_seed_nor_images_with_tuning():
    asked = study()
    done = agenda(asked, walked(asked))
    tuning = [trial for stage in done.stages for trial in stage.trials]
    assert {m.trial.seed for m in done.measurements}.isdisjoint({trial.seed for trial in tuning})
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
    stage = agenda(asked, scores).stages[0]
    values = [scores[trial.key] for trial in stage.trials]
    assert [values[k] for k in stage.kept] == sorted(values)[:2]
