"""Numbers and names as a reader sees them: units, minus signs, short names of arms, lists in a sentence."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, assert_never

from hpsearch.ablation import Arm, Plan
from hpsearch.search.verdicts import Verdict
from hpsearch.space import Domain, OneMinus

MINUS, SPACE = "−", "\N{NO-BREAK SPACE}"
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
POWER = f"{SPACE}×{SPACE}10"  # before an exponent
PLAIN = range(7)  # decimals that are written out; more or fewer take a power of ten
TOP = {"top1": "top-1 accuracy", "top5": "top-5 accuracy"}  # in percent


@dataclass(frozen=True)
class Unit:
    """How a metric is written: its name, the unit of a value and of a difference, decimals where a number has no spread."""

    name: str
    value: str
    difference: str
    digits: int
    figures: int = 2  # of a spread that are shown
    least: int = -99  # decimals that every number has

    def at(self, spread: float | None) -> "Unit":
        """The unit with the decimals that a number's own spread calls for: half of its interval, its standard deviation.

        >>> unit("loss").at(0.0031).worth(-0.00042), unit("top1").at(0.31).worth(0.4), unit("top1").at(0.0031).worth(0.004)
        ('−0.0004', '+0.40 points', '+0.004 points')
        """
        return replace(self, digits=max(self.least, decimals(spread, self.figures))) if known(spread) else self

    def of_value(self) -> str:
        """The axis title of a value.

        >>> unit("top1").of_value(), unit("loss").of_value()
        ('top-1 accuracy, %', 'loss')
        """
        return f"{self.name}, {self.value}" if self.value else self.name

    def of_difference(self) -> str:
        """The axis title of a difference."""
        return f"difference in {self.name}" + (f", {self.difference}" if self.difference else "")

    def number(self, value: float) -> str:
        """A value without its unit."""
        return number(value, self.digits)

    def worth(self, difference: float) -> str:
        """A difference in a sentence.

        >>> unit("top1").worth(-0.4)
        '−0.40 points'
        """
        return number(difference, self.digits, signed=True) + (f" {self.difference}" if self.difference else "")


def unit(metric: str, spread: float | None = None) -> Unit:
    """The unit of a metric; ``spread``, the size of what is to be told apart, sets the decimals where the metric does not."""
    if metric in TOP:
        return Unit(TOP[metric], "%", "points", 2, figures=1, least=2)
    return Unit(metric.replace("_", " "), "", "", decimals(spread))


def known(spread: float | None) -> bool:
    """Whether a spread can say how many decimals are worth showing."""
    return bool(spread) and spread is not None and math.isfinite(spread)


def decimals(spread: float | None, figures: int = 2) -> int:
    """Decimals that show the first figures of a spread, 3 where none is known; below zero from a million on.

    >>> decimals(0.12), decimals(35.0), decimals(3500.0), decimals(2.5e7), decimals(None)
    (2, 0, 0, -6, 3)
    """
    if spread is None or not known(spread):
        return 3
    found = figures - 1 - math.floor(math.log10(abs(spread)))
    return found if found <= -5 else max(0, found)


def number(value: float | None, digits: int, signed: bool = False) -> str:
    """A number to so many decimals, with a real minus sign and separated thousands; empty where there is none.

    What would read as zero, and is not, shows its first figure; very many or negative decimals are written by a power of ten.

    >>> number(-1234.5, 1), number(0.25, 2, signed=True), number(0.0, 2, signed=True), number(None, 2)
    ('−1,234.5', '+0.25', '0.00', '')
    >>> print(number(-0.0004, 2), number(1.234e-9, 11), number(1.234e9, -6, signed=True), sep="; ")
    −0.0004; 1.23\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10⁻⁹; +1.234\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10⁹
    """
    if value is None or math.isnan(value):
        return ""
    if value and math.isfinite(value):
        digits = max(digits, min(-math.floor(math.log10(abs(value))), PLAIN[-1])) if _reads_as_zero(value, digits) else digits
        if digits not in PLAIN or _reads_as_zero(value, digits):
            return _by_power(value, digits, signed)
    text = f"{value:{'+' if signed and value else ''},.{max(0, digits)}f}"
    return (text if value else text.lstrip("-")).replace("-", MINUS)


def _reads_as_zero(value: float, digits: int) -> bool:
    return digits in PLAIN and not float(f"{value:.{digits}f}")


def _by_power(value: float, digits: int, signed: bool) -> str:
    """A number to so many decimals as a mantissa and a power of ten."""
    figures = max(0, math.floor(math.log10(abs(value))) + digits)
    mantissa, exponent = f"{value:{'+' if signed else ''}.{min(16, figures)}e}".split("e")
    return f"{mantissa.replace('-', MINUS)}{POWER}{str(int(exponent)).translate(SUPERSCRIPT)}"


def readable(text: str) -> str:
    """A printed number as programs read it: an ASCII minus sign, and e for a power of ten.

    >>> readable(number(-1.2e-9, 11)), readable("about −3")
    ('-1.20e-9', 'about -3')
    """
    found = re.fullmatch(rf"([+{MINUS}]?[\d.]+){POWER}([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", text)
    exponents = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    return (f"{found[1]}e{found[2].translate(exponents)}" if found else text).replace(MINUS, "-")


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
    return f"{mantissa}{POWER}{str(int(exponent)).translate(SUPERSCRIPT)}"


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
    steps = [c.trick for c in plan.contrasts if c.on_ladder and c.trick and (arm, 1.0) in c.weights]
    if steps and len(arm.tricks) > 2:
        return f"… + {steps[0].name}"
    ladder = {trick for rung in plan.rungs for trick in rung.tricks}
    if len(ladder) > 2 and ladder < set(arm.tricks):
        return " + ".join(["…", *(trick.name for trick in every if trick in arm.tricks and trick not in ladder)])
    return f"all but {absent[0].name}" if len(absent) == 1 and len(every) > 2 and not steps else arm.name


def in_order(plan: Plan, present: Sequence[str]) -> list[str]:
    """The arms of a plan that are present, by name and in the plan's order."""
    return [arm.name for arm in plan.arms if arm.name in present]
