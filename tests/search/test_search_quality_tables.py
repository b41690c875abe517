"""The benchmark of the search: its pure parts on made-up frames, and its tasks on the real tables where they are there."""

import os
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from benchmarks.peers import PEERS, Pick
from benchmarks.search_quality import choices, left_out, means, ours, ranks, reached, report, resampled, weights
from benchmarks.tables import Level, Rows, Task, load, names, normalised_regret
from hpsearch.errors import Refused
from hpsearch.space import Choice, LogUniform, Space, Uniform

SHARED = Path(os.environ.get("HPSEARCH_SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
DATA = SHARED / "hpo"
TASKS = names(DATA)
tables = pytest.mark.skipif(not TASKS, reason=f"no tables under {DATA}: set HPSEARCH_SHARED_DATA")


def frame(*rows):
    """Rows of (task, method, budget, regrets...), one regret per repetition."""
    return pd.DataFrame(
        [
            {
                "task": task,
                "family": task.split("/")[0],
                "full": 10,
                "method": method,
                "budget": budget,
                "repetition": repetition,
                "regret": regret,
                "epochs": 10 * budget,
                "seconds": 0.0,
            }
            for task, method, budget, *regrets in rows
            for repetition, regret in enumerate(regrets)
        ]
    )


@pytest.fixture
def toy():
    """Six rows on a line and two optimisers; three epochs; the row of 1.0 fails."""
    space = Space(optimizer=Choice("a", "b"), rate=LogUniform(0.01, 1.0))
    rows = Rows(space, tuple({"optimizer": name, "rate": rate} for name in "ab" for rate in (0.01, 0.1, 1.0)))
    final = np.array([1.0, 3.0, np.nan, 2.0, 4.0, np.nan])
    levels = tuple(Level(epochs, rows, (final * epochs / 3)[:, None]) for epochs in (1, 2, 3))
    return Task("toy/line", "toy", space, levels, normalised_regret(final))


class TestRegret:
    def test_zero_is_the_best_row_and_one_the_median_row(self):
        assert normalised_regret(np.array([5.0, 1.0, 3.0])).tolist() == [0.0, 1.0, 1.0]
        assert normalised_regret(np.array([5.0, 4.0, 3.0, 2.0, 1.0])).tolist() == [0.0, 0.5, 1.0, 1.0, 1.0]

    def test_failed_rows_count_as_the_worst(self):
        assert normalised_regret(np.array([4.0, 3.0, 2.0, np.nan, -np.inf])).tolist() == [0.0, 0.5, 1.0, 1.0, 1.0]

    def test_where_the_median_row_failed_the_worst_finished_one_is_1(self):
        assert normalised_regret(np.array([4.0, 3.0, *[np.nan] * 5])).tolist() == [0.0, 1.0, *[1.0] * 5]

    def test_a_table_without_differences_is_refused(self):
        with pytest.raises(Refused, match="better than its median row"):
            normalised_regret(np.array([1.0, 1.0, 1.0]))
        with pytest.raises(Refused, match="at least one finished row"):
            normalised_regret(np.array([np.nan]))


class TestTask:
    def test_a_point_stands_for_the_nearest_row_in_logarithms_and_never_for_another_option(self, toy):
        nearest = toy.levels[-1].rows.nearest
        assert nearest({"optimizer": "a", "rate": 0.031}) == 0
        assert nearest({"optimizer": "a", "rate": 0.032}) == 1
        assert nearest({"optimizer": "b", "rate": 0.9}) == 5

    def test_scores_and_truth(self, toy):
        assert toy.fidelities
        assert toy.full == 3
        assert toy.score({"optimizer": "b", "rate": 0.1}, seed=7, epochs=3) == 4.0
        assert toy.score({"optimizer": "a", "rate": 0.1}, seed=0, epochs=1) == 1.0
        assert toy.score({"optimizer": "a", "rate": 1.0}, seed=0, epochs=3) is None
        assert toy.truth({"optimizer": "b", "rate": 0.1}) == 0.0
        assert toy.truth(None) == 1.0

    @pytest.mark.parametrize("epochs", [0, 4])
    def test_epochs_that_the_table_does_not_have_are_refused(self, toy, epochs):
        with pytest.raises(Refused, match=f"after 1 to 3 epochs, got epochs={epochs}"):
            toy.score({"optimizer": "a", "rate": 0.1}, seed=0, epochs=epochs)

    def test_the_largest_known_level_within_the_epochs_is_what_is_seen(self):
        space = Space(x=Uniform(0, 1))
        rows = Rows(space, ({"x": 0.0}, {"x": 1.0}))
        levels = (Level(1, rows, np.array([[1.0], [2.0]])), Level(9, rows, np.array([[3.0, 5.0], [4.0, 6.0]])))
        task = Task("toy/two", "toy", space, levels, np.array([1.0, 0.0]))
        assert [task.score({"x": 0.1}, 0, epochs) for epochs in (1, 8, 9)] == [1.0, 1.0, 3.0]
        assert [task.score({"x": 0.9}, seed, 9) for seed in (0, 1, 2)] == [4.0, 6.0, 4.0]


class TestPeers:
    @pytest.mark.parametrize("name", PEERS)
    def test_every_peer_is_a_pure_function_that_spends_its_budgets(self, toy, name):
        picks = PEERS[name](toy, (2, 16), 5)
        assert picks == PEERS[name](toy, (2, 16), 5)
        assert {budget: pick.epochs for budget, pick in picks.items()} == {2: 6, 16: 48}
        assert toy.truth(picks[16].point) == 0.0

    @pytest.mark.parametrize("name", PEERS)
    def test_nothing_is_picked_where_every_training_fails(self, toy, name):
        scores = np.full((6, 1), np.nan)
        levels = tuple(Level(level.epochs, level.rows, scores) for level in toy.levels)
        failing = Task("toy/failing", "toy", toy.space, levels, toy.regrets)
        assert PEERS[name](failing, (12,), 0) == {12: Pick(None, 36)}

    def test_a_smaller_budget_sees_a_part_of_the_same_search(self, toy):
        for name in ("random", "sobol", "tpe", "asha"):
            assert PEERS[name](toy, (4, 16), 1)[4] == PEERS[name](toy, (4,), 1)[4], name


class TestOurs:
    def test_what_is_asked_is_told_until_it_is_settled(self, toy, monkeypatch):
        """Against a search in two stages: two points for one epoch, then the better of them in full, with two seeds."""

        @dataclass(frozen=True)
        class Ask:
            rate: float
            seed: int
            epochs: int

            @property
            def items(self):
                return (("optimizer", "b"), ("rate", self.rate))

            @property
            def point(self):
                return dict(self.items)

        first, last = (Ask(0.01, 0, 1), Ask(0.1, 0, 1)), (Ask(0.1, 0, 3), Ask(0.1, 1, 3))

        def unfold(tune, told):
            assert tune == "declared for 2"
            asks = first + (last if all(ask in told for ask in first) else ())
            settled = all(ask in told for ask in first + last)
            return SimpleNamespace(asks=asks, settled=settled, winner=last[0].point if settled else None)

        monkeypatch.setattr("hpsearch.search.unfold", unfold, raising=False)
        pick = ours(toy, 2, seed=3, declare=lambda task, budget, seed: f"declared for {budget}")
        assert pick == Pick({"optimizer": "b", "rate": 0.1}, epochs=8)

    def test_a_search_that_asks_for_nothing_is_refused(self, toy, monkeypatch):
        stuck = SimpleNamespace(asks=(), settled=False, winner=None)
        monkeypatch.setattr("hpsearch.search.unfold", lambda tune, told: stuck, raising=False)
        with pytest.raises(Refused, match="not settled and asks for nothing, after 0 evaluations"):
            ours(toy, 2, seed=3, declare=lambda task, budget, seed: None)


class TestLeaveOneOut:
    results = frame(
        ("f/one", "ours:a", 16, 0.0, 0.0),
        ("f/two", "ours:a", 16, 0.5, 0.7),
        ("g/three", "ours:a", 16, 0.6, 0.6),
        ("f/one", "ours:b", 16, 0.9, 0.9),
        ("f/two", "ours:b", 16, 0.2, 0.2),
        ("g/three", "ours:b", 16, 0.3, 0.3),
        ("f/one", "random", 16, 1.0, 1.0),
        ("f/two", "random", 16, 1.0, 1.0),
        ("g/three", "random", 16, 1.0, 1.0),
    )

    def test_a_variant_is_chosen_on_the_other_tasks_alone(self):
        # means a: 0.0, 0.6, 0.6; b: 0.9, 0.2, 0.3. Without one: a 0.60, b 0.25; without two: 0.30, 0.60; without three: 0.30, 0.55
        assert choices(self.results) == {"f/one": "ours:b", "f/two": "ours:a", "g/three": "ours:a"}

    def test_or_on_the_other_families_alone(self):
        assert choices(self.results, by="family") == {"f/one": "ours:b", "f/two": "ours:b", "g/three": "ours:a"}

    def test_the_chosen_rows_stand_as_ours_and_the_others_are_left(self):
        combined = left_out(self.results)
        assert set(combined["method"]) == {"ours", "random"}
        mine = combined[combined["method"] == "ours"].groupby("task")["regret"].apply(list).to_dict()
        assert mine == {"f/one": [0.9, 0.9], "f/two": [0.5, 0.7], "g/three": [0.6, 0.6]}

    def test_a_tasks_own_results_never_change_its_choice(self):
        altered = self.results.copy()
        altered.loc[(altered["task"] == "f/one") & (altered["method"] == "ours:b"), "regret"] = 0.0
        assert choices(altered)["f/one"] == choices(self.results)["f/one"]
        assert choices(altered)["f/two"] == "ours:b"  # the planted fault is seen where it may be

    def test_budgets_weigh_the_same_whatever_their_repetitions(self):
        uneven = frame(
            ("f/one", "ours:a", 16, 0.5),
            ("f/one", "ours:b", 16, 0.5),
            ("f/two", "ours:a", 16, 0.0, 0.0, 0.0),
            ("f/two", "ours:a", 32, 0.6),
            ("f/two", "ours:b", 16, 0.2),
            ("f/two", "ours:b", 32, 0.2),
        )
        assert choices(uneven)["f/one"] == "ours:b"  # 0.2 against 0.3, though the rows of a have the mean 0.15

    def test_one_task_alone_leaves_nothing_to_choose_on(self):
        with pytest.raises(Refused, match="there are none: run more tasks"):
            choices(self.results[self.results["task"] == "f/one"])

    def test_without_variants_the_frame_stays_as_it_is(self):
        plain = self.results[self.results["method"] == "random"]
        assert left_out(plain).equals(plain)


class TestNumbers:
    def test_weights_of_tasks_and_of_families(self):
        three = frame(("f/one", "x", 1, 0.0), ("f/two", "x", 1, 0.0), ("g/three", "x", 1, 0.0))
        assert weights(three, "family") == {"f/one": 0.25, "f/two": 0.25, "g/three": 0.5}
        assert set(weights(three, "task").values()) == {1 / 3}

    def test_ranks_are_within_tasks_and_equal_ones_share(self):
        results = frame(
            ("f/one", "x", 16, 0.1, 0.3),
            ("f/one", "y", 16, 0.4, 0.4),
            ("f/one", "z", 16, 0.2, 0.2),
            ("f/two", "x", 16, 0.0, 0.0),
            ("f/two", "y", 16, 0.5, 0.1),
            ("f/two", "z", 16, 0.9, 0.9),
        )
        assert ranks(results)[16].to_dict() == {"x": 1.25, "y": 2.5, "z": 2.25}

    def test_means_are_weighted_and_leave_out_a_search_that_lacks_a_task(self):
        results = frame(("f/one", "x", 16, 0.1, 0.3), ("f/two", "x", 16, 0.6, 0.6), ("f/one", "y", 16, 0.0))
        found = means(results, {"f/one": 0.75, "f/two": 0.25})
        assert set(found) == {("x", 16)}
        assert found["x", 16].mean == pytest.approx(0.3)
        assert set(found["x", 16].samples.round(6)) == {0.225, 0.3, 0.375}

    def test_equal_repetitions_are_drawn_alike_so_that_differences_are_paired(self):
        values = np.random.default_rng(0).random(30)
        assert np.ptp(resampled(values + 1, "task") - resampled(values, "task")) < 1e-12
        assert np.ptp(resampled(values, "other") - resampled(values, "task")) > 0.01

    def test_the_budget_that_reaches_a_regret(self):
        curve = {16: 0.4, 32: 0.3, 64: 0.3, 128: 0.1}
        assert reached(curve, 0.5) == 16
        assert reached(curve, 0.35) == pytest.approx(16 * 2**0.5)
        assert reached(curve, 0.3) == 32
        assert reached(curve, 0.2) == pytest.approx(64 * 2**0.5)
        assert reached(curve, 0.05) == np.inf


class TestReport:
    def test_wins_losses_missed_goals_and_overspending_are_said_plainly(self):
        spread = [0.0, 0.02, 0.01, 0.03] * 5
        results = frame(
            *((task, "tpe", at, *(0.3 + x for x in spread)) for task in ("f/one", "g/two") for at in (16, 64)),
            *((task, "random", at, *(0.4 + x for x in spread)) for task in ("f/one", "g/two") for at in (16, 64)),
            *(("f/one", "ours", at, *(0.1 + x for x in spread)) for at in (16, 64)),
            *(("g/two", "ours", at, *(0.5 + x for x in spread)) for at in (16, 64)),
        )
        results.loc[(results["method"] == "ours") & (results["budget"] == 16), "epochs"] += 1
        text = report(results, "python x")
        assert "| f/one | 0.115 | 0.415 | 0.315 | -0.200 [-0.200, -0.200] **win** |" in text
        assert "| g/two | 0.515 | 0.415 | 0.315 | +0.200 [+0.200, +0.200] **LOSS** |" in text
        assert "ours / tpe at 16 | 1.00 [1.00, 1.00] | at most 1.00: reached" in text
        assert "ours / tpe at 64 | 1.00 [1.00, 1.00] | at most 0.90: MISSED" in text
        assert "ours 1.01 OVER BUDGET" in text
        assert "hardware:" in text
        assert "`python x`" in text


@tables
class TestRealTables:
    @pytest.mark.parametrize("name", TASKS)
    def test_every_row_stands_for_itself_and_the_best_one_has_no_regret(self, name):
        task = load(DATA, name)
        rows = task.levels[-1].rows
        some = range(0, len(rows.points), max(1, len(rows.points) // 300))
        assert [rows.nearest(rows.points[index]) for index in some] == list(some)
        assert task.name == name
        best = rows.points[int(np.argmin(task.regrets))]
        assert task.truth(best) == 0.0
        assert 0 <= task.regrets.min() <= task.regrets.max() == 1.0

    @pytest.mark.parametrize("name", TASKS)
    def test_scores_are_numbers_or_none_at_every_level(self, name):
        task = load(DATA, name)
        units = np.random.default_rng(0).random((20, len(task.space)))
        for level in (task.levels[0], task.levels[-1]):
            scores = [task.score(task.space.point(tuple(row)), 3, level.epochs) for row in units]
            assert all(score is None or np.isfinite(score) for score in scores)
            assert any(score is not None for score in scores)

    def test_the_nineteen_tasks(self):
        assert len(TASKS) == 19
        assert [load(DATA, name).full for name in ("hpobench/car", "taskset/patch128_LSTM128_bs64")] == [243, 50]
        assert [load(DATA, name).full for name in ("deepobs/svhn_wrn164", "deepcave/bohb_convnet")] == [160, 81]

    def test_a_grid_is_rounded_per_dimension(self):
        task = load(DATA, "hpobench/car")
        rows = task.levels[-1].rows
        found = rows.points[rows.nearest({"alpha": 2e-8, "batch_size": 120, "depth": 2, "learning_rate_init": 0.6, "width": 19})]
        assert found["alpha"] == pytest.approx(1e-8)
        assert found["learning_rate_init"] == 1.0
        assert (found["batch_size"], found["depth"], found["width"]) == (101, 2, 16)

    def test_repeated_seeds_differ_on_the_grid_and_nowhere_on_the_curves(self):
        grid, curves = load(DATA, "hpobench/car"), load(DATA, "deepobs/cifar10_3c3d")
        assert len({grid.score(grid.levels[0].rows.points[0], seed, grid.full) for seed in range(5)}) == 5
        assert len({curves.score(curves.levels[0].rows.points[40], seed, curves.full) for seed in range(5)}) == 1

    def test_an_unknown_task_is_refused_with_a_hint(self):
        with pytest.raises(Refused, match="did you mean 'hpobench/car'"):
            load(DATA, "hpobench/cars")
