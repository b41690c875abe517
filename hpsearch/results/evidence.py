"""Evidence: what a study has measured so far, as tidy frames. Statistics and reports read this and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from hpsearch.results.replay import MEASUREMENT, SEARCH, TEACHER
from hpsearch.study import Study
from hpsearch.study.agenda import Agenda

__all__ = ["MEASUREMENT", "SEARCH", "TEACHER", "Evidence"]


@dataclass(frozen=True, eq=False)
class Evidence:
    """A study, its agenda, and frames with one line per trial and one per epoch.

    ``trials`` has the columns

    * ``key`` (32 hexadecimal digits), ``role`` (``search``, ``measurement``, or ``teacher`` where others learn from it), ``arm``
      (name; of a teacher ``teacher`` and a number), ``round`` (from 1) and ``point`` (place in its round, from 0; both missing
      outside a search), ``seed``, ``epochs``,
    * ``state`` (``waiting``, ``running``, ``complete``, ``failed``, ``stopped``), ``reason`` (text, empty where there is none;
      of a waiting trial, why it ended the study before: see ``set_back``),
    * ``score`` (the study's metric in the last epoch, in the metric's own direction; missing unless complete), ``seconds``
      (of all epochs), ``attempts``, ``host``, ``device``,
    * ``older`` (text: how a trial comes to be used that was made otherwise than it would be now; empty for all others),
    * and one column per tuned parameter, named as in the space, with the value the trial used.

    A trial that two rounds share stands once for each. ``rows`` has ``key``, ``role``, ``arm``, ``round``, ``seed``, ``epoch``
    (from 1) and one column per metric: numbers only, missing where an epoch has none; a metric that is called like one of these
    columns has none.

    ``provenance`` maps a heading to text: command, commit, versions, device, host, study file and so on, in the order to print.
    ``study_text`` is the study file as it was run.
    """

    name: str  # of the study file, without its suffix
    study: Study
    agenda: Agenda
    trials: pd.DataFrame
    rows: pd.DataFrame
    provenance: Mapping[str, str]
    study_text: str
    older: tuple[str, ...] = ()  # sentences about results that were made by older code, on other data or under another default

    def measurements(self) -> pd.DataFrame:
        """Trials that may enter a table: of arms, on the final set, under seeds not used for tuning."""
        return self.trials[self.trials["role"] == MEASUREMENT]

    def set_back(self) -> pd.DataFrame:
        """Trials whose breach of the contract ended the study, each once: they wait, with the reason, for the next launch."""
        known = self.trials[(self.trials["state"] == "waiting") & (self.trials["reason"] != "")]
        return known.drop_duplicates("key")

    def searched(self) -> pd.DataFrame:
        """Trials of the search, scored on the tuning slice."""
        return self.trials[self.trials["role"] == SEARCH]
