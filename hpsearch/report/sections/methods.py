"""Methods: in a paragraph, what was measured and how it was judged."""

from hpsearch.imports import Elsewhere
from hpsearch.record.evidence import Evidence
from hpsearch.report.blocks import Block, Text
from hpsearch.report.sections.effects import arms_frame, unit_of
from hpsearch.report.sections.elsewhere import methods_elsewhere
from hpsearch.report.words import compact, count, listed, number
from hpsearch.statistics import pooled_deviation
from hpsearch.study import different


def methods(evidence: Evidence) -> tuple[Block, ...]:
    """Score, seeds, model and intervals, tuning, roles of the held-out data."""
    if isinstance(evidence.study, Elsewhere):
        return methods_elsewhere(evidence, evidence.study, unit_of(evidence), (_model(evidence), _spread(evidence)))
    paragraphs = (_score(evidence), _model(evidence), _spread(evidence), _tuning(evidence), _teachers(evidence))
    return tuple(Text(paragraph) for paragraph in paragraphs if paragraph)


def _score(evidence: Evidence) -> str:
    study, written = evidence.study, unit_of(evidence)
    lengths = sorted({study.length(study.config(arm)) for arm in study.plan.arms})
    epochs = listed([f"{length:,}" for length in lengths]) + (" epoch" if lengths == [1] else " epochs")
    unit = f", in {written.value}" if written.value else ""
    better = "larger" if study.goal == "maximise" else "smaller"
    return (
        f"The score of a trial is its {written.name} in the last epoch{unit}; {better} is better. Every arm is trained for "
        f"{epochs} with {count(study.seeds, 'seed')}, the same ones for all arms."
    )


def _model(evidence: Evidence) -> str:
    if not evidence.study.plan.contrasts:
        return ""
    return (
        "Differences are estimated by least squares in the model score = arm + seed + residual: seeds are blocks, and the residual "
        "variance is pooled over arms. Intervals hold for all contrasts of the table together with 95 % confidence: the critical "
        "value is the quantile of the largest |t|, from the multivariate t distribution with the contrasts' own correlations. "
        "A contrast helps or hurts where its interval excludes zero, and is not resolved otherwise; p-values in the CSV file are "
        "adjusted in the same way. The number of seeds that would resolve an effect is for the size seen, at 80 % power."
    )


def _spread(evidence: Evidence) -> str:
    """How well one variance fits all arms, in numbers a reader can judge."""
    arms = arms_frame(evidence)
    deviations = arms["sd"].dropna()
    measured = evidence.measurements()
    pooled = pooled_deviation(measured[["arm", "seed", "score"]]) if len(measured) else None
    if pooled is None or len(deviations) < 2 or not evidence.study.plan.contrasts:
        return ""
    written = unit_of(evidence)
    unit = f" {written.difference}" if written.difference else ""
    low, high = (number(float(end), written.digits) for end in (deviations.min(), deviations.max()))
    return (
        f"The residual standard deviation from seed to seed is {number(pooled, written.digits)}{unit}, pooled; single arms have "
        f"standard deviations from {low} to {high}. Where these differ much, intervals of the quiet arms are too wide and those "
        "of the noisy ones too narrow."
    )


def _tuning(evidence: Evidence) -> str:
    study = evidence.study
    if study.tune is None:
        return "Nothing was tuned: every arm uses the base's own settings beside its tricks."
    kind = {"each": "for every arm, under equal budgets", "base": "once, on the base", "stack": "once, on the arm with all tricks"}
    return (
        f"Tuned were {listed(study.tune.space.names, most=8)}, {kind[study.tune.arms]}, with {study.tune.proposals} proposals. "
        "Tuning trials train without a slice of the training data and are scored on that slice; they use seeds of their own. The "
        "tables of arms and contrasts show only trials on the final held-out set, and no tuning seed enters them."
    )


def _teachers(evidence: Evidence) -> str:
    """What was learned from, as far as it was trained by the study itself."""
    teachers = evidence.study.teachers
    if not teachers:
        return ""
    shared = "teachers were trained first, each once, and are" if len(teachers) > 1 else "teacher was trained first, once, and is"
    differences = [
        listed([f"{name} {compact(value)}" for name, value in different(trial.config, evidence.study.base).items()], most=8)
        for trial in teachers
    ]
    described = "; ".join(dict.fromkeys(differences))
    return (
        f"{number(len(teachers), 0)} {shared} shared by all students of all seeds: the base with {described}. "
        "What is tuned stays at the base's values in a teacher. Teachers enter no table."
    )
