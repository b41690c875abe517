"""The answer: the study's question answered in three sentences of plain words."""

import math
from collections.abc import Sequence

from hpsearch.report.blocks import Block, Facts, Text
from hpsearch.report.needed import seconds_in_all
from hpsearch.report.section import Section
from hpsearch.report.sections.contrasts import arms_frame, unit_of
from hpsearch.report.sections.imported import facts_elsewhere
from hpsearch.report.words import Unit, count, hours, listed, number, seeds_each, setting, short_names
from hpsearch.results.evidence import Evidence
from hpsearch.results.inference import effects, scales_note
from hpsearch.results.reasons import BROKE
from hpsearch.statistics import HELPS, HURTS, NO_LARGER, NOT_RESOLVED, Effect

SENTENCES = 3  # that answer; what is said beyond them is a note


def answer(evidence: Evidence) -> tuple[Block, ...]:
    """What helped, what hurts, what is not resolved, what the search chose; before anything ran, what is planned."""
    estimated, scaled = effects(evidence), scales_note(evidence)
    apart = [each.name for each in estimated if each.apart]
    scaled += f" Left out of the sentences below: {listed(f'“{name}”' for name in apart)}." if apart else ""
    warnings = [Text(problem, "warning") for problem in (*evidence.agenda.problems, scaled) if problem]
    told = effects_words(estimated, unit_of(evidence), evidence.study.repeat, seconds_in_all(evidence, estimated))
    sentences = [*told, *search_words(evidence), *reached_words(evidence)]
    if not sentences:
        sentences = [planned_words(evidence)]
    kinds = ("lead", *("plain" for _ in range(SENTENCES - 1)))
    said = [Text(sentence, kinds[n] if n < SENTENCES else "note") for n, sentence in enumerate(sentences)]
    return (*_banner(evidence), *warnings, *said, Facts(facts(evidence)))


def progress(evidence: Evidence) -> tuple[int, int, int]:
    """Trials done, failed, and wanted in all; one that two rounds share counts once as far as that is known."""
    states = evidence.trials.drop_duplicates("key")["state"]
    wanted = len(states) if evidence.agenda.settled else max(evidence.study.trials, len(states))
    return int((states == "complete").sum()), int((states == "failed").sum()), wanted


def stopped_early(evidence: Evidence) -> int:
    """Trials that a rule ended before their last epoch, each once."""
    return int((evidence.trials.drop_duplicates("key")["state"] == "stopped").sum())


def _banner(evidence: Evidence) -> list[Text]:
    done, failed, wanted = progress(evidence)
    stopped = stopped_early(evidence)
    if done + failed + stopped == wanted:
        return []
    if len(back := evidence.set_back()):
        return [Text(_ended_words(f"{done:,} of {count(wanted, 'trial')}", back["reason"].tolist()), "warning")]
    state = f"{done:,} of {count(wanted, 'trial')} done" + (f", {failed:,} failed" if failed else "")
    return [
        Text(
            f"Nothing has run yet: {state}." if not done + failed + stopped else f"This study is not finished: {state}.", "warning"
        )
    ]


def _ended_words(done: str, reasons: Sequence[str]) -> str:
    """That trials broke the contract and ended the study with it.

    >>> print(_ended_words("0 of 8 trials", ["the row of epoch 1 has no metric 'acc'"] * 3).replace(": ", ":\\n", 1))
    This study ended early, with 0 of 8 trials done:
    3 trials broke the contract of a training function in the same way. The first: the row of epoch 1 has no metric 'acc'.
    """
    broke = f"{count(len(reasons), 'trial')} {BROKE}"
    return f"This study ended early, with {done} done: {broke}. The first: {reasons[0]}."


def facts(evidence: Evidence) -> tuple[tuple[str, str], ...]:
    """Numbers a reader looks for first."""
    if not evidence.study.trains:
        return facts_elsewhere(evidence)
    done, failed, wanted = progress(evidence)
    study, once = evidence.study, evidence.trials.drop_duplicates("key")
    pairs = [("trials done", f"{done:,} of {wanted:,}"), ("failed", f"{failed:,}")]
    stopped = stopped_early(evidence)
    pairs += [("stopped early", f"{stopped:,}")] if stopped else []
    pairs += [("to be run again", f"{len(back):,}")] if len(back := evidence.set_back()) else []
    pairs += [("arms", f"{len(study.plan.arms)}")] if study.plan.contrasts else []
    pairs += [("seeds per arm", seeds_each(study.seeds)), ("training time", hours(once["seconds"].sum()))]
    return tuple(pairs)


