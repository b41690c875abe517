"""Methods: in a paragraph, what was measured and how it was judged."""

from hpsearch.ablation.seeds import Seeds
from hpsearch.protocol import larger_is_better
from hpsearch.report.blocks import Block, Text
from hpsearch.report.published import data_words
from hpsearch.report.section import Section
from hpsearch.report.sections.contrasts import arms_frame, unit_of
from hpsearch.report.sections.imported import methods_elsewhere
from hpsearch.report.words import compact, count, hours, listed, number, seeds_each
from hpsearch.results.evidence import Evidence
from hpsearch.results.inference import effects, scales_note, variance_note
from hpsearch.statistics import exact_words, pooled_deviation
from hpsearch.study import different

PROCESSOR = (
    "The results of training depend on the processor: the CPU’s instruction set, the GPU, the number of threads and the versions "
    "of libraries decide how floating-point sums are rounded, and training magnifies that. A trial’s key includes none of these: "
    "rows are bitwise identical only where all of them are the same, and elsewhere may differ as much as they do between seeds."
)
LIBRARIES = ("hpsearch", "torch", "optuna")  # that a methods paragraph names


def methods(evidence: Evidence) -> tuple[Block, ...]:
    """Score, seeds, model and intervals, tuning, roles of the held-out data."""
    if not evidence.study.trains:
        model = (_model(evidence), _spread(evidence))
        return methods_elsewhere(evidence, unit_of(evidence), model, scales_note(evidence))
    said = (_ran(evidence), _score(evidence), _model(evidence), _tuning(evidence), _teachers(evidence))
    older = (f"{each}." for each in evidence.older)
    notes = (_spread(evidence), exact_words(effects(evidence)), scales_note(evidence), PROCESSOR * bool(said[0]), *older)
    return (Text(" ".join(filter(None, said))), *(Text(note, "note") for note in notes if note))


def _ran(evidence: Evidence) -> str:
    """What ran, of what, on what: nothing before anything did."""
    study, once = evidence.study, evidence.trials.drop_duplicates("key")
    done = int((once["state"] == "complete").sum())
    if not done:
        return ""
    config = study.config(study.plan.arms[0])
    of = f"ResNet-{config.depth} on {data_words(config.data)}" if study.train is None else "a training function of our own"
    epochs = len(evidence.rows.drop_duplicates(["key", "epoch"]))
    devices = sorted({str(device) for device in once["device"] if device})
    where = f" on {' and '.join(devices)}" if devices else ""
    told = evidence.provenance
    machine = told.get("machine", "") if devices == ["cpu"] else told.get("accelerators", "")
    using = f" ({machine})" if machine and machine != "none" else ""
    libraries = [each for each in told.get("packages", "").split(", ") if each.split(" ")[0] in LIBRARIES]
    return (
        f"We trained {of}, in {count(len(study.plan.arms), 'arm')}: {count(done, 'trial')} finished, {count(epochs, 'epoch')} and "
        f"{hours(float(once['seconds'].sum()))} of training{where}{using}{', with ' + ', '.join(libraries) if libraries else ''}."
    )


def _score(evidence: Evidence) -> str:
    study, written = evidence.study, unit_of(evidence)
    lengths = sorted({study.length(study.config(arm)) for arm in study.plan.arms})
    epochs = listed([f"{length:,}" for length in lengths]) + (" epoch" if lengths == [1] else " epochs")
    unit = f", in {written.value}" if written.value else ""
    better = "larger" if larger_is_better(study.goal) else "smaller"
    when = "in the last epoch" if study.last == 1 else f"as the median of the last {study.last} epochs"
    seeds = f"{seeds_each(study.seeds)} seed{'s' * (study.seeds != 1)}, the same ones for all arms"
    if not isinstance(study.seeds, int):
        seeds = f"{study.seeds.start} seeds at first, and more, up to {study.seeds.most}, where a row was not resolved"
    score = f"The score of a trial is its {written.name} {when}{unit}; {better} is better."
    return f"{score} Every arm is trained for {epochs} with {seeds}."


def _model(evidence: Evidence) -> str:
    if not evidence.study.plan.contrasts:
        return ""
    methods = {effect.method for effect in effects(evidence) if effect.method}
    said = (
        "Differences are estimated by least squares in the model score = arm + seed + residual: seeds are blocks. The 95 % "
        "intervals are simultaneous over all contrasts of the table"
    )
    if not methods or "pooled" in methods:
        said += (
            "; the residual variance is pooled over arms, and the critical value is the quantile of the largest |t|, from the "
            "multivariate t distribution with the contrasts’ own correlations"
        )
    if own := sorted(methods - {"pooled"}):
        whose = "rows with a noisier arm have" if "pooled" in methods else "every row has"
        each = "their" if "pooled" in methods else "its"
        said += f"; {whose} {each} own interval ({' or '.join(own)} t), with Šidák’s correction"
    said += _looks(evidence)
    margin = evidence.study.margin
    within = (
        f", shows no difference larger than the margin of {compact(margin)} where two one-sided tests say so," if margin else ","
    )
    return (
        f"{said}. A contrast helps or hurts where its interval excludes zero{within} and is not resolved otherwise; p-values are "
        "adjusted in the same way. The number of seeds that would resolve an effect is for its observed size, at 80 % power."
    )


def _looks(evidence: Evidence) -> str:
    """How seeds that follow the results share one error rate; nothing where their number is fixed."""
    seeds = evidence.study.seeds
    if not isinstance(seeds, Seeds):
        return ""
    return (
        f". The table is analysed after {listed([str(n) for n in seeds.looks], most=8)} seeds, and all looks share the error "
        f"rate of 5 %, by {seeds.spending} alpha spending (Lan and DeMets 1983); these are repeated confidence intervals and "
        "repeated p-values, each row’s from the look that resolved it, or else from the last"
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
    low, high = (number(float(end), written.at(end).digits) for end in (deviations.min(), deviations.max()))
    whole = written.at(pooled).number(pooled)
    return (
        f"The residual standard deviation from seed to seed is {whole}{unit}, pooled; individual arms have "
        f"standard deviations from {low} to {high}. {variance_note(evidence)}"
    ).strip()


def _tuning(evidence: Evidence) -> str:
    study = evidence.study
    if study.tune is None:
        return "Nothing was tuned: every arm uses the base's own settings apart from its tricks."
    return (
        f"We tuned {listed(study.tune.space.names, most=8)}, {study.tune.whom}, with {study.tune.proposals} proposals. "
        "Tuning trials train without a slice of the training data and are scored on that slice; their seeds are used for nothing "
        "else. The tables of arms and contrasts show only trials scored on the final held-out set, and no tuning seed appears in "
        "them."
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
        f"{number(len(teachers), 0)} {shared} shared by all students under all seeds: the base with {described}. "
        "In a teacher, tuned settings stay at the base's values. Teachers appear in no table."
    )


SECTION = Section(100, "Methods", methods)
