"""Optuna's pruners over a study rebuilt from curves."""

from collections.abc import Sequence

import optuna
from optuna.pruners import BasePruner, MedianPruner, SuccessiveHalvingPruner
from optuna.trial import FrozenTrial, TrialState, create_trial

from hpsearch.errors import Refused
from hpsearch.search.stopping import Curve, Halving, Median, Rule

optuna.logging.set_verbosity(optuna.logging.ERROR)


def prunes(rule: Rule, own: Curve, others: Sequence[tuple[Curve, bool]]) -> bool:
    """Whether the rule's pruner would prune a trial with the curve ``own`` at its last epoch."""
    study = optuna.create_study(direction="maximize", pruner=_pruner(rule))
    for curve, ended in others:
        study.add_trial(_trial(rule, curve, TrialState.COMPLETE if ended else TrialState.RUNNING))
    study.add_trial(_trial(rule, own, TrialState.RUNNING, judged=False))
    trial = study.get_trials(deepcopy=False)[-1]
    return bool(study.pruner.prune(study, trial))


def _pruner(rule: Rule) -> BasePruner:
    if isinstance(rule, Median):
        return MedianPruner(n_startup_trials=rule.after, n_warmup_steps=rule.warmup + 1)  # its steps count from 0
    if isinstance(rule, Halving):
        return SuccessiveHalvingPruner(min_resource=rule.shortest, reduction_factor=rule.factor)
    raise Refused(f"no pruner is known for {rule!r}: use Median or Halving")


def _trial(rule: Rule, curve: Curve, state: TrialState, judged: bool = True) -> FrozenTrial:
    """A trial with its curve and, for halving, the rungs that it has completed, as Optuna notes them on the trial.

    Of the trial in question the rung it has just reached is left open: that is what the pruner is asked to judge.
    """
    last = max(curve, default=0)
    value = curve[last] if state is TrialState.COMPLETE else None
    rungs = _rungs(rule, last) if isinstance(rule, Halving) else []
    reached = [min(e for e in curve if e >= rung) for rung in rungs]  # a score may be there every second epoch only
    completed = {f"completed_rung_{n}": curve[e] for n, e in enumerate(reached) if judged or e < last}
    return create_trial(state=state, value=value, system_attrs=completed, intermediate_values=dict(curve))


def _rungs(rule: Halving, last: int) -> list[int]:
    """The epochs at which trials are judged, up to the last one seen."""
    epochs, epoch = [], rule.shortest
    while epoch <= last:
        epochs.append(epoch)
        epoch *= rule.factor
    return epochs
