"""What arms cost and gain, what ran in words, which trials stand behind a number, and how much is drawn of very much."""

import re
from dataclasses import replace

import pandas as pd
import pytest
from published_studies import of
from stages import at, some_fail
from synthetic import COSINE, SPACE, WARMUP, evidence, full, top1

from hpsearch import Round, Study, Tune, ladder
from hpsearch.report.blocks import Chart, Code, Fold, Table, Text
from hpsearch.report.networks import sizes
from hpsearch.report.sections.answer import answer
from hpsearch.report.sections.cost import arms_cost_frame, arms_cost_table, cost
from hpsearch.report.sections.curves import LEAST, curve, curves_frame, thinned
from hpsearch.report.sections.failures import MOST, failures, failures_frame, reasons_frame
from hpsearch.report.sections.methods import methods
from hpsearch.report.sections.panels import points_frame, said_of_thinning
from hpsearch.report.sections.panels import thinned as thin_points
from hpsearch.report.sections.reproduction import by_arm, command_of, contrasts_frame, keys_frame, other_keys, provenance
from hpsearch.report.sections.search import search
from hpsearch.report.words import unit
from hpsearch.results.evidence import MEASUREMENT


def tables_in(blocks):
    return [t for b in blocks for t in (tables_in(b.blocks) if isinstance(b, Fold) else [b] if isinstance(b, Table) else [])]


# What an arm costs and gains


def test_parameters_and_multiply_adds_of_the_papers_networks_are_counted():
    found = sizes(of("bag_of_tricks_imagenet"))
    base = found["base"]
    assert base == (25_557_032, pytest.approx(3.86e9, rel=0.01))  # the paper has 25 M and 3.8 G
    full_stack = max(found, key=len)
    assert found[full_stack][0] == 25_576_264  # ResNet-50-D
    assert found[full_stack][1] == pytest.approx(4.33e9, rel=0.01)  # the paper has 4.3 G


def test_a_function_of_ones_own_tells_its_size_in_its_rows_or_nothing_is_said():
    study = full(vary=ladder(COSINE), tune=None, seeds=2)
    silent = evidence(study)
    assert set(sizes(silent).values()) == {(None, None)}
    assert "parameters" not in [c.key for c in tables_in(cost(silent))[1].columns]
    told = evidence(
        study, metrics={"top1": top1, "parameters": lambda t, e: 1234.0 + t.config.warmup, "multiply_adds": lambda t, e: 5e9}
    )
    assert sizes(told) == {"base": (1234.0, 5e9), "cosine decay": (1234.0, 5e9)}
    shown = arms_cost_table(arms_cost_frame(told), unit("top1"), "base")
    assert {"parameters", "billions"} <= {c.key for c in shown.columns}


def test_gains_are_over_the_base_and_per_hour_of_one_training():
    made = evidence(full(vary=ladder(COSINE, WARMUP), tune=None, seeds=3))
    frame = arms_cost_frame(made).set_index("arm")
    means = made.measurements().groupby("arm")["score"].mean()
    hours = 12 * 21.0 / 3600
    assert frame["hours"].tolist() == pytest.approx([hours] * 3)
    gain = means["cosine decay"] - means["base"]
    assert frame.loc["cosine decay", ["gain", "per_hour"]].tolist() == pytest.approx([gain, gain / hours])
    assert frame.loc["base", "gain"] == 0


def test_a_gain_is_positive_where_the_arm_is_better_whatever_the_metrics_direction():
    frame = arms_cost_frame(at("minimised")).set_index("arm")
    assert frame.loc["cosine decay", "gain"] > 0


def test_an_arm_whose_trials_all_failed_has_no_cost_line():
    made = evidence(full(vary=ladder(COSINE, WARMUP), tune=None, seeds=2), lambda t: None if t.config.warmup else top1(t))
    assert arms_cost_frame(made)["arm"].tolist() == ["base", "cosine decay"]


# What ran, in words