def effects_words(estimated: Sequence[Effect], written: Unit, repeat: str = "seed", seconds: float | None = None) -> list[str]:
    """Sentences on the contrasts, most important first; none where none was measured.

    ``seconds`` of training would resolve what so many seeds can resolve. Nothing is concluded from rows across scales.

    >>> from hpsearch.report.words import unit
    >>> effects_words([Effect("+ a", "ladder", 0.5, 0.2, 0.8, 5, "helps")], unit("top1"))
    ['The one contrast asked helps: “+ a”, +0.50 points (95 % interval +0.20 to +0.80).']
    """
    every = [e for e in estimated if e.value is not None]
    measured = [e for e in every if not e.apart]
    judged = [e for e in measured if e.low is not None]
    if not every:
        return []
    if not measured:
        return ["Nothing is concluded here: every contrast that was measured compares arms on different scales."]
    if not judged:
        were = "was" if len(measured) == 1 else "were"
        return [f"{count(len(measured), 'difference')} {were} measured, but none has an interval yet: {measured[0].verdict}."]
    if len(estimated) == 1:
        return [f"The one contrast asked {_is(judged[0])}: {_worth(judged[0], written)}.", *_unresolved(judged, repeat, seconds)]
    return [
        _best(judged, written, repeat),
        _counted(judged, written, "other contrast" if len(measured) < len(every) else "contrast"),
        *_unresolved(judged, repeat, seconds),
    ]


def _is(effect: Effect) -> str:
    return effect.verdict if effect.resolved else f"shows {NO_LARGER}" if effect.verdict == NO_LARGER else f"is {effect.verdict}"


def _worth(effect: Effect, written: Unit) -> str:
    if effect.value is None or effect.low is None or effect.high is None:
        return f"“{effect.name}”"
    written = written.at(effect.half)
    low, high = (number(end, written.digits, signed=True) for end in (effect.low, effect.high))
    return f"“{effect.name}”, {written.worth(effect.value)} (95 % interval {low} to {high})"


def _largest(judged: Sequence[Effect], verdict: str) -> Effect | None:
    """The largest effect of a verdict, without those of whole stacks of tricks."""
    found = [e for e in judged if e.verdict == verdict and not _stacked(e)]
    return max(found, key=lambda e: abs(e.value or 0), default=None)


def _stacked(effect: Effect) -> bool:
    return effect.name.startswith("all ") and effect.name.endswith(" together")


def _best(judged: Sequence[Effect], written: Unit, repeat: str) -> str:
    """What all tricks are worth together, where that was asked, and what helped most, or is nearly shown to help or to hurt."""
    best = _largest(judged, HELPS)
    whole = next((e for e in judged if _stacked(e)), None)
    helped = f"what helped most is {_worth(best, written)}" if best else ""
    near = f", but {_near(nearest, written, repeat)}" if (nearest := _nearest(judged)) and not best else ""
    if whole is None:
        return f"{helped[0].upper()}{helped[1:]}." if best else f"Nothing was shown to help{near}."
    return f"The whole stack {_is(whole)}: {_worth(whole, written)}; {helped or 'no single contrast was shown to help'}{near}."


def _nearest(judged: Sequence[Effect]) -> Effect | None:
    """The row nearest to being resolved, where one is near; the larger of two that need equally many seeds."""
    near = [e for e in judged if e.nearly_resolved and not _stacked(e)]
    return min(near, key=lambda e: (e.seeds_needed or 0, -abs(e.value or 0)), default=None)


def _near(effect: Effect, written: Unit, repeat: str) -> str:
    """A row that is nearly resolved, and what it needs.

    >>> from hpsearch.report.words import unit
    >>> _near(Effect("+ a", "ladder", 2.0, -0.5, 4.5, 4, "not resolved", seeds_needed=5), unit("top1"), "seed")[:101]
    '“+ a”, +2.00 points (95 % interval −0.50 to +4.50), is nearly resolved: 5 seeds per arm would resolve'
    """
    side = f", with the same sign under every {repeat}," if effect.one_sided else ","
    needs = f"{effect.seeds_needed} {repeat}s per arm would resolve an effect of this size with 80 % power"
    fewer = effect.seeds_as_seen if effect.seeds_as_seen and effect.seeds_as_seen < (effect.seeds_needed or 0) else None
    if fewer:
        needs += f", and {fewer} would be enough if difference and spread stayed as they are"
    return f"{_worth(effect, written)}{side} is nearly resolved: {needs}"


