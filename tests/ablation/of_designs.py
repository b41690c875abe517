"""How the designs that `hpsearch` names are tried, and what their contrasts should measure by definition."""

from truths import Tried, Truth

from hpsearch.ablation import Arm, Contrast, Trick


def _others(truth: Truth, trick: Trick) -> tuple[Trick, ...]:
    return tuple(other for other in truth.tricks if other != trick)


def alone(contrast: Contrast, truth: Truth) -> float:
    return truth.gain(contrast.trick, ())


def last(contrast: Contrast, truth: Truth) -> float:
    return truth.gain(contrast.trick, _others(truth, contrast.trick))


def laid(contrast: Contrast, truth: Truth) -> float:
    """Of a trick what it adds to those below it, of all together what they are worth."""
    t, tricks = contrast.trick, truth.tricks
    return truth.gain(t, tricks[: tricks.index(t)]) if t else truth(Arm(tricks)) - truth(Arm())


def first_last_or_gap(contrast: Contrast, truth: Truth) -> float:
    if contrast.trick:
        return {"one at a time": alone, "leave one out": last}[contrast.design](contrast, truth)
    t = next(t for t in truth.tricks if contrast.name.startswith((f"{t.name},", f"{t.name} or")))
    return truth.gain(t, _others(truth, t)) - truth.gain(t, ())


def main_or_pair(contrast: Contrast, truth: Truth) -> float:
    return truth.main(contrast.trick) if contrast.trick else truth.pair(*contrast.between)


def shapley(contrast: Contrast, truth: Truth) -> float | None:
    return truth.shapley(contrast.trick) if "mean over all" in contrast.name else None


def as_noted(contrast: Contrast, truth: Truth) -> None:
    """Effects are mixed with others: test_fractions.py holds them to what the notes say."""


ladder = Tried("ladder", [(k, {}) for k in (1, 2, 3, 5)], laid)
leave_one_out = Tried("leave_one_out", [(k, {}) for k in (2, 3, 5)], last, has_base=False)
one_at_a_time = Tried("one_at_a_time", [(k, {}) for k in (1, 2, 3, 5)], alone, stacks=False)
first_and_last = Tried("first_and_last", [(k, {}) for k in (2, 3, 5)], first_last_or_gap)
factorial = Tried("factorial", [(k, {}) for k in (2, 3, 5)], main_or_pair)
orders = Tried(
    "orders",
    [
        (2, {"n": 2}),
        (3, {"n": 2}),
        (3, {"n": 5}),
        (4, {"n": 24}),
        (4, {"n": 99}),
        (5, {"n": 4, "seed": 7}),
        (6, {"n": 9}),
    ],
    shapley,
)
fractional_factorial = Tried(
    "fractional_factorial",
    [
        *[(k, {"resolution": r}) for k in range(3, 12) for r in (3, 4) if (k, r) != (3, 4)],
        *[(k, {"resolution": 5}) for k in range(5, 9)],
        *[(k, {"runs": 32}) for k in range(6, 12)],
        *[(k, {"runs": 64}) for k in (9, 11)],
    ],
    as_noted,
)
plackett_burman = Tried(
    "plackett_burman",
    [(k, {}) for k in range(4, 24)] + [(7, {"runs": 12}), (9, {"runs": 20}), (8, {"runs": 16}), (11, {"runs": 24})],
    as_noted,
)
