"""A session: the driver's side of running a study. Executors ask it for jobs and tell it what came out."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from hpsearch.errors import Refused
from hpsearch.results.older import Past, Verdict
from hpsearch.results.record import Driver, Result
from hpsearch.run import Row
from hpsearch.search.stopping import Curve, stops
from hpsearch.study import Study, Trial
from hpsearch.study.agenda import Agenda, agenda
from hpsearch.trials.admission import admit
from hpsearch.trials.worker import Job, ask_to_stop, sealed_result


@dataclass(frozen=True)
class Resources:
    """What one trial gets, and how many run at once."""

    cpus: float  # per trial; its threads are the whole part, at least one
    gpus: float  # per trial; a fraction shares one
    slots: int  # trials at a time

    @property
    def threads(self) -> int:
        """Threads of one trial."""
        return max(1, int(self.cpus))

    @property
    def device(self) -> str:
        """``cuda`` where a trial has any share of a GPU."""
        return "cuda" if self.gpus > 0 else "cpu"


Watch = Callable[["Session"], None]


class Session:
    """Hands out the trials of a study's agenda, each once, and writes what comes back to the record."""

    def __init__(
        self, driver: Driver, study: Study, resources: Resources, cache: Path, watch: Watch, decision: Verdict = ""
    ) -> None:
        self.driver, self.study, self.resources, self.cache, self.watch = driver, study, resources, cache, watch
        self.scores: dict[str, float | None] = {}
        self.running: dict[str, Trial] = {}
        self.epochs: dict[str, int] = {}  # key to epochs seen, of running and finished trials of this session
        self.ran = 0  # trials finished in this session
        self.known_epochs = 0  # of trials that stood finished in the record before
        self.stopped = set(driver.record.keys("stopped"))
        self._curves: dict[str, dict[int, float]] = {}  # of trials that a rule may stop: epoch to score, larger is better
        self._queue: deque[Trial] = deque()
        self._known: set[str] = set()
        self._former: dict[str, float | None] = {}  # scores of trials that only earlier searches asked for
        self._looked: set[str] = set()
        self.past = Past(driver.record, study, decision)  # trials that the record holds under older keys
        self.plan: Agenda = agenda(study, {})
        driver.reset(["running"])  # we are the only driver: whatever was running then is not running now
        self._determine()

    @property
    def done(self) -> bool:
        """Nothing left to hand out and nothing running."""
        return not self._queue and not self.running

    @property
    def exhausted(self) -> bool:
        """Nothing left to hand out, whatever the running trials will score."""
        return not self._queue and (self.plan.settled or not self.running)

    @property
    def total(self) -> int:
        """Trials of the study: those determined, each once, and those still to be determined."""
        if self.plan.settled:
            return len(self._known)
        asked = sum(len(stage.trials) - stage.leg.found for stage in self.plan.stages)
        entries = asked + len(self.plan.measurements) + len(self.plan.teachers)
        return len(self._known) + max(0, self.study.trials - entries) * (not self.plan.problems)

    @property
    def failed(self) -> int:
        """Trials of the study that failed, in this session or before; those stopped early are not among them."""
        return sum(score is None and key not in self.stopped for key, score in self.scores.items())

    @property
    def best(self) -> float | None:
        """The best score so far, in the metric's own direction."""
        finished = [score for score in self.scores.values() if score is not None]
        return max(finished, key=self.study.better) if finished else None

    def ask(self) -> Job | None:
        """The next job; None where there is none now: wait, or stop if ``done``."""
        while (trial := self._next()) is not None:
            if result := sealed_result(self.driver.record.folder, trial.key):  # finished, but the driver died before it knew
                self.running[trial.key] = trial
                self.tell(result)
                continue
            self.running[trial.key] = trial
            self.driver.start(trial.key)
            self.watch(self)
            return self._job(trial)
        return None

    def _next(self) -> Trial | None:
        """The first trial in the queue that has all it needs; those whose teacher failed fail on the way."""
        for place, trial in enumerate(self._queue):
            teachers = trial.needs.values()
            if failed := next((t for t in teachers if t.key in self.scores and self.scores[t.key] is None), None):
                del self._queue[place]
                self._fail(trial, failed)
                return self._next()
            if all(teacher.key in self.scores for teacher in teachers):
                del self._queue[place]
                return trial
        return None

    def _fail(self, trial: Trial, teacher: Trial) -> None:
        self.running[trial.key] = trial
        reason = f"the trial {teacher.key} that it was to learn from failed: see its reason, mend it and give --retry-failed"
        self.tell(Result(trial.key, "failed", (), 0.0, 0, "", self.resources.device, "needs", reason))

    def _job(self, trial: Trial) -> Job:
        r, needs = self.resources, {name: self.past.place(teacher.key) for name, teacher in trial.needs.items()}
        folder, metric, divergence = self.driver.record.folder, self.study.metric, self.study.divergence
        return Job(trial, metric, folder, self.cache, r.threads, r.device, self.driver.term, needs, divergence)

    def row(self, key: str, epoch: int, row: Row) -> None:
        """One epoch of a running trial."""
        self.driver.row(key, epoch, row)
        self.epochs[key] = epoch
        if self.study.tune and self.study.tune.stopping:
            self._judge(key, epoch, row)
        self.watch(self)

    def _judge(self, key: str, epoch: int, row: Row) -> None:
        """Ask a trial of a round to stop where the study's rule says so; never one that confirms, or that is measured."""
        rule = self.study.tune.stopping if self.study.tune else None
        stage = next((s for s in self.plan.stages if not s.confirming and any(t.key == key for t in s.trials)), None)
        if rule is None or stage is None:
            return
        self._curves.setdefault(key, {})[epoch] = self._score(row)
        if epoch >= stage.epochs:
            return
        others: list[tuple[Curve, bool]] = []
        for rival in (trial.key for trial in stage.trials):
            if rival != key and rival in self._curves:
                others.append((self._curves[rival], self.scores.get(rival) is not None))
        own = {n: score for n, score in self._curves[key].items() if n <= epoch}  # an attempt that died may have got further
        if reason := stops(rule, own, others):
            ask_to_stop(self.driver.record.folder, key, epoch, reason)

    def _score(self, row: Row) -> float:
        return self.study.better(float(row[self.study.metric]))  # type: ignore[arg-type]

    def tell(self, result: Result) -> None:
        """A trial ended; refused where its training function broke its contract, since every other trial would too."""
        if result.fault == "contract":
            self.driver.reset(["running"])
            raise Refused(result.reason)
        self.driver.finish(result)
        self.running.pop(result.key, None)
        self.ran += 1
        if result.state == "stopped":
            self.stopped.add(result.key)
        last = [float(row[self.study.metric]) for row in result.rows[-self.study.last :]]  # type: ignore[arg-type]
        self.scores[result.key] = median(last) if result.state == "complete" else None
        self.epochs[result.key] = len(result.rows)
        if not self._queue:
            self._determine()
        self.watch(self)

    def lost(self, key: str, reason: str) -> None:
        """The executor gave a trial up: its worker died too often."""
        folder = self.driver.record.folder
        died = Result(key, "failed", (), 0.0, 0, "", self.resources.device, "died", reason)
        self.tell(sealed_result(folder, key) or died)

    def requeue(self) -> None:
        """Put trials that no executor runs any more back in front: the run that had them ended."""
        self._queue.extendleft(reversed(self.running.values()))
        self.running.clear()

    def _looks_back(self) -> bool:
        """Whether the record held scores of earlier searches that the agenda asks about and did not have."""
        asked = self.plan.looked - self._looked - {trial.key for trial in self.plan.trials()}
        self._looked |= asked
        found = self.driver.record.scores(asked, self.study.metric, self.study.last) if asked else {}
        self._former |= found
        return bool(found)

    def _determine(self) -> None:
        """Work out the agenda anew from the scores, until it asks for something we can hand out or for nothing more."""
        while True:
            self.plan = agenda(self.study, {**self._former, **self.scores})
            if self._looks_back():
                continue
            trials = list(self.plan.trials())
            new = [trial for trial in trials if trial.key not in self._known]
            if not new:
                return
            self._known |= {trial.key for trial in new}
            found = self.past.scores(new)
            admit(self.driver, self.past, [trial for trial in new if trial.key not in found])
            self.scores |= found
            if self.study.tune and self.study.tune.stopping and found:
                for key, rows in self.past.rows([trial for trial in new if trial.key in found]).items():
                    self._curves[key] = {epoch: self._score(row) for epoch, row in rows}
            self.known_epochs += sum(trial.epochs for trial in new if trial.key in found)
            self._queue.extend(trial for trial in new if trial.key not in found)
            if self._queue:
                return