def _counted(judged: Sequence[Effect], written: Unit, noun: str = "contrast") -> str:
    """How many of each verdict, and what hurts most.

    >>> _counted([Effect("+ a", "ladder", 0.5, 0.2, 0.8, 5, "helps")] * 2, Unit("loss", "", "", 1))
    'Of 2 contrasts, 2 help, none hurts and none is left unresolved.'
    """
    amounts = {verdict: sum(e.verdict == verdict for e in judged) for verdict in (HELPS, HURTS, NO_LARGER)}
    still = len(judged) - sum(amounts.values())
    hurts = "none hurts" if not amounts[HURTS] else f"{amounts[HURTS]} hurt{'s' * (amounts[HURTS] == 1)}"
    helps = "none helps" if not amounts[HELPS] else f"{amounts[HELPS]} help{'s' * (amounts[HELPS] == 1)}"
    alike = f", {amounts[NO_LARGER]} show{'s' * (amounts[NO_LARGER] == 1)} {NO_LARGER}" if amounts[NO_LARGER] else ""
    unresolved = "none is left unresolved" if not still else f"{still} {'is' if still == 1 else 'are'} not resolved"
    worst = _largest(judged, HURTS)
    said = f"Of {count(len(judged), noun)}, {helps}, {hurts}{alike} and {unresolved}"
    return f"{said}; what hurts most is {_worth(worst, written)}." if worst else f"{said}."


def _unresolved(judged: Sequence[Effect], repeat: str, seconds: float | None) -> list[str]:
    """What is not resolved, and what it would cost to resolve it."""
    still = sorted((e for e in judged if e.verdict == NOT_RESOLVED), key=lambda e: e.seeds_needed or math.inf)
    if not still:
        return []
    needed = [e.seeds_needed for e in still if e.seeds_needed]
    hopeless = sum(e.seeds_needed is None for e in still)
    most = f"{needed[0]:,} to {needed[-1]:,}" if len(set(needed)) > 1 else f"{needed[0]:,}" if needed else ""
    said = f"Not resolved: {listed(f'“{e.name}”' for e in still)}"
    said += f"; {most} {repeat}s per arm would resolve effects of the size seen" if most else ""
    said += f", {hours(seconds)} more of training in all" if most and seconds else ""
    if hopeless:
        whose = f", and for {hopeless} of them" if most else "; for them"
        said += f"{whose} even 1,000 {repeat}s would not be enough"
    return [f"{said}."]


def search_words(evidence: Evidence) -> list[str]:
    """What each search chose, or how far it is."""
    study = evidence.study
    if study.tune is None:
        return []
    rounds = len(study.tune.rounds)
    winners = evidence.agenda.winners
    if not winners:
        begun = [each for each in evidence.agenda.rounds if each.scores]
        if not begun:
            return []
        if evidence.agenda.settled:
            return [f"The search ended in round {begun[-1].index + 1} of {rounds}, with nothing to choose from."]
        at = "running its best points again" if begun[-1].confirming else f"in round {begun[-1].index + 1} of {rounds}"
        return [f"The search is {at}; nothing is chosen yet."]
    arm, point = winners[0]
    known = {each.name: each.domain for each in study.tune.space.parameters}
    chosen = ", ".join(f"{name} {setting(value, known[name])}" for name, value in point.items())
    if len(study.searches) == 1:
        return [f"The search chose {chosen}."]
    whose = short_names(study.plan).get(arm, arm)
    return [f"The search is done for {len(winners)} of {count(len(study.searches), 'arm')}; for “{whose}” it chose {chosen}."]


def reached_words(evidence: Evidence) -> list[str]:
    """What the arms reach on the final set, where no contrast compares them."""
    if evidence.study.plan.contrasts:
        return []
    written = unit_of(evidence)
    unit = f" {written.value}" if written.value else ""
    return [
        f"On the final set the {written.name} of “{line['arm']}” is {own.number(line['mean'])}{unit}, "
        f"mean of {count(line['n'], 'seed')}" + (f", SD {own.number(line['sd'])}." if line["n"] > 1 else ".")
        for line in arms_frame(evidence).to_dict("records")
        if line["n"] and (own := written.at(line["sd"]))
    ]


def planned_words(evidence: Evidence) -> str:
    """What will be run."""
    study = evidence.study
    parts = []
    if study.tune:
        points = study.tune.trials
        where = "one search" if len(study.searches) == 1 else count(len(study.searches), "search", "searches")
        parts.append(f"{where} of {count(points, 'trial')} over {listed(study.tune.space.names)}")
    parts.append(f"{count(len(study.plan.arms), 'arm')} with {seeds_each(study.seeds)} seed{'s' * (study.seeds != 1)} each")
    return f"Planned: {' and '.join(parts)}, {count(study.cost, 'epoch')} in all."


SECTION = Section(10, "The answer", answer)
