"""How large the network of an arm is: what its rows say, else counted from the recipe."""

from hpsearch.ablation import Arm
from hpsearch.errors import Refused
from hpsearch.results.evidence import MEASUREMENT, Evidence

COUNTS = ("parameters", "multiply_adds")  # metrics by which a training function of one's own may tell them


def sizes(evidence: Evidence) -> dict[str, tuple[float | None, float | None]]:
    """Parameters, and multiply-adds for one image, by name of the arm; None where they are not known."""
    found = {arm.name: _counted(evidence, arm) for arm in evidence.study.plan.arms}
    for place, name in enumerate(COUNTS):
        if name in evidence.rows.columns:
            rows = evidence.rows[evidence.rows["role"] == MEASUREMENT]
            for arm, value in rows.dropna(subset=[name]).groupby("arm")[name].last().items():
                pair = list(found.get(str(arm), (None, None)))
                pair[place] = float(value)
                found[str(arm)] = (pair[0], pair[1])
    return found


def _counted(evidence: Evidence, arm: Arm) -> tuple[float | None, float | None]:
    """Of a recipe of ours, where the data is at hand that says how many channels and classes there are."""
    if not type(evidence.study.base).__module__.startswith("hpsearch.training"):
        return None, None
    recipe = evidence.study.config(arm)
    try:
        counts = recipe.data.counts()
    except (Refused, OSError):  # a folder that is not on this machine
        return None, None
    from hpsearch.training.images.recipe import network_of

    network, size = network_of(recipe), recipe.test_size or counts.size
    return network.parameters(counts.channels, counts.classes), network.multiply_adds(counts.channels, counts.classes, size)
