"""Ablation: tricks, arms, contrasts, plans, and the designs that make them."""

from hpsearch.ablation.designs import first_and_last, ladder, leave_one_out, one_at_a_time
from hpsearch.ablation.factorials import factorial, fractional_factorial, plackett_burman
from hpsearch.ablation.orders import orders
from hpsearch.ablation.plan import Contrast, Plan, difference
from hpsearch.ablation.seeds import Seeds
from hpsearch.ablation.teacher import Teacher, Trained, resolved
from hpsearch.ablation.trick import Arm, Claim, Rung, Trick

__all__ = [
    "Arm",
    "Claim",
    "Contrast",
    "Plan",
    "Rung",
    "Seeds",
    "Teacher",
    "Trained",
    "Trick",
    "difference",
    "factorial",
    "first_and_last",
    "fractional_factorial",
    "ladder",
    "leave_one_out",
    "one_at_a_time",
    "orders",
    "plackett_burman",
    "resolved",
]
