"""How long does the report of 10,000 trials with curves take: to build from the record, to open in a browser, and to mail?

    python benchmarks/report_speed.py --trials 10000

Ten arms (five tricks, as a ladder and left out one by one), each with a search of its own in two rounds and its best run again,
then measured under several seeds. The scores are a formula, with noise; the record is SQLite, written in one go and not timed.
One trial in forty fails. Timed are

* build: what ``hpsearch report`` does once Python has started: read the record, replay the searches, write page, Markdown and CSV;
* open: from asking headless Chromium for the file until every chart in sight is drawn;
* unfold: all that was folded opened at once, until everything is drawn.

Other work on the machine counts against the wall clock, so CPU seconds stand beside it. The limits are those of the project: 20 s,
5 s, 6 MB. Exit code 1 where one is passed.
"""

import argparse
import json
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "report")]

from synthetic import SPACE, TRICKS, Config, full, loss, top1, walk  # noqa: E402

from hpsearch import Round, Study, Trial, Tune, ladder, leave_one_out  # noqa: E402
from hpsearch.report import write  # noqa: E402
from hpsearch.results import schema  # noqa: E402
from hpsearch.results.driver import now  # noqa: E402
from hpsearch.results.frames import evidence  # noqa: E402
from hpsearch.results.record import Record  # noqa: E402
from hpsearch.study.agenda import Agenda  # noqa: E402
from hpsearch.values import digest, to_json  # noqa: E402

SEEDS, EPOCHS, ARMS = 40, 30, 10
LIMITS = {"build": 20.0, "open": 5.0, "MB": 6.0}  # seconds, seconds, 10^6 bytes
DRAWN = (
    "return Array.from(document.querySelectorAll('.plot')).filter(p => !p.closest('details:not([open])'))"
    ".every(p => p.dataset.drawn && p.querySelector('svg.main-svg'))"
)


def study_of(trials: int) -> Study:
    """A study of so many trials or a few more."""
    points = -(-(trials - ARMS * SEEDS) // ARMS)
    rounds = (Round(points=-(-3 * points // 4), epochs=4, keep=8), Round(points=-(-points // 4), epochs=8, keep=4))
    return full(
        vary=ladder(*TRICKS) | leave_one_out(*TRICKS),
        tune=Tune(SPACE, rounds, arms="each"),
        seeds=SEEDS,
        base=Config(epochs=EPOCHS),
    )


def score(trial: Trial) -> float | None:
    """The formula; one trial in forty fails."""
    return None if int(digest(trial.key)[:4], 16) % 40 == 0 else top1(trial)


def fill(place: Path, study: Study) -> int:
    """Write a record in which everything has run; its trials."""
    agenda, scores = walk(study, score)
    record = Record.open(str(place), create=True)
    trials = list(agenda.trials())
    rows = [row for trial in trials if scores[trial.key] is not None for row in _rows(trial)]
    with record.engine.begin() as connection:
        connection.execute(schema.trials.insert(), [_line(trial, scores[trial.key]) for trial in trials])
        for start in range(0, len(rows), 50_000):
            connection.execute(schema.rows.insert(), rows[start : start + 50_000])
        connection.execute(schema.launches.insert(), [_launch(study, agenda)])
    record.engine.dispose()
    print(f"record: {len(trials):,} trials, {len(rows):,} epochs, {place.stat().st_size / 1e6:.1f} MB")
    return len(trials)


def _line(trial: Trial, found: float | None) -> dict[str, object]:
    failed = {"fault": "error", "reason": f"ValueError: the loss is NaN in epoch {1 + trial.seed % 3}"} if found is None else {}
    own = {"key": trial.key, "config": json.dumps(to_json(trial.config)), "seed": trial.seed, "epochs": trial.epochs}
    own |= {"held_out": trial.held_out, "code": trial.code, "state": "failed" if failed else "complete", "fault": "", "reason": ""}
    return (
        own
        | failed
        | {"detail": "", "attempts": 1, "seconds": 2.0 * trial.epochs, "host": "bench", "device": "cpu", "changed": now()}
    )


def _rows(trial: Trial) -> list[dict[str, object]]:
    made = []
    for epoch in range(1, trial.epochs + 1):
        metrics = {"train_loss": 1.1 * loss(trial, epoch), "loss": loss(trial, epoch), "top1": top1(trial, epoch)}
        made.append({"key": trial.key, "epoch": epoch, "metrics": json.dumps({**metrics, "images_per_second": 2400.0})})
    return made


def _launch(study: Study, agenda: Agenda) -> dict[str, object]:
    told = {"command": "hpsearch run benchmark.py", "machine": platform.processor() or platform.machine()}
    return {
        **{"study": "benchmark", "study_hash": "0" * 64, "study_text": "# made by benchmarks/report_speed.py", "code": study.code},
        **{
            "study_json": json.dumps(to_json(study)),
            "provenance": json.dumps(told),
            "started": now(),
            "ended": now(),
            "outcome": "done",
        },
    }


def opened(page: Path) -> tuple[float, float]:
    """Seconds until the charts in sight are drawn, and until those that were folded are."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.support.ui import WebDriverWait

    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(str(shutil.which("chromedriver"))))
    try:
        driver.set_window_size(1280, 900)
        driver.get("about:blank")
        times = []
        for action in (
            lambda: driver.get(page.as_uri()),
            lambda: driver.execute_script("document.querySelectorAll('details').forEach(d => { d.open = true; })"),
        ):
            began = time.perf_counter()
            action()
            WebDriverWait(driver, 120, poll_frequency=0.02).until(lambda browser: browser.execute_script(DRAWN))
            times.append(time.perf_counter() - began)
        return times[0], times[1]
    finally:
        driver.quit()


def main() -> None:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--keep", type=Path, help="Where to leave the page.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hpsearch-report-speed-") as name:
        folder, study = Path(name), study_of(given.trials)
        fill(folder / "hpsearch.db", study)
        began, cpu = time.perf_counter(), time.process_time()
        record = Record.open(str(folder / "hpsearch.db"))
        told = evidence(record, study, "benchmark", "")
        read = time.perf_counter() - began
        page = write(told, folder / "report.html")[0]
        found = {"build": time.perf_counter() - began, "MB": page.stat().st_size / 1e6}
        cpu = time.process_time() - cpu
        print(f"build  {found['build']:6.1f} s ({cpu:.1f} s of CPU), of which reading and replaying the record {read:.1f} s")
        print(f"page   {found['MB']:6.2f} MB")
        if given.keep:
            shutil.copy(page, given.keep)
        if shutil.which("chromium") and shutil.which("chromedriver"):
            found["open"], unfolded = opened(page)
            print(f"open   {found['open']:6.1f} s; unfolding everything at once {unfolded:.1f} s")
        else:
            print("open   not measured: needs chromium and chromedriver")
    passed = [f"{name} {value:.1f} > {LIMITS[name]:g}" for name, value in found.items() if value > LIMITS[name]]
    print(f"limits {'passed: ' + ', '.join(passed) if passed else 'kept: 20 s, 5 s, 6 MB'}")
    sys.exit(1 if passed else 0)


if __name__ == "__main__":
    main()
