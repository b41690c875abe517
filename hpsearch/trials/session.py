"""A session: the driver's side of running a study. Executors ask it for jobs and tell it what came out."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from hpsearch.errors import Refused, Unwritable, did_you_mean
from hpsearch.protocol import Row
from hpsearch.results.driver import Driver
from hpsearch.results.older import Past, Verdict
from hpsearch.results.record import Result, number
from hpsearch.search.stopping import Curve, stops
from hpsearch.study import Limits, Study, Trial
from hpsearch.study.agenda import Agenda, Memo, agenda
from hpsearch.study.limits import DEFAULT as LIMITS
from hpsearch.trials.admission import admit
from hpsearch.trials.contract import kind
from hpsearch.trials.disk import lacking
from hpsearch.trials.worker import Job, ask_to_stop, forget, sealed_result


@dataclass(frozen=True)
class Resources:
    """What one trial gets, and how many run at once."""

    cpus: float  # per trial; its threads are the whole part, at least one
    gpus: float  # per trial; a fraction shares one
    slots: int  # trials at a time; 0: as many as fit on the machines of the cluster
    limits: Limits = LIMITS
    isolate: bool = False  # a fresh process for every trial

    @property
    def threads(self) -> int:
        """Threads of one trial."""
        return max(1, int(self.cpus))

    @property
    def device(self) -> str:
        """``cuda`` where a trial has any share of a GPU."""
        return "cuda" if self.gpus > 0 else "cpu"


ALIKE = 3  # trials that break the contract in the same way before it is taken for the study's
Watch = Callable[["Session"], None]


def job(
    trial: Trial, study: Study, folder: Path, cache: Path, resources: Resources, term: int, place: Callable[[str], str] = str
) -> Job:
    """The job of training one trial of a study; ``place`` says under which key the record holds a trial that it needs."""
    needs, also = {name: place(teacher.key) for name, teacher in trial.needs.items()}, tuple(name for name, _ in study.also)
    threads, device = resources.threads, resources.device
    return Job(trial, study.metric, folder, cache, threads, device, term, needs, study.divergence, also, study.last)


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
        self.set_back = 0  # of them, those that ended the study and wait again
        self.known_epochs = 0  # asked of trials that stood finished in the record before
        self.ended_epochs = 0  # asked of trials that ended in this session
        self.stopped = set(driver.record.keys("stopped"))
        self._curves: dict[str, dict[int, float]] = {}  # of trials that a rule may stop: epoch to score, larger is better
        self._queue: deque[Trial] = deque()
        self._known: set[str] = set()
        self._former: dict[str, float | None] = {}  # scores of trials that only earlier searches asked for
        self._looked: set[str] = set()
        self.past = Past(driver.record, study, decision)  # trials that the record holds under older keys
        self._arms: dict[str, str] = {}  # key to the arm that a trial was first wanted for
        self.warnings: list[str] = []  # in words, what a trial that runs has not kept yet, and what one that ended went beyond
        self._paused = False  # no trial begins, for lack of room on the disk
        self._breaches: dict[str, list[str]] = {}  # kind of breach to keys of this session's trials, first come first
        self._memo = Memo(study)
        self.plan: Agenda = agenda(study, {}, self._memo)
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
    def epochs_left(self) -> int:
        """Epochs still to run: without those of trials that ended, however they did, and those that others have run."""
        seen = sum(self.epochs.get(key, 0) for key in self.running)
        return 0 if self.done else max(0, self.study.cost - self.known_epochs - self.ended_epochs - seen)

    @property
    def total(self) -> int:
        """Trials of the study: those determined, each once, and those still to be determined."""
        if self.plan.settled:
            return len(self._known)
        asked = sum(len(round_.trials) - round_.found for round_ in self.plan.rounds)
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
        """The next job; None where there is none now: wait, or stop if ``done``. Raises where the disk is too full to begin one."""
        if self._queue and self._pauses():
            return None
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

    def _pauses(self) -> bool:
        """Whether the disk is too full to begin a trial while others run, which may still end; refused where none does."""
        full = lacking(self.driver.record.folders)
        if full and not self.running:
            raise Unwritable(full)
        if full and not self._paused:
            self.driver.record.patience.say(f"no trial begins for now: {full}")
        self._paused = bool(full)
        return self._paused

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
        reason = f"the trial {teacher.key} it was to learn from failed: see its reason, fix the cause and run with --retry-failed"
        self.tell(Result(trial.key, "failed", (), 0.0, 0, "", self.resources.device, "needs", reason))

    def _job(self, trial: Trial) -> Job:
        return job(trial, self.study, self.driver.record.folder, self.cache, self.resources, self.driver.term, self.past.place)

    def row(self, key: str, epoch: int, row: Row) -> None:
        """One epoch of a running trial."""
        self.driver.row(key, epoch, row)
        self.epochs[key] = epoch
        if epoch == 1 and not self.warnings and not self.ran and self.study.metric not in row:
            self.warnings.append(_missing(self.study.metric, row))
        if self.study.tune and self.study.tune.stopping:
            self._judge(key, epoch, row)
        self.watch(self)

    def _judge(self, key: str, epoch: int, row: Row) -> None:
        """Ask a trial of a round to stop where the study's rule says so; never one that confirms, or that is measured."""
        rule = self.study.tune.stopping if self.study.tune else None
        round_ = next((s for s in self.plan.rounds if not s.confirming and any(t.key == key for t in s.trials)), None)
        if rule is None or round_ is None:
            return
        score = self._score(row)
        if score is None:  # a metric need not be there in every epoch
            return
        self._curves.setdefault(key, {})[epoch] = score
        if epoch >= round_.epochs:
            return
        others: list[tuple[Curve, bool]] = []
        for rival in (trial.key for trial in round_.trials):
            if rival != key and rival in self._curves:
                others.append((self._curves[rival], self.scores.get(rival) is not None))
        own = {n: score for n, score in self._curves[key].items() if n <= epoch}  # an attempt that died may have got further
        if reason := stops(rule, own, others):
            ask_to_stop(self.driver.record.folder, key, epoch, reason)

    def _score(self, row: Row) -> float | None:
        value = row.get(self.study.metric)
        return self.study.better(float(value)) if isinstance(value, int | float) else None

    def tell(self, result: Result) -> None:
        """A trial ended; refused where its training function broke its contract as all others before it did."""
        self.driver.finish(result)
        trial = self.running.pop(result.key, None)
        self.ended_epochs += trial.epochs if trial else 0
        self.ran += 1
        if result.remark and result.remark not in self.warnings:
            self.warnings.append(result.remark)
        if result.state == "stopped":
            self.stopped.add(result.key)
        self.scores[result.key] = self._final(result)
        self.epochs[result.key] = len(result.rows)
        if result.fault == "contract":
            self._breached(result)
        if not self._queue:
            self._determine()
        self.watch(self)

    def _breached(self, result: Result) -> None:
        """End the study where trials broke the contract in one way, ``ALIKE`` of them and of two arms, and none kept it.

        One arm may be broken by itself. So while all such trials are of one arm, the first trial of another goes next. They wait
        again in the record, with the reason: what is wrong is for the user to fix, in the training function or in the study.
        """
        alike = self._breaches.setdefault(kind(result.reason), [])
        alike.append(result.key)
        if len(alike) < ALIKE or any(score is not None for score in self.scores.values()):
            return
        arms = {self._arms.get(key) for key in alike}
        others = [trial for trial in self._queue if self._arms.get(trial.key) not in arms]
        running = [key for key in self.running if self._arms.get(key) not in arms]
        if len(arms) == 1 and (others or running):
            for trial in others[:1]:
                self._queue.remove(trial)
                self._queue.appendleft(trial)
            return
        self.driver.reset(["running"])
        self.driver.wait_again(alike)
        self.set_back = len(alike)
        for key in alike:
            forget(self.driver.record.folder, key)
            del self.scores[key]
        so = f"the same in each of the first {len(alike)} trials: the study stops here, and they run again once this is fixed"
        raise Refused(f"{result.reason} ({so})")

    def _final(self, result: Result) -> float | None:
        """The score of a trial that ended: the median of its last epochs, None unless it ran to its end."""
        if result.state != "complete":
            return None
        return median(number(result.key, row, self.study.metric) for row in result.rows[-self.study.last :])

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
            self.plan = agenda(self.study, {**self._former, **self.scores}, self._memo)
            if self._looks_back():
                continue
            trials = list(self.plan.trials())
            new = [trial for trial in trials if trial.key not in self._known]
            if not new:
                return
            wanted = [(each.arm, trial) for each in self.plan.rounds for trial in each.trials]
            for arm, trial in (*wanted, *((m.arm, m.trial) for m in self.plan.measurements)):
                self._arms.setdefault(trial.key, arm.name)
            self._known |= {trial.key for trial in new}
            found = self.past.scores(new)
            admit(self.driver, self.past, [trial for trial in new if trial.key not in found])
            self.scores |= found
            self.stopped |= {key for key in found if self.past.place(key) in self.stopped}
            if self.study.tune and self.study.tune.stopping and found:
                for key, rows in self.past.rows([trial for trial in new if trial.key in found]).items():
                    self._curves[key] = {epoch: score for epoch, row in rows if (score := self._score(row)) is not None}
            self.known_epochs += sum(trial.epochs for trial in new if trial.key in found)
            self._queue.extend(trial for trial in new if trial.key not in found)
            if self._queue:
                return


def _missing(metric: str, row: Row) -> str:
    return (
        f"the first row has no metric {metric!r}, which the study scores ({did_you_mean(metric, row)}): "
        "trials fail unless the last epochs have it"
    )
