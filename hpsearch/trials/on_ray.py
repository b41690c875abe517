"""The executor on Ray Tune.

Ray places trials and restarts those whose process died; it is told nothing it would have to remember. Every launch is a new
Tune run in a folder that is thrown away, fed by a searcher that asks our session; slots are actors that live as long as the run.
"""

import json
import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from functools import partial
from types import FrameType
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
os.environ.setdefault("TUNE_DISABLE_STRICT_METRIC_CHECKING", "1")
os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")  # ours, in the command line, serves SIGTERM as well
os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")  # relative paths of a study are meant from where it was started
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # the new one prints even when told not to
os.environ.setdefault("RAY_gcs_server_port_wait_time_s", "300")  # for Ray to start: 30 by default, which a loaded machine exceeds

import cloudpickle
import ray
from ray import tune
from ray.tune.search import Searcher

from hpsearch.errors import HpsearchError, Lost, Refused, Unwritable
from hpsearch.protocol import Row
from hpsearch.results import FROM_ENVIRONMENT
from hpsearch.results.record import Result
from hpsearch.trials.cluster import head_watched, in_words, lost, refuse_strangers, slots
from hpsearch.trials.fence import Superseded
from hpsearch.trials.session import Resources, Session
from hpsearch.trials.shared import fault, marked
from hpsearch.trials.supervisor import kept, packed
from hpsearch.trials.worker import ATTEMPTS, NODE

WAITS = (0.1, 60.0)  # seconds a slot waits when there is nothing to do: shortest, longest
LONGEST = 107 - len("/ray/session_2026-01-01_00-00-00_000000_0000000/sockets/plasma_store_0")  # a socket's name has 107 bytes
LIVES = 3  # of the Tune run without progress, before its error is ours
_sessions: dict[int, Session] = {}  # Tune pickles its searcher, which must not take the session along
_errors: dict[int, BaseException] = {}  # what a session raised: a run whose searcher raises does not end, so it is stopped instead


class _Leaving(BaseException):
    """Leaves Tune's loop at once: for an ``Exception`` it would first wait for every training function to end."""


class _LeaveOnError(tune.Stopper):
    """Leaves the run once the session has raised or a signal has come: Tune asks ten times a second."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        if self.number in _errors:
            raise _Leaving
        return False


class _Asker(Searcher):
    """Ray Tune's searcher that asks the session and tells it; it proposes nothing itself."""

    def __init__(self, session: Session) -> None:
        super().__init__(metric="epoch", mode="max")
        self.number = id(session)
        _sessions[self.number] = session
        self.keys: dict[str, str] = {}  # Ray's trial id to our key
        self.stalled: float | None = None  # since when there has been nothing to hand out

    @property
    def session(self) -> Session:
        """The session it asks."""
        return _sessions[self.number]

    def suggest(self, trial_id: str) -> Any:
        """The next job, a wait, or the end."""
        try:
            return Searcher.FINISHED if self.number in _errors else self._next(trial_id)
        except Exception as error:
            _errors[self.number] = error
            return Searcher.FINISHED

    def _next(self, trial_id: str) -> Any:
        job = self.session.ask()
        if job is None:
            return Searcher.FINISHED if self.session.exhausted else self._wait()
        self.stalled = None
        self.keys[trial_id] = job.trial.key
        return {"job": cloudpickle.dumps(job)}  # transport, never at rest

    def _wait(self) -> dict[str, Any]:
        """A job that only waits, longer the longer there is nothing to do.

        Answering nothing instead would make Tune drop the idle actors, and with trials shorter than the start of an actor it
        never gets them back: one slot then did all the work (measured: 79 of 88 trials of the quickstart on one of two slots).
        """
        self.stalled = self.stalled or time.monotonic()
        return {"wait": min(WAITS[1], max(WAITS[0], 0.1 * (time.monotonic() - self.stalled)))}

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """A row, as soon as its trial tells it."""
        try:
            if "row" in result and trial_id in self.keys and self.number not in _errors:
                self.session.row(self.keys[trial_id], int(result["epoch"]), json.loads(result["row"]))
        except Exception as raised:
            _errors[self.number] = raised

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """The end of a trial, or of its worker."""
        key = self.keys.pop(trial_id, None)
        if key is None or self.number in _errors:
            return
        try:
            self._completed(key, result, error)
        except Exception as raised:
            _errors[self.number] = raised

    def _completed(self, key: str, result: dict[str, Any] | None, error: bool) -> None:
        if result and "trouble" in result:
            raise Unwritable(result["trouble"])
        if result and result.get("unfit"):
            raise Refused(result["unfit"])
        if error or not result or "result" not in result:
            self.session.lost(key, f"its worker died {ATTEMPTS} times" if error else "its worker ended without a result")
        else:
            self.session.tell(Result.of(json.loads(result["result"])))

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the record is the only truth."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing, likewise."""


