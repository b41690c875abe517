"""The ablation: every contrast with its interval, verdict and published claim, and the mean of every arm."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from hpsearch.report.blocks import Block, Column, Fold, Table, Text
from hpsearch.report.needed import seconds_needed
from hpsearch.report.section import Section
from hpsearch.report.sections.marks import mark_arms, mark_contrasts
from hpsearch.report.words import Unit, count, decimals, hours, known, listed, short_names, unit
from hpsearch.results.evidence import Evidence
from hpsearch.results.inference import effects, scores_of
from hpsearch.statistics import Effect, pooled_deviation, within_deviation
from hpsearch.statistics import resolution as forecast
from hpsearch.statistics.effect import DIFFERENT_SCALES
from hpsearch.statistics.randomised_blocks import ROUNDING

UNGROUPED = "contrasts"
TINTS = {"helps": "var(--helps)", "hurts": "var(--hurts)"}  # the page's own colours, one for light and one for dark
SEEDS = "{} {}: the fewest of any arm in the row."
NEEDED = "Needed: per arm, to resolve an effect of the observed size with 80 % power."
HOURS = "Training: time for the seeds that the row’s arms still lack; rows share arms, so these times do not add up."
TESTS = ("method", "df", "error", "p_holm", "p_exact", "p_floor", "p_margin")  # of an effect: how sure it is
P_VALUES = {  # by column: its heading, and the one it shares
    "p": ("with the intervals", "p, adjusted for all rows"),
    "p_holm": ("Holm", "p, adjusted for all rows"),
    "p_margin": ("within the margin", "p, adjusted for all rows"),
    "p_exact": ("sign flip", "exact p of this row alone"),
    "p_floor": ("smallest possible", "exact p of this row alone"),
}
ONE_LINE = 12  # letters of a verdict that is not broken: "not resolved"
BESIDE = {"cannot tell": "cannot tell {}"}  # what is said beside a claim, where a reader needs more words
UNEVEN = "Arms that lack seeds show the mean of those they ran; differences between arms are corrected for the seeds they lack."
CLAIMED = "Claims are from other authors: where data, network or budget differ from theirs, only agreement in sign can be expected."


def ablation(evidence: Evidence) -> tuple[Block, ...]:
    """Tables of contrasts, arms and claims; nothing where the study varies nothing."""
    if not evidence.study.plan.contrasts:
        return ()
    written, estimated = unit_of(evidence), effects(evidence)
    measured, needed = [effect for effect in estimated if effect.value is not None], seconds_needed(evidence, estimated)
    blocks: list[Block] = []
    if measured:
        blocks.append(mark_contrasts(contrasts(estimated, written, evidence.study.repeat, needed), evidence))
    blocks += [
        Fold("How sure each row is: p-values, standard errors and degrees of freedom", (certainty_table(estimated, written),))
    ] * any(effect.low is not None for effect in measured)
    if not measured:
        blocks.append(Text(f"No contrast has been measured yet. {resolution(evidence)}"))
    blocks.append(mark_arms(arms_table(arms_frame(evidence), written, evidence.study.repeat), evidence))
    if not (claims := claims_frame(evidence)).empty:
        blocks.append(claims_table(claims))
    return (*blocks, *(other_metric(evidence, metric, n) for n, (metric, _) in enumerate(evidence.study.also)))


def other_metric(evidence: Evidence, metric: str, place: int) -> Fold:
    """The contrasts of another metric that the study judges, with simultaneous intervals of their own."""
    estimated = effects(evidence, metric=metric)
    scores = scores_of(evidence, metric)
    written = unit(metric, spread_of(scores, evidence.study.paired))
    table = contrasts(estimated, written, evidence.study.repeat, seconds_needed(evidence, estimated))
    return Fold(f"The same contrasts in {written.name}", (replace(table, name=f"effects-{place}"),))


def resolution(evidence: Evidence) -> str:
    """What the plan can resolve, in standard deviations: the one thing that can be said before anything is measured."""
    plan, seeds = evidence.study.plan, evidence.study.first_seeds
    if not evidence.study.paired or seeds < 2:
        return "No contrast has a run with a score in each of its arms."
    sizes = sorted({f"{size:.1f}" for size in forecast(plan, seeds)}, key=float)
    size = f"{sizes[0]} to {sizes[-1]}, row by row," if len(sizes) > 1 else sizes[0]
    return (
        f"With {count(seeds, 'seed')} of {count(len(plan.arms), 'arm')}, a true difference of {size} times the standard "
        "deviation from seed to seed will be resolved with 80 % power; smaller ones may stay unresolved."
    )


def unit_of(evidence: Evidence) -> Unit:
    """The unit of the study's metric, with decimals for the standard deviation from seed to seed."""
    scores = evidence.measurements()[["arm", "seed", "score"]]
    return unit(evidence.study.metric, spread_of(scores, evidence.study.paired))


