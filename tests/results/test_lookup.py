"""Looking a trial up: of which launches its study file and data are known."""

import json
from pathlib import Path

from hpsearch.results.lookup import Launched, find, launched
from hpsearch.results.record import Record
from hpsearch.study.agenda import agenda
from tests.report.synthetic import full

COMMANDS = ("run a.py --data first", "run b.py", "run a.py --data second", "run c.py --data third")


def test_the_launches_of_a_trials_code_come_latest_first_each_file_once(tmp_path: Path) -> None:
    """So the study that is shown is the one that was launched last, with the data of its last launch."""
    record, study = Record.open(str(tmp_path / "x.db"), create=True), full(tune=None)
    trial = next(agenda(study, {}).trials())
    with record.driver("test") as driver:
        driver.want([trial])
        for command in COMMANDS:
            code = "other code" if "c.py" in command else trial.code
            told = {"provenance": json.dumps({"command": f"hpsearch {command}"}), "code": code}
            driver.launched(study=command.split()[1][0], study_hash="", study_text="", study_json="{}", **told)
    found = launched(record, find(record, trial.key[:8]))
    assert found == [Launched(Path("a.py"), Path("second")), Launched(Path("b.py"), None)]
