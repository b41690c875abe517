"""LaTeX: text that cannot be read as a command, and tables in booktabs that pdflatex compiles with nothing but its own packages."""

import re
import unicodedata
from collections.abc import Sequence
from itertools import groupby

PREAMBLE = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp,array,booktabs,longtable,graphicx}
\usepackage[a4paper,landscape,margin=15mm]{geometry}
\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}
"""
LONG = 36  # rows beyond which a table goes over pages
WIDE = 9.0  # rem from which a column of words is set as a paragraph
SPECIAL = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "%&#$_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",  # after \\ it would begin an option
    "]": "{]}",
    "*": "{*}",  # and this a star
    "−": "$-$",
    "×": r"$\times$",
    "±": r"$\pm$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≈": r"$\approx$",
    "→": r"$\rightarrow$",
    "∞": r"$\infty$",
    "…": r"\ldots{}",
    "“": r"\textquotedblleft{}",
    "”": r"\textquotedblright{}",
    "‘": r"\textquoteleft{}",
    "’": r"\textquoteright{}",
    "–": r"\textendash{}",
    "—": r"\textemdash{}",
    "·": r"\textperiodcentered{}",
    "°": r"\textdegree{}",
    "µ": r"$\mu$",
    "\N{NO-BREAK SPACE}": "~",
    **{raised: rf"\textsuperscript{{{plain}}}" for raised, plain in zip("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789", strict=True)},
}
GREEK = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi omega"
GREEK_LETTERS = {
    unicodedata.lookup(f"GREEK SMALL LETTER {name.replace('lambda', 'lamda').upper()}"): name for name in GREEK.split()
}
ACCENTED = set(map(chr, range(0xA1, 0x180))) - set("\N{SOFT HYPHEN}ĦħĸĿŀŉŦŧſ")  # what T1 and utf8 set without further packages


def escaped(text: str) -> str:
    r"""Text as pdflatex prints it, on one line; letters that its fonts do not have stand as their code point.

    >>> print(escaped(r"50% of a_b & $x$ \input{~/.ssh} ^2 [1] -- 用"))
    50\% of a\_b \& \$x\$ \textbackslash{}input\{\textasciitilde{}/.ssh\} \textasciicircum{}2 {[}1{]} -{}- {[}U+7528{]}
    """
    words = re.split("[^\\S\N{NO-BREAK SPACE}]+", text)  # spaces that must not break are kept
    apart = re.sub(r"([-,])(?=\1)", "\\1\0", " ".join(filter(None, words)))  # two would become a dash, or a quotation mark
    return "".join("{}" if letter == "\0" else _letter(letter) for letter in apart)


def _letter(character: str) -> str:
    if character in SPECIAL:
        return SPECIAL[character]
    if " " <= character <= "~" or character in ACCENTED:
        return character
    if character in GREEK_LETTERS:
        return f"$\\{GREEK_LETTERS[character]}$"
    plain = unicodedata.normalize("NFKD", character)
    if plain != character and all(" " <= letter <= "~" for letter in plain):  # ligatures, wide and styled letters
        return "".join(map(_letter, plain))
    return f"{{[}}U+{ord(character):04X}{{]}}"


def tabular(
    name: str,
    caption: str,
    heads: Sequence[str],
    over: Sequence[str],
    right: Sequence[bool],
    widths: Sequence[float],
    groups: Sequence[tuple[str, Sequence[Sequence[str]]]],
    note: str = "",
) -> str:
    """A table by booktabs: ``groups`` are rows under a heading of their own, which is empty where there is none.

    Up to ``LONG`` rows it floats and is made narrower where it would leave the page; longer ones go over pages.
    """
    columns = "".join(_column(flush, width) for flush, width in zip(right, widths, strict=True))
    head = [*_spanners(over), rf"{' & '.join(map(escaped, heads))} \\", r"\midrule"]
    body = [line for heading, rows in groups for line in _group(heading, rows, len(heads))]
    long = len(body) > LONG
    titled = rf"\caption{{{escaped(caption)}}}\label{{tab:{name}}}"
    if long:
        top = [rf"\begin{{longtable}}{{{columns}}}", rf"{titled} \\", r"\toprule", *head, r"\endfirsthead", r"\toprule", *head]
        lines = [*top, r"\endhead", *body, r"\bottomrule", r"\end{longtable}"]
        return "\n".join([*lines, *([rf"{{\footnotesize {escaped(note)}\par}}"] if note else []), ""])
    fitted = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
    top = [r"\begin{table}[htbp]", r"\centering", titled, fitted, rf"\begin{{tabular}}{{{columns}}}", r"\toprule", *head]
    lines = [*top, *body, r"\bottomrule", r"\end{tabular}}"]
    lines += [rf"\par\smallskip{{\footnotesize {escaped(note)}\par}}"] if note else []
    return "\n".join([*lines, r"\end{table}", ""])


def document(names: Sequence[str], title: str) -> str:
    """One document that holds the tables of these files, named without their suffix."""
    inputs = [rf"\input{{{name}}}" + (r"\clearpage" if n % 12 == 11 else "") for n, name in enumerate(names)]
    return "\n".join([PREAMBLE + r"\begin{document}", rf"\section*{{{escaped(title)}}}", *inputs, r"\end{document}", ""])


def _column(flush: bool, width: float) -> str:
    if flush:
        return "r"
    return rf">{{\raggedright\arraybackslash}}p{{{min(width, 22):g}em}}" if width >= WIDE else "l"


def _spanners(over: Sequence[str]) -> list[str]:
    """The row of headings that neighbours share, with a rule under each."""
    if not any(over):
        return []
    cells, rules, at = [], [], 1
    for heading, members in groupby(over):
        size = len(list(members))
        cells.append(rf"\multicolumn{{{size}}}{{c}}{{{escaped(heading)}}}" if heading else " & ".join([""] * size))
        rules += [rf"\cmidrule(lr){{{at}-{at + size - 1}}}"] if heading else []
        at += size
    return [rf"{' & '.join(cells)} \\", "".join(rules)]


def _group(heading: str, rows: Sequence[Sequence[str]], columns: int) -> list[str]:
    first = [rf"\multicolumn{{{columns}}}{{l}}{{\textit{{{escaped(heading)}}}}} \\"] if heading else []
    return [*first, *(rf"{' & '.join(map(escaped, row))} \\" for row in rows)]