def spread_of(scores: pd.DataFrame, paired: bool) -> float | None:
    """The standard deviation from seed to seed; where there is none to be seen, how far scores differ, or how large they are."""
    scores = scores[np.isfinite(scores["score"].to_numpy(dtype=np.float64))]
    if scores.empty:
        return None
    found, spread = scores["score"], pooled_deviation(scores) if paired else within_deviation(scores)
    sizes: tuple[float | None, ...] = (spread, float(found.max() - found.min()), float(found.abs().max()))
    return next((size for size in sizes if size is not None and known(size)), None)


def effects_frame(estimated: Sequence[Effect], seconds: Sequence[float | None] = ()) -> pd.DataFrame:
    """One line per contrast, in full precision: what the CSV holds; ``seconds`` of training would resolve each, where known."""
    lines = [
        {
            "design": e.design or UNGROUPED,
            "contrast": e.name,
            "difference": e.value,
            "low": e.low,
            "high": e.high,
            "p": e.p,
            "verdict": e.said,
            "seeds": e.seeds,
            "seeds_needed": e.seeds_needed,
            "hours_needed": cost / 3600 if cost else None,
            "claim": e.claim.value if e.claim else None,
            "claimed_over": e.claim.over if e.claim else "",
            "claim_source": e.claim.source if e.claim else "",
            "beside_claim": e.beside_claim,
            **{name: getattr(e, name) for name in TESTS},
        }
        for e, cost in zip(estimated, seconds or [None] * len(estimated), strict=True)
    ]
    numbers = ("difference", "low", "high", "p", "hours_needed", "claim", *TESTS[1:])
    kinds = {name: "float64" for name in numbers} | {"seeds_needed": "Int64"}
    columns = ["design", "contrast", "difference", "low", "high", "p", "verdict", "seeds", "seeds_needed", "hours_needed", "claim"]
    return pd.DataFrame(lines, columns=[*columns, "claimed_over", "claim_source", "beside_claim", *TESTS]).astype(kinds)


def contrasts(estimated: Sequence[Effect], written: Unit, repeat: str = "seed", seconds: Sequence[float | None] = ()) -> Table:
    """The table of contrasts; a column nobody filled is left out."""
    frame = effects_frame(estimated, seconds)
    frame["digits"] = [written.at(e.half).digits for e in estimated]
    frame["needed"] = [_needed(e) for e in estimated]
    frame["training"] = ["" if pd.isna(each) else hours(3600 * each) for each in frame["hours_needed"]]
    frame["beside"] = [beside(e) for e in estimated]
    interval, repeats = "95 % interval, simultaneous", f"{repeat.capitalize()}s"
    ran = "run" if repeat == "seed" else "there"
    columns = (
        Column("contrast", "Contrast"),
        Column("difference", "Difference", written.digits, signed=True, by="digits"),
        Column("low", "low", written.digits, signed=True, over=interval, by="digits"),
        Column("high", "high", written.digits, signed=True, over=interval, by="digits"),
        Column("verdict", "Verdict", width=7, whole=max(map(len, frame["verdict"])) <= ONE_LINE, tints=TINTS),
        Column("seeds", ran, 0, over=repeats, width=3.5),
        Column("needed", "needed", right=True, over=repeats),
        Column("training", "training", right=True, over=repeats),
        Column("claim", "claim", written.digits, signed=True, over="Published"),
        Column("beside", "this study", over="Published"),
    )
    known = tuple(c for c in columns if (frame[c.key].notna() & (frame[c.key] != "")).any())
    notes = {"seeds": SEEDS.format(repeats, ran), "needed": NEEDED, "training": HOURS, "claim": CLAIMED}
    note = " ".join(notes[c.key] for c in known if c.key in notes)
    return Table("effects", f"What each contrast is worth: {written.of_difference()}.", frame, known, "design", note)


def _p(value: float) -> str:
    """A p-value as it is printed.

    >>> _p(0.03125), _p(1e-9), _p(float("nan"))
    ('0.0312', '< 0.0001', '')
    """
    return "" if pd.isna(value) else "< 0.0001" if value < 1e-4 else f"{value:.4f}"


