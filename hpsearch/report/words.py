"""Numbers and names as a reader sees them: units, minus signs, short names of arms, lists in a sentence."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from hpsearch.ablation import Arm, Plan
from hpsearch.search.verdicts import Verdict
from hpsearch.space import Domain, OneMinus

MINUS, SPACE = "−", "\N{NO-BREAK SPACE}"
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
TOP = {"top1": "top-1 accuracy", "top5": "top-5 accuracy"}  # in percent


@dataclass(frozen=True)
class Unit:
    """How a metric is written: its name, the unit of a value and of a difference, decimals."""

    name: str
    value: str
    difference: str
    digits: int

    def of_value(self) -> str:
        """The axis title of a value.

        >>> unit("top1").of_value(), unit("loss").of_value()
        ('top-1 accuracy, %', 'loss')
        """
        return f"{self.name}, {self.value}" if self.value else self.name

    def of_difference(self) -> str:
        """The axis title of a difference."""
        return f"difference in {self.name}" + (f", {self.difference}" if self.difference else "")

    def worth(self, difference: float) -> str:
        """A difference in a sentence.

        >>> unit("top1").worth(-0.4)
        '−0.40 points'
        """
        return number(difference, self.digits, signed=True) + (f" {self.difference}" if self.difference else "")


def unit(metric: str, spread: float | None = None) -> Unit:
    """The unit of a metric; ``spread``, the size of what is to be told apart, sets the decimals where the metric does not."""
    if metric in TOP:
        return Unit(TOP[metric], "%", "points", 2)
    return Unit(metric.replace("_", " "), "", "", decimals(spread))


def decimals(spread: float | None) -> int:
    """Decimals that show two digits of a spread, 3 where none is known.

    >>> decimals(0.12), decimals(35.0), decimals(None)
    (2, 0, 3)
    """
    if not spread or not math.isfinite(spread):
        return 3
    return min(8, max(0, 1 - math.floor(math.log10(abs(spread)))))


def number(value: float | None, digits: int, signed: bool = False) -> str:
    """A number with fixed decimals, a real minus sign and separated thousands; empty where there is none.

    >>> number(-1234.5, 1), number(0.25, 2, signed=True), number(-0.001, 2, signed=True), number(None, 2)
    ('−1,234.5', '+0.25', '0.00', '')
    """
    if value is None or math.isnan(value):
        return ""
    text = f"{value:{'+' if signed else ''},.{digits}f}"
    if not any(character in "123456789" for character in text):
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def compact(value: Any) -> str:
    """A setting in three digits, with a power of ten where it is very large or small.

    >>> print(compact(0.0123), compact(1.25e-5), compact(128), compact("cosine"), sep="; ")
    0.0123; 1.25\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10⁻⁵; 128; cosine
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or value == 0 or not math.isfinite(value):
        return f"{value:,}".replace("-", MINUS)
    if 1e-3 <= abs(value) < 1e4:
        return f"{value:.3g}".replace("-", MINUS) if abs(value) < 1000 else number(value, 0)
    mantissa, exponent = f"{value:.2e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".").replace("-", MINUS)
    return f"{mantissa}{SPACE}×{SPACE}10{str(int(exponent)).translate(SUPERSCRIPT)}"


def setting(value: Any, domain: Domain) -> str:
    """A tuned value in as many digits as its domain calls for: three of 1 - value where that is what was searched.

    >>> from hpsearch.space import Uniform
    >>> setting(0.99951, OneMinus(10 ** Uniform(-4, -1)))
    '0.99951'
    """
    if isinstance(domain, OneMinus) and value < 1:
        return f"{value:.{2 - math.floor(math.log10(1 - value) + 1e-9)}f}".rstrip("0")
    return compact(value)


def span(domain: Domain) -> str:
    """A domain as a reader writes it.

    >>> from hpsearch.space import Choice, Uniform
    >>> span(10 ** Uniform(-3, -1)), span(Choice("step", "cosine"))
    ('0.001 to 0.1', 'step or cosine')
    """
    options = getattr(domain, "options", None)
    if options is not None:
        return " or ".join(compact(option) for option in options)
    return f"{setting(domain.value(0.0), domain)} to {setting(domain.value(1.0), domain)}"


