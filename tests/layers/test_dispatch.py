"""Which case a choice is stands in a ``match`` that ends in ``assert_never``: a choice that is added must not do another one's work."""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "hpsearch"

# comparisons that ask about one choice only, and do with all others, also such as are still to come, what is right for them
ASKED = {
    "images/loop.py: recipe.precision == 'fp16'": "a metric more for it",
    "images/loop.py: recipe.pixels == 'own'": "what is left has a type of its own, ImageNets, at which mypy fails",
    "images/recipe.py: self.schedule == 'plateau'": "only plateau watches a loss",
    "images/recipe.py: self.plateau_on == 'tuning'": "only this takes the tuning slice away from training",
    "images/remarks.py: recipe.schedule == 'cyclic'": "a remark about cycles",
    "images/variants.py: seen == 'B'": "a law: A and B share names and shapes",
    "images/variants.py: variant == 'A'": "a law: A and B share names and shapes",
    "images/weights.py: variant == 'A'": "only A has another stride than names and shapes are read as",
    "images/recipe.py: recipe.schedule == 'step'": "a law about milestones",
    "networks/resnet.py: self.downsample_in == '1x1'": "a law about basic blocks",
    "networks/resnet.py: self.norm == 'group'": "a law about groups",
    "networks/resnet.py: self.norm == 'none'": "a law about zero gamma",
    "search/round.py: kind == 'grid'": "a grid that has no new point is followed by Sobol points",
    "search/round.py: proposals == 'grid'": "a grid is laid at once",
    "search/tune.py: self.confirm != 'auto'": "the others are given as they are",
    "search/tune.py: self.confirm == 'auto'": "a law",
    "search/tune.py: self.proposals != 'grid'": "what a grid leaves over is said",
    "search/walk.py: self.steps[0].kind == 'found'": "whether there is such a step",
    "study/checks.py: study.tune.arms == 'stack'": "a law about the stack",
    "imports/assembled.py: question.goal == 'minimise'": "a text of the command line, which Elsewhere has checked",
    "sections/order_effects.py: over == 'base'": "no choice: the name of an arm",
    "results/edits.py: each.kind == 'code'": "functions are named for code only",
    "results/older.py: c.kind == 'code'": "only code can be proved equal",
    "results/older.py: cause.kind == 'code'": "functions are named for code only",
    "results/older.py: verdict == 'adopted'": "only what was proved equal vouches for other code",
    "sections/panels.py: best['called'] == 'again'": "no choice: a word of ours",
    "sections/search.py: frame['round'] == 'again'": "no choice: a word of ours",
    "sections/methods.py: machine != 'none'": "no choice: a word of ours",
}


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if "templates" not in path.parts:
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def literals(tree: ast.Module) -> set[str]:
    """Texts in the Literals of a file; the empty one, which says that there is none, is asked about everywhere."""
    found = (n for n in ast.walk(tree) if isinstance(n, ast.Subscript) and ast.unparse(n.value) == "Literal")
    return {
        c.value for n in found for c in ast.walk(n.slice) if isinstance(c, ast.Constant) and isinstance(c.value, str) and c.value
    }


def compared(tree: ast.Module, choices: set[str]) -> Iterator[str]:
    """Comparisons with one of the choices by == or !=."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq):
            sides = (node.left, *node.comparators)
            yield from (ast.unparse(node) for side in sides if isinstance(side, ast.Constant) and side.value in choices)


def test_a_choice_is_told_by_match_and_nothing_else() -> None:
    choices = set().union(*(literals(tree) for _, tree in sources()))
    found = {f"{path.parent.name}/{path.name}: {each}" for path, tree in sources() for each in compared(tree, choices)}
    assert found - ASKED.keys() == set(), "write a match that ends in assert_never"
    assert ASKED.keys() - found == set(), "no longer there"


def test_every_match_over_a_choice_ends_in_assert_never() -> None:
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Match):
                last = ast.unparse(node.cases[-1].body[-1])
                assert last.startswith("assert_never("), f"{path}:{node.lineno}"


def test_the_law_sees_a_planted_comparison() -> None:
    planted = ast.parse("Form = Literal['paper', 'code']\nvalue = 1 if form == 'paper' else 2")
    assert literals(planted) == {"paper", "code"}
    assert list(compared(planted, literals(planted))) == ["form == 'paper'"]
