"""A trick is a value: it compares, hashes, prints, and lays itself over any dataclass that has its fields."""

import math
from dataclasses import dataclass

import pytest

from hpsearch.ablation import Arm, Claim, Trick
from hpsearch.errors import Refused


@dataclass(frozen=True)
class Config:
    rate: float = 0.1
    schedule: str = "step"
    drops: tuple[int, ...] = (30, 60)


def test_the_order_of_settings_does_not_matter():
    assert Trick("t", {"rate": 1.0, "drops": (1,)}) == Trick("t", {"drops": (1,), "rate": 1.0})
    assert hash(Trick("t", {"rate": 1.0, "drops": (1,)})) == hash(Trick("t", {"drops": (1,), "rate": 1.0}))
    assert eval(repr(Trick("t", {"rate": 1.0}, "why")), {"Trick": Trick}) == Trick("t", {"rate": 1.0}, "why")


def test_an_arm_changes_the_fields_of_its_tricks_and_no_other():
    arm = Arm((Trick("fast", {"rate": 1.0}), Trick("smooth", {"schedule": "cosine"})))
    assert arm.over(Config()) == Config(rate=1.0, schedule="cosine")
    assert Arm().over(Config(drops=())) == Config(drops=())


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: Trick("", {"rate": 1}), "a Trick needs a name without surrounding spaces, got ''"),
        (lambda: Trick(" t", {"rate": 1}), "a Trick needs a name without surrounding spaces, got ' t'"),
        (lambda: Trick("t", {}), "trick 't' sets no field: give it at least one, as in Trick('t', {'field': value})"),
        (lambda: Trick("t", {"drops": [1, 2]}), "trick 't' sets 'drops' to a list, which is mutable: use a tuple"),
        (lambda: Claim(1.0, "", "paper"), "a Claim needs what it was measured over and its source, got over='', source='paper'"),
        (lambda: Claim(1.0, "base", ""), "a Claim needs what it was measured over and its source, got over='base', source=''"),
    ],
)
def test_half_a_trick_is_refused(build, said):
    with pytest.raises(Refused) as refused:
        build()
    assert str(refused.value) == said


def test_a_claim_keeps_its_number_and_its_source():
    claim = Claim(0.4, "ResNet-50-D", "a paper, Table 6")
    assert (claim.value, claim.over, claim.source, claim.metric) == (0.4, "ResNet-50-D", "a paper, Table 6", "top1")
    assert math.isfinite(claim.value)