def _slot(session: Session, mark: str) -> Callable[[dict[str, Any]], None]:
    """What an actor runs for every trial it is given; the process that trains stays, with the libraries it has imported.

    ``mark`` is the file by which a machine that joined the cluster late shows that it shares the trials' folder.
    """
    train, limits, fresh = packed(session.study.train), session.resources.limits, session.resources.isolate
    folder, stands = session.driver.record.folder, os.getcwd()

    def slot(config: dict[str, Any]) -> None:
        def tell(epoch: int, row: Row) -> None:
            tune.report({"epoch": epoch, "row": json.dumps(row)})

        if "wait" in config:
            time.sleep(config["wait"])
            tune.report({"epoch": 0})  # Tune prints a line for a trial that ends without any, however quiet it is told to be
            return
        if mark and (said := fault(folder, mark)):
            tune.report({"epoch": 0, "unfit": f"the machine {socket.gethostname()} {said}"})
            return
        with suppress(OSError):
            os.chdir(stands)  # another machine's actors stand where Ray was started there
        os.environ[NODE] = ray.get_runtime_context().get_node_id()
        try:
            result = kept(train, limits, fresh).run(cloudpickle.loads(config["job"]), tell)
        except Unwritable as trouble:  # to try it again, as Ray would, burns the attempts of a trial that has done nothing wrong
            tune.report({"epoch": 0, "trouble": str(trouble)})
            return
        except Superseded as over:
            raise RuntimeError(over) from over  # Tune's thread takes an Exception
        tune.report({"epoch": len(result.rows), "result": json.dumps(asdict(result))})

    return slot


def run_on_ray(session: Session, address: str | None) -> None:
    """Run the session's trials on a local Ray of its own, or on the cluster at ``address``, until it is done.

    One life of Ray after another: what ends a life (a lost machine, a fault of Ray's) must not end the study.
    """
    lives, first = 0, True
    while not session.done:
        before = session.ran
        try:
            _live(session, address, first)
        except HpsearchError:
            raise
        except Exception:
            lives = lives + 1 if session.ran == before else 1
            if lives >= LIVES:
                raise
        session.requeue()
        first = False


def _live(session: Session, address: str | None, first: bool) -> None:
    """One life of Ray. A signal ends it between Ray's calls and not inside one: there it would be lost, or abort the process."""
    number = id(session)
    with _signals_noted(number), ExitStack() as until:
        with _handlers_kept():
            _connect(session.resources, address, first)
        if address:
            until.enter_context(head_watched(address, partial(_errors.setdefault, number)))
            until.enter_context(in_words(session.warnings.append))
        until.callback(ray.shutdown)
        _refuse_too_few(session.resources)
        mark = ""
        if address:
            mark = until.enter_context(marked(session.driver.record.folder))
            refuse_strangers(session.driver.record.folder, mark, session.resources)
        if number not in _errors:
            _fit(session, mark)
    if error := _errors.pop(number, None):
        raise error