def test_the_answer_takes_three_sentences_and_the_rest_is_a_note():
    for stage in ("whole", "some-failed", "minimised", "factorial", "one-contrast", "tune-only", "nothing-run"):
        said = [b for b in answer(at(stage)) if isinstance(b, Text) and b.kind in ("lead", "plain")]
        assert 1 <= len(said) <= 3
        assert all(len(re.findall(r"[.!?](?= [A-ZN“])", text.text)) == 0 for text in said), stage
    assert [b.kind for b in answer(at("whole")) if isinstance(b, Text)] == ["lead", "plain", "plain", "note"]


def test_methods_begin_with_one_paragraph_of_what_ran():
    first, *notes = methods(at("whole"))
    assert first.kind == "plain"
    assert all(note.kind == "note" for note in notes)
    for words in (
        "We trained a training function of our own, in 10 arms: 86 trials finished",
        "The score of a trial is its top-1 accuracy",
        "seeds are blocks",
        "We tuned learning_rate",
        "no tuning seed appears in them",
    ):
        assert words in first.text
    assert not methods(at("nothing-run"))[0].text.startswith("We trained")


def test_methods_name_network_data_device_and_libraries_where_they_are_known():
    told = {"machine": "EPYC, 4 cores", "accelerators": "NVIDIA H100", "packages": "hpsearch 0.1.0, torch 2.14, pandas 3.1"}
    first = methods(replace(of("bag_of_tricks_imagenet"), provenance=told))[0].text
    assert "We trained ResNet-50 on ImageNet, in 15 arms: 45 trials finished, 6,120 epochs" in first
    assert "of training on cuda (NVIDIA H100), with hpsearch 0.1.0, torch 2.14." in first


# Which trials, and how to repeat them


def test_every_measurement_and_every_winner_is_named_by_its_key():
    made = at("whole")
    [fold] = [b for b in provenance(made) if isinstance(b, Fold) and b.title.startswith("The trials behind")]
    keys = next(t for t in fold.blocks if isinstance(t, Table) and t.name == "keys").frame
    words = " ".join(keys["keys"])
    assert all(m.trial.key[:12] in words for m in made.agenda.measurements)
    [(_, point)] = made.agenda.winners
    won = [t.key for s in made.agenda.rounds for t, p in zip(s.trials, s.points, strict=True) if p == point]
    assert won
    assert all(key[:12] in words for key in won)
    assert "search of base, its winner" in set(keys["arm"])


def test_states_stand_beside_keys_that_are_not_complete():
    frame = by_arm(pd.DataFrame({"arm": ["a", "a"], "seed": [0, 1], "key": ["0" * 32, "f" * 32], "state": ["complete", "failed"]}))
    assert frame["keys"].tolist() == ["0:\N{NO-BREAK SPACE}000000000000, 1:\N{NO-BREAK SPACE}ffffffffffff (failed)"]
    assert len(keys_frame(at("some-failed"))) == len(at("some-failed").measurements())
    assert set(other_keys(at("no-search"))["arm"]) == set()


def test_every_contrast_says_which_arms_it_weighs():
    made = at("factorial")
    frame = contrasts_frame(made).set_index("contrast")
    assert len(frame) == len(made.study.plan.contrasts)
    first = made.study.plan.contrasts[0]
    assert frame.loc[first.name, "arms"].count("×") == len(first.weights)


def test_the_commands_name_the_study_and_the_record_it_was_run_with():
    made = replace(
        at("no-search"), name="a", provenance={"command": "hpsearch run studies/a.py --here --record 'my runs/x.db' --slots 2"}
    )
    assert command_of(made) == ("studies/a.py", " --record 'my runs/x.db'")
    [fold] = [b for b in provenance(made) if isinstance(b, Fold) and b.title.startswith("The trials behind")]
    [code] = [b for b in fold.blocks if isinstance(b, Code)]
    assert code.text.splitlines() == [
        "hpsearch show studies/a.py KEY --record 'my runs/x.db'",
        "hpsearch rerun studies/a.py KEY --record 'my runs/x.db'",
    ]
    assert command_of(replace(made, provenance={"command": "x 'odd"})) == ("a.py", "")
    assert command_of(replace(made, name="a; rm -rf ~", provenance={})) == ("'a; rm -rf ~.py'", "")


