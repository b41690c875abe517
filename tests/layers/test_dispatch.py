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
    "results/declined.py: verdict == 'again'": "only what was declined stays so",
    "results/older.py: self.decision != 'again'": "what is declined now is written down for the present too",
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


def each_literal(tree: ast.Module) -> Iterator[frozenset[str]]:
    """Texts in every Literal of a file; the empty one, which says that there is none, is asked about everywhere."""
    for found in (n for n in ast.walk(tree) if isinstance(n, ast.Subscript) and ast.unparse(n.value) == "Literal"):
        constants = (c.value for c in ast.walk(found.slice) if isinstance(c, ast.Constant))
        yield frozenset(value for value in constants if isinstance(value, str) and value)


def literals(tree: ast.Module) -> set[str]:
    return set().union(*each_literal(tree))


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


# mappings of some choices of a Literal, which are read with ``get`` or ``in``
SOME = {
    "results/frames.py: adopted, kept": "the others are said of no row",
}


def partial(tree: ast.Module, choices: list[frozenset[str]]) -> Iterator[str]:
    """Mappings written out in a file that have some choices of a Literal as their keys, and not all."""
    written = (node for node in ast.walk(tree) if isinstance(node, ast.Dict) and len(node.keys) > 1)
    for node in written:
        keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
        whole = [each for each in choices if len(keys) == len(node.keys) and keys <= each]
        if whole and keys not in whole:
            yield ", ".join(sorted(map(str, keys)))


def test_a_mapping_over_a_choice_has_a_value_for_every_one() -> None:
    """Where a match would be longer than a table: a choice without an entry would be a KeyError in somebody's study."""
    choices = [each for _, tree in sources() for each in each_literal(tree)]
    found = {f"{path.parent.name}/{path.name}: {each}" for path, tree in sources() for each in partial(tree, choices)}
    assert found - SOME.keys() == set(), "give the mapping an entry for every choice of its Literal"
    assert SOME.keys() - found == set(), "no longer there"


def test_the_law_sees_a_planted_mapping() -> None:
    planted = ast.parse("Name = Literal['a', 'b', 'c']\nSIZES = {'a': 1, 'b': 2}\nWHOLE = {'a': 1, 'b': 2, 'c': 3}")
    assert list(partial(planted, list(each_literal(planted)))) == ["a, b"]


def test_the_law_sees_a_planted_comparison() -> None:
    planted = ast.parse("Form = Literal['paper', 'code']\nvalue = 1 if form == 'paper' else 2")
    assert literals(planted) == {"paper", "code"}
    assert list(compared(planted, literals(planted))) == ["form == 'paper'"]