def _fit(session: Session, mark: str) -> None:
    resources, asker = session.resources, _Asker(session)
    with tempfile.TemporaryDirectory(prefix="hpsearch-ray-") as folder, suppress(_Leaving):
        tune.Tuner(
            tune.with_resources(_slot(session, mark), {"cpu": resources.cpus, "gpu": resources.gpus}),
            tune_config=tune.TuneConfig(
                search_alg=asker, num_samples=-1, reuse_actors=True, max_concurrent_trials=slots(resources)
            ),
            run_config=tune.RunConfig(
                stop=_LeaveOnError(asker.number),
                storage_path=folder,
                name="study",
                verbose=0,
                failure_config=tune.FailureConfig(max_failures=ATTEMPTS),
            ),
        ).fit()


@contextmanager
def _signals_noted(number: int) -> Iterator[None]:
    """Keep what a signal's handler raises, for whoever asks between two calls."""

    def noted(handler: Any) -> Callable[[int, FrameType | None], None]:
        def handle(signal_number: int, frame: FrameType | None) -> None:
            try:
                handler(signal_number, frame)
            except BaseException as raised:
                _errors[number] = raised

        return handle

    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    for each, handler in handlers.items():
        if callable(handler):
            signal.signal(each, noted(handler))
    try:
        yield
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)


@contextmanager
def _handlers_kept() -> Iterator[None]:
    """While Ray starts, leave the handlers of signals as they are: it would put its own there, which end the process in silence."""
    put, signal.signal = signal.signal, lambda number, handler: signal.getsignal(number)  # type: ignore[assignment]
    try:
        yield
    finally:
        signal.signal = put


def _connect(resources: Resources, address: str | None, first: bool) -> None:
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "include_dashboard": False}
    try:
        if address:
            ours = {name for name in os.environ if name.startswith("HPSEARCH_")} - {FROM_ENVIRONMENT}  # which may hold a password
            data = {name: os.environ[name] for name in ours}
            quiet.pop("include_dashboard")
            ray.init(address=address, runtime_env={"env_vars": data}, **quiet)
        else:
            cpus = max(1, round(resources.slots * resources.cpus))
            ray.init(address="local", num_cpus=cpus, _temp_dir=short_folder(), **quiet)
    except ConnectionError as error:
        if not first and address:
            raise Lost(lost(address)) from error
        raise Refused(
            f"this machine is no node of the Ray cluster at {address}: run `ray start --address={address}` on it first, or give "
            "the command on one that is"
        ) from error
    except RuntimeError as error:
        if "Version mismatch" not in str(error):
            raise
        raise Refused(f"the Ray cluster at {address} runs other versions than this machine: {_versions(error)}") from error


def _versions(error: RuntimeError) -> str:
    """Both sides' versions of Ray and Python, as Ray's message lists them."""
    return ", ".join(
        line.strip() for line in str(error).splitlines() if line.strip().startswith(("Ray:", "Python:", "This process"))
    )


def short_folder() -> str | None:
    """Where Ray keeps its sockets: None for its own choice; /tmp where RAY_TMPDIR or TMPDIR is too long for a socket's name."""
    name = "RAY_TMPDIR" if "RAY_TMPDIR" in os.environ else "TMPDIR"
    chosen = os.environ.get(name, "")
    if len(os.fsencode(chosen)) <= LONGEST:
        return None
    if name == "TMPDIR" and os.access("/tmp", os.W_OK):
        return "/tmp/ray"
    raise Refused(f"{name} has {len(os.fsencode(chosen))} characters, and Ray's sockets have room for {LONGEST}: set a shorter one")


def _refuse_too_few(resources: Resources) -> None:
    have = ray.cluster_resources()
    for name, need in (("CPU", resources.cpus), ("GPU", resources.gpus)):
        if need > have.get(name, 0):
            raise Refused(f"a trial needs {need:g} {name}s and the machines of this Ray have {have.get(name, 0):g}: ask for fewer")