# Very much


def many(points: int, **changes) -> Study:
    return full(vary=ladder(COSINE, WARMUP), tune=Tune(SPACE, Round(points, 1), confirm=None), seeds=2, **changes)


@pytest.fixture(scope="module")
def crowded():
    return evidence(many(900), some_fail)


def test_of_many_points_the_best_and_an_even_sample_are_drawn_and_it_is_said(crowded):
    every = points_frame(crowded, "base")
    frame = thin_points(every, False, 50)
    done = every[every["state"] == "complete"].sort_values("score", ascending=False)
    kept = set(frame[frame["state"] == "complete"]["point"])
    assert set(done["point"].head(25)) <= kept
    assert len(kept) <= 51
    assert (frame["state"] == "failed").sum() <= 51
    assert "The figure shows" in said_of_thinning(frame, every)
    assert said_of_thinning(every, every) == ""
    assert thin_points(every, False, 10_000).equals(every)


def test_a_crowded_study_draws_one_search_in_full_and_the_others_in_brief(crowded):
    def charts(blocks):
        return [c for b in blocks for c in (charts(b.blocks) if isinstance(b, Fold) else [b] if isinstance(b, Chart) else [])]

    drawn = {chart.name: chart for chart in charts(search(crowded))}
    assert {"search-0", "search-1", "search-2", "axes-0", "importance-0"} <= set(drawn)
    assert not {"axes-1", "importance-1", "isolation-1"} & set(drawn)
    brief = [t for t in drawn["search-1"].figure.data if t.x[0] is not None]
    assert all(t.customdata is None for t in brief)
    assert max(len(t.x) for t in brief) <= 334
    assert "900 points" in drawn["search-1"].caption
    assert all(len(str(chart.html())) < 400_000 for chart in drawn.values())


def test_many_failures_are_counted_by_reason_and_not_all_listed(crowded):
    frame = failures_frame(crowded)
    assert len(frame) > MOST
    blocks = failures(crowded)
    named = {t.name: t for t in tables_in(blocks)}
    assert named["reasons"].frame["trials"].tolist() == [len(frame)]
    assert len(named["failures"].frame) == MOST
    assert f"The first {MOST} of {len(frame):,}." in named["failures"].note


def test_numbers_in_a_reason_do_not_make_another_reason_of_it():
    reasons = ["loss is NaN in epoch 1", "loss is NaN in epoch 12", "out of memory: 1.5e+3 MB", "killed"]
    frame = pd.DataFrame({"state": "failed", "reason": reasons, "key": list("abcd")})
    assert reasons_frame(frame)[["reason", "trials", "key"]].values.tolist() == [
        ["loss is NaN in epoch 1", 2, "a"],
        ["out of memory: 1.5e+3 MB", 1, "c"],
        ["killed", 1, "d"],
    ]


def test_long_curves_are_thinned_and_keep_both_ends():
    made = evidence(
        full(vary=ladder(COSINE), tune=None, seeds=2, base=replace(full().base, epochs=9000)),
        metrics={"top1": lambda t, e: 90 - 10 / e},
    )
    frame = curves_frame(made, "top1")
    assert len(frame) == 18_000
    chart = curve(made, "top1", frame)
    lines = [t for t in chart.figure.data if t.name]
    assert [len(t.x) for t in lines] == [3000, 3000]
    assert all((t.x[0], t.x[-1]) == (1, 9000) for t in lines)
    assert "evenly spaced epochs" in chart.caption
    assert len(thinned(frame.head(LEAST), LEAST)) == LEAST


def test_tuning_trials_stand_for_nothing_in_the_cost_of_arms():
    made = at("whole")
    moved = made.trials.assign(seconds=made.trials["seconds"].where(made.trials["role"] == MEASUREMENT, 1e9))
    assert arms_cost_frame(replace(made, trials=moved)).equals(arms_cost_frame(made))