def verdict(each: Verdict) -> str:
    """What is said of one dimension after a round.

    >>> from hpsearch.space import Uniform
    >>> verdict(Verdict("lr", "widened", "high", 10 ** Uniform(-3, 0))), verdict(Verdict("lr", "inside"))
    ('at the edge, widened to 0.001 to 1', 'inside')
    """
    match each.kind:
        case "widened":
            return f"at the edge, widened to {span(each.domain)}" if each.domain is not None else "inside"
        case "limit":
            return f"at its hard limit, the {each.side} end"
        case "edge":
            return f"at the {each.side} edge"
        case "flat":
            return "flat: the score does not follow it here"
        case "inside":
            return "inside"
        case _:
            assert_never(each.kind)


def count(amount: int, noun: str, many: str = "") -> str:
    """An amount with its noun.

    >>> count(1, "seed"), count(1200, "epoch"), count(2, "search", "searches")
    ('1 seed', '1,200 epochs', '2 searches')
    """
    return f"{amount:,} {noun if amount == 1 else many or noun + 's'}"


def seeds_each(seeds: Any) -> str:
    """How many seeds an arm has: a number, or from the first block to the most it may have.

    >>> seeds_each(5)
    '5'
    """
    return f"{seeds:,}" if isinstance(seeds, int) else f"{seeds.start:,} to {seeds.most:,}"


def listed(names: Iterable[str], most: int = 4) -> str:
    """Names in a sentence, the first few where there are many.

    >>> listed(["a", "b", "c"]), listed("abcdefg", most=3)
    ('a, b and c', 'a, b, c and 4 more')
    """
    every = list(names)
    shown = every if len(every) <= most + 1 else every[:most]
    rest = len(every) - len(shown)
    if rest:
        return f"{', '.join(shown)} and {rest} more"
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1]))) if shown else ""


def hours(seconds: float) -> str:
    """A time in the unit that suits it.

    >>> hours(45), hours(600), hours(9000)
    ('45 s', '10 min', '2.5 h')
    """
    if not seconds or math.isnan(seconds):
        return "0 s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:,.1f} h"


def short_names(plan: Plan) -> dict[str, str]:
    """A short name for every arm, by its full name: a rung of a ladder, what lies on the ladder, the full stack, all but one.

    >>> from hpsearch.ablation import Trick, ladder, leave_one_out, one_at_a_time
    >>> a, b, c = (Trick(name, {name: 1}) for name in "abc")
    >>> list(short_names(ladder(a, b, c) | leave_one_out(a, b, c)).values())
    ['base', 'a', 'a + b', 'all 3 tricks', 'all but a', 'all but b']
    >>> d, e = (Trick(name, {name: 1}) for name in "de")
    >>> list(short_names(ladder(a, b, c) >> one_at_a_time(d, e)).values())[-2:]
    ['… + d', '… + e']
    """
    short = {arm.name: _short(arm, plan) for arm in plan.arms}
    taken = list(short.values())
    return {name: each if taken.count(each) == 1 else name for name, each in short.items()}


def _short(arm: Arm, plan: Plan) -> str:
    every = plan.tricks
    absent = [trick for trick in every if trick not in arm.tricks]
    if len(arm.tricks) > 2 and not absent:
        return f"all {len(every)} tricks"
    steps = [c.trick for c in plan.contrasts if c.design == "ladder" and c.trick and (arm, 1.0) in c.weights]
    if steps and len(arm.tricks) > 2:
        return f"… + {steps[0].name}"
    ladder = {trick for c in plan.contrasts if c.design == "ladder" for a, _ in c.weights for trick in a.tricks}
    if len(ladder) > 2 and ladder < set(arm.tricks):
        return " + ".join(["…", *(trick.name for trick in every if trick in arm.tricks and trick not in ladder)])
    return f"all but {absent[0].name}" if len(absent) == 1 and len(every) > 2 and not steps else arm.name


def in_order(plan: Plan, present: Sequence[str]) -> list[str]:
    """The arms of a plan that are present, by name and in the plan's order."""
    return [arm.name for arm in plan.arms if arm.name in present]
