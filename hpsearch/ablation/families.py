"""Families of contrasts by name: what designs call their contrasts, and how a contrast of one trick reads in each.

A design may call its contrasts anything; those that the report treats in a way of their own are here.
"""

LADDER, ALONE, LAST, GAP = "ladder", "one at a time", "leave one out", "last minus first"
ORDERS, FACTORIAL, FRACTION, SCREENING = "orders", "factorial", "fractional factorial", "Plackett-Burman"

# How a contrast of one trick reads, from the trick's first place to its last; in any other family as that is called.
READINGS = {
    ALONE: "alone",
    LADDER: "in the ladder",
    ORDERS: "mean over orders",
    FACTORIAL: "main effect",
    FRACTION: "main effect, fraction",
    SCREENING: "main effect, screening",
    LAST: "in the full stack",
}
