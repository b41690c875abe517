"""The search as a function of what is known: coarse to fine, the same from any interruption, never a tuning seed in a table."""

import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from scipy.stats import qmc

from hpsearch.ablation import Trick, ladder
from hpsearch.errors import Refused
from hpsearch.protocol import Run
from hpsearch.search import Confirm, Round, Tune, best, propose
from hpsearch.space import Space, Uniform
from hpsearch.study import TUNING_SEED, Study
from hpsearch.study.agenda import Agenda, Memo, agenda
from hpsearch.values import from_json, to_json


@dataclass(frozen=True)
class Config:
    lr: float = 0.1
    decay: float = 1e-4
    wide: bool = False


def train(config: Config, seed: int, epochs: int, run: Run) -> Iterator[dict[str, float]]:
    yield {"top1": 0.0}


SPACE = Space(lr=10 ** Uniform(-4, 1), decay=10 ** Uniform(-6, -1))
WIDE = Trick("wide", {"wide": True})


def study(**changes: Any) -> Study:
    tune = Tune(SPACE, rounds=(Round(points=16, epochs=1, keep=3), Round(points=8, epochs=3, keep=2), Round(points=4, epochs=6)))
    return Study(
        **{
            "question": "?",
            "base": Config(),
            "train": train,
            "vary": ladder(WIDE),
            "tune": tune,
            "epochs": 6,
            "seeds": 3,
            **changes,
        }
    )


def score(config: Config) -> float:
    return 90 - (math.log10(config.lr) + 1.3) ** 2 - 0.1 * (math.log10(config.decay) + 4) ** 2 + config.wide


def walk(asked: Study, order: random.Random | None = None, failing: bool = False) -> Agenda:
    """Finish trials one at a time, in the agenda's order or any other, working the agenda out anew each time."""
    scores: dict[str, float | None] = {}
    while waiting := [trial for trial in agenda(asked, scores).trials() if trial.key not in scores]:
        trial = order.choice(waiting) if order else waiting[0]
        scores[trial.key] = None if failing else score(trial.config)
    return agenda(asked, scores)


@pytest.mark.parametrize("proposals", ["sobol", "random", "grid", "tpe"])
def test_any_order_and_any_interruption_give_the_same_trials(proposals: str) -> None:
    asked = study(tune=replace(study().tune, proposals=proposals), vary=None, seeds=1)
    straight = [trial.key for trial in walk(asked).trials()]
    for seed in range(3):
        assert [trial.key for trial in walk(asked, random.Random(seed)).trials()] == straight


def test_rounds_zoom_in_on_what_was_kept() -> None:
    done = walk(study(vary=None, tune=replace(study().tune, ahead=0)))
    assert done.settled
    assert [(round_.index, round_.confirming) for round_ in done.rounds] == [(0, False), (1, False), (2, False), (3, True)]
    for before, after in zip(done.rounds[:2], done.rounds[1:3], strict=True):
        kept = [before.points[k] for k in before.kept or ()]
        carried = next(step for step in after.steps if step.kind == "carried")
        assert list(after.points[carried.start : carried.start + len(kept)]) == kept
        moved = {move.label for step in after.steps for move in step.moves}
        for name, domain in after.box.domains:
            assert name in moved or domain == after.whole.around(kept, 0.1)[name]
        for step, end in zip(after.steps, [*(step.start for step in after.steps[1:]), after.size], strict=True):
            assert all(step.box is None or point in step.box for point in after.points[step.start : end])
        assert max(after.scores) >= max(before.scores)
    assert abs(math.log10(done.rounds[-1].winner["lr"]) + 1.3) < 0.5


def test_without_confirming_the_best_of_the_last_round_is_measured() -> None:
    done = walk(study(vary=None, tune=replace(study().tune, confirm=None)))
    last = done.rounds[-1]
    assert (last.confirming, last.index, len(done.rounds)) == (False, 2, 3)
    assert {m.trial.config for m in done.measurements} == {Config(**last.winner)}
    assert max(map(score, (trial.config for trial in last.trials))) == score(Config(**last.winner))


@pytest.mark.parametrize("proposals", ["sobol", "tpe"])
def test_what_is_remembered_from_call_to_call_changes_nothing(proposals: str) -> None:
    tune = replace(study().tune, proposals=proposals)
    asked, draw = study(tune=tune), random.Random(3)
    whole = [(trial.key, score(trial.config)) for trial in walk(asked).trials()]
    memo = Memo(asked)
    for _ in range(15):
        some = dict(draw.sample(whole, draw.randrange(len(whole) + 1)))
        assert agenda(asked, some, memo) == agenda(asked, some)
        turned = {key: None if draw.random() < 0.2 else value for key, value in some.items()}
        assert agenda(asked, turned, memo) == agenda(asked, turned)


def test_fewer_are_carried_where_fewer_finished() -> None:
    asked = study(vary=None, tune=Tune(SPACE, rounds=(Round(points=6, epochs=1, keep=2), Round(points=4, epochs=2)), confirm=None))
    first = agenda(asked, {}).rounds[0]
    scores = dict.fromkeys(trial.key for trial in first.trials) | {first.trials[3].key: 1.0}
    before, after = agenda(asked, scores).rounds
    assert before.kept == (3,)
    assert [(step.kind, step.start) for step in after.steps] == [("spread", 0), ("carried", 2)]
    assert after.points[2:] == (before.points[3],)


def test_kept_are_the_best_and_never_a_failed_one() -> None:
    assert best([3.0, None, 5.0, 5.0, 1.0], 3) == (2, 3, 0)
    assert best([None, None], 2) == ()