def certainty_table(estimated: Sequence[Effect], written: Unit) -> Table:
    """The table behind the verdicts: standard error, degrees of freedom, and p-values adjusted and not."""
    frame = effects_frame([e for e in estimated if e.low is not None])
    frame = frame.assign(**{f"shown {name}": [_p(value) for value in frame[name]] for name in P_VALUES})
    frame["digits"] = [max(written.least, decimals(error)) for error in frame["error"]]
    columns = [
        Column("contrast", "Contrast"),
        Column("method", "Interval", width=5),
        Column("error", "SE", written.digits, by="digits"),
        Column("df", "df", 0 if (frame["df"] % 1 == 0).all() else 1),
        *(Column(f"shown {name}", label, right=True, over=over) for name, (label, over) in P_VALUES.items()),
    ]
    known = [c for c in columns if frame[c.key].notna().any() and (frame[c.key] != "").any()]
    return Table("tests", "The tests behind the verdicts.", frame, tuple(known), "design")


def beside(effect: Effect) -> str:
    """What an effect says about its claim's sign.

    >>> from hpsearch.ablation import Claim
    >>> beside(Effect("+ a", "ladder", 0.1, -0.1, 0.3, 5, "not resolved", Claim(0.5, "b", "Table 1")))
    'cannot tell at this size'
    """
    said = effect.beside_claim
    return BESIDE[said].format(DIFFERENT_SCALES if effect.apart else "at this size") if said in BESIDE else said


def _needed(effect: Effect) -> str:
    """Seeds that would resolve what is not resolved; empty for everything else.

    >>> _needed(Effect("+ a", "ladder", 0.1, -0.1, 0.3, 5, "not resolved", seeds_needed=40))
    '40'
    """
    if effect.verdict != "not resolved":
        return ""
    return f"{effect.seeds_needed:,}" if effect.seeds_needed else "> 1,000"


def arms_frame(evidence: Evidence) -> pd.DataFrame:
    """Mean, standard deviation and number of finished seeds per arm, in the plan's order."""
    measured = evidence.measurements()
    short = short_names(evidence.study.plan)
    lines = []
    for arm in evidence.study.plan.arms:
        scores = measured.loc[measured["arm"] == arm.name, "score"].dropna()
        tricks = ", ".join(trick.name for trick in arm.tricks) or "none"
        sd = float(scores.std())
        sd = 0.0 if sd <= ROUNDING * scores.abs().max() else sd
        lines.append({"arm": short[arm.name], "tricks": tricks, "mean": scores.mean(), "sd": sd, "n": len(scores)})
    kinds = {"mean": "float64", "sd": "float64", "n": "int64"}
    return pd.DataFrame(lines, columns=["arm", "tricks", "mean", "sd", "n"]).astype(kinds)


def arms_table(frame: pd.DataFrame, written: Unit, repeat: str = "seed") -> Table:
    """The table of arms; their tricks are left out where they say no more than the arms' names."""
    arm, tricks = Column("arm", "Arm"), Column("tricks", "Tricks", width=20)
    more = () if (frame["arm"] == frame["tricks"]).all() else (tricks,)
    if not frame["n"].any():
        return Table("arms", "The arms that will be trained.", frame, (arm, tricks))
    many = Column("n", f"{repeat.capitalize()}s", 0)
    spread = frame["sd"].notna().any()
    frame = frame.assign(digits=[written.at(sd).digits for sd in frame["sd"]])
    mean, sd = (Column(key, name, written.digits, by="digits") for key, name in (("mean", "Mean"), ("sd", "SD")))
    numbers = (mean, *[sd] * bool(spread), many)
    caption = f"The arms: {written.of_value()}, mean over {repeat}s"
    caption += f" and standard deviation (SD) from {repeat} to {repeat}." if spread else "."
    uneven = frame["n"].nunique() > 1 and repeat == "seed"
    return Table("arms", caption, frame, (arm, *numbers, *more), note=UNEVEN if uneven else "")


def claims_frame(evidence: Evidence) -> pd.DataFrame:
    """Everything published about the tricks of the plan, one line per claim."""
    lines = [
        (trick.name, claim.value, claim.metric, claim.over, claim.source, claim.note)
        for trick in evidence.study.plan.tricks
        for claim in trick.claims
    ]
    return pd.DataFrame(lines, columns=["trick", "claim", "metric", "over", "source", "note"])


def claims_table(frame: pd.DataFrame) -> Table:
    """The table of claims."""
    columns = [Column("trick", "Trick"), Column("claim", "Claim", 2, signed=True), Column("metric", "Metric")]
    columns += [Column("over", "Measured over", width=10), Column("source", "Source", width=12)]
    columns += [Column("note", "Note", width=14)] if frame["note"].any() else []
    shown = frame.assign(source=[source.replace("Table ", "Table\N{NO-BREAK SPACE}") for source in frame["source"]])
    return Table("claims", f"What was published about {listed(frame['trick'].unique(), most=6)}.", shown, tuple(columns))


SECTION = Section(30, "The ablation in numbers", ablation)
