"""Families of contrasts by name: what designs call their contrasts, and how a contrast of one trick reads in each."""

LADDER, ALONE, LAST, GAP = "ladder", "one at a time", "leave one out", "last minus first"
ORDERS, FACTORIAL, FRACTION, SCREENING = "orders", "factorial", "fractional factorial", "Plackett-Burman"

# How a contrast of one trick reads, from the trick's first place to its last.
READINGS = {
    ALONE: "alone",
    LADDER: "in the ladder",
    ORDERS: "mean over orders",
    FACTORIAL: "main effect",
    FRACTION: "main effect, fraction",
    SCREENING: "main effect, screening",
    LAST: "in the full stack",
}