def test_a_search_in_which_all_fail_says_so_and_measures_nothing() -> None:
    done = walk(study(), failing=True)
    assert done.settled
    assert done.measurements == ()
    assert "round 1 of the search for arm 'base' ended with no finished trial: all 16 failed" in done.problems[0]


def test_no_tuning_seed_enters_a_table() -> None:
    done = walk(study())
    seeds = {round_.index: {trial.seed for trial in round_.trials} for round_ in done.rounds}
    assert seeds == {index: {TUNING_SEED + index} for index in range(4)}
    again = walk(study(tune=replace(study().tune, confirm=Confirm(2, 3)))).rounds[-1]
    assert {trial.seed for trial in again.trials} == {TUNING_SEED + 3, TUNING_SEED + 4, TUNING_SEED + 5}
    assert {m.trial.seed for m in done.measurements} == {0, 1, 2}
    assert {m.trial.held_out for m in done.measurements} == {"final"}
    assert {trial.held_out for round_ in done.rounds for trial in round_.trials} == {"tuning"}


@pytest.mark.parametrize(("arms", "searched"), [("each", ["base", "wide"]), ("base", ["base"]), ("stack", ["wide"])])
def test_whose_search_it_is(arms: str, searched: list[str]) -> None:
    asked = study(tune=replace(study().tune, arms=arms))
    done = walk(asked)
    assert list(dict.fromkeys(round_.arm.name for round_ in done.rounds)) == searched
    rates = {m.arm.name: m.trial.config.lr for m in done.measurements}
    winners = {round_.arm.name: round_.winner["lr"] for round_ in done.rounds if round_.confirming}
    assert rates == {name: winners.get(name, next(iter(winners.values()))) for name in ("base", "wide")}
    assert asked.cost == len(searched) * (16 * 1 + 8 * 3 + 4 * 6 + 2 * 6) + 2 * 3 * 6


def test_more_seeds_only_add_trials() -> None:
    few, many = ({trial.key for trial in walk(study(seeds=n)).trials()} for n in (3, 5))
    assert few < many
    assert len(many - few) == 4


def test_a_minimised_metric_keeps_the_lowest() -> None:
    done = walk(study(goal="minimise"))
    round_ = done.rounds[0]
    assert score(study().config(round_.arm, round_.winner)) == min(
        score(study().config(round_.arm, point)) for point in round_.points
    )


def test_sobol_points_are_scipys() -> None:
    with pytest.warns(UserWarning, match="balance"):
        units = qmc.Sobol(2, scramble=True, rng=7).random(5)
    assert propose("sobol", SPACE, 5, 7) == [SPACE.point(tuple(row)) for row in units]


@pytest.mark.parametrize("proposals", ["sobol", "random", "grid", "tpe"])
def test_more_scores_only_lengthen_what_is_asked(proposals: str) -> None:
    asked = study(tune=replace(study().tune, proposals=proposals), vary=None, seeds=1)
    every = list(walk(asked).trials())
    for count in range(len(every)):
        known = {trial.key: score(trial.config) for trial in every[:count]}
        fewer = list(agenda(asked, known).trials())
        assert fewer == every[: len(fewer)]
        assert len(fewer) > count


def test_a_study_travels_as_json() -> None:
    again = from_json(json.loads(json.dumps(to_json(study()))), known=(Config, train))
    assert again == study()
    with pytest.raises(Refused, match="no value class or function is named"):
        from_json(to_json(study()))


def test_a_config_with_its_own_epochs_shares_trials_of_equal_length() -> None:
    @dataclass(frozen=True)
    class Timed(Config):
        epochs: int = 6

    tune = Tune(SPACE, rounds=Round(points=3, epochs=4), confirm=Confirm(points=2, seeds=1))
    done = walk(study(base=Timed(), epochs=None, tune=tune))
    assert {trial.config.epochs for round_ in done.rounds for trial in round_.trials} == {4}
    assert [len(round_.trials) for round_ in done.rounds[:2]] == [3, 2]
    assert {m.trial.config.epochs for m in done.measurements} == {6}


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Round(points=0, epochs=1), "Round needs points to be a whole number of at least 1, got 0"),
        (lambda: Round(points=2, epochs=1, keep=3), "cannot keep 3 of 2 points"),
        (lambda: Tune(SPACE, rounds=()), "Tune needs rounds="),
        (lambda: Tune(SPACE, rounds=(Round(points=4, epochs=1, keep=4), Round(points=2, epochs=2))), "keeps 4 points"),
        (
            lambda: Tune(SPACE, rounds=Round(points=1, epochs=1), proposals="bayes"),
            "sobol, random, grid, tpe, gp, cmaes, got 'bayes'",
        ),
        (lambda: Tune(SPACE, rounds=Round(points=1, epochs=1), arms="all"), "'each', 'base' or 'stack', got 'all'"),
        (lambda: study(question=" "), "Study.question is empty"),
        (lambda: study(base={"lr": 1}), "must be an instance of a frozen dataclass"),
        (lambda: study(train=None), "so the study needs train="),
        (lambda: study(train=lambda config: None), "must be a function (config, seed, epochs, run)"),
        (lambda: study(vary=None, tune=None), "the study asks nothing"),
        (lambda: study(epochs=None), "has no field 'epochs', so the study needs epochs="),
        (lambda: study(seeds=0), "at least 1, got 0"),
        (lambda: study(goal="up"), "goal='maximise' or 'minimise'"),
    ],
)
def test_nonsense_in_a_study_is_refused(make, sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        make()
    assert sentence in str(refused.value)
