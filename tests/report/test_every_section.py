"""Laws of sections, which are found by scanning: each has a test of its own, a place of its own, and something to say."""

import ast
from collections.abc import Mapping
from pathlib import Path

from stages import STAGES, at

from hpsearch.report import SECTIONS, sections
from hpsearch.report.sections import found

HERE, PACKAGE = Path(__file__).parent, Path(sections.__file__).parent
FUNCTIONS = {f"{section.blocks.__module__.rpartition('.')[2]}.{section.blocks.__name__}" for section in found()}


def imported(tree):
    """What a file imports from files of sections: the name it goes by there to ``file.name``."""
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and "report.sections." in (node.module or "")]
    return {a.asname or a.name: f"{node.module.rpartition('.')[2]}.{a.name}" for node in froms for a in node.names}


def called(tree):
    """Functions of sections, as ``file.name``, that the tests and fixtures of a file call."""
    names, functions = imported(tree), [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    calls = [node.func for function in functions for node in ast.walk(function) if isinstance(node, ast.Call)]
    return {names[func.id] for func in calls if isinstance(func, ast.Name) and func.id in names}


def trees(folder, pattern):
    return [ast.parse(path.read_text(encoding="utf-8")) for path in sorted(folder.glob(pattern))]


def untested(functions, tests):
    return sorted(functions - set().union(*map(called, tests)))


def test_every_section_has_a_test_that_calls_it():
    missing = untested(FUNCTIONS, trees(HERE, "test_*.py"))
    assert missing == [], (
        f"write tests/report/test_{missing[0].partition('.')[0]}.py, which calls the function and looks at its blocks"
    )


def test_a_section_without_a_test_is_named():
    planted = ast.parse("from hpsearch.report.sections.old import old as section\ndef test_it():\n    assert section(1)")
    imported_only = ast.parse("from hpsearch.report.sections.new import new\n")
    assert untested({"old.old", "new.new"}, [planted, imported_only]) == ["new.new"]


def test_every_section_has_a_place_of_its_own():
    places = [section.place for section in found()]
    assert len(set(places)) == len(places) == len(SECTIONS), "two sections have one place or one heading: choose another"


def strays(sources: Mapping[str, ast.Module]):
    """Files that declare no section and that no other file draws from: a declaration was forgotten or misspelt."""
    declared = {name for name, tree in sources.items() if "SECTION" in {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}}
    used = {each.partition(".")[0] for tree in sources.values() for each in imported(tree).values()}
    return sorted(sources.keys() - declared - used)


def test_every_file_of_sections_declares_one_or_draws_a_part_of_one():
    files = sorted(path for path in PACKAGE.glob("*.py") if path.name != "__init__.py")
    astray = strays({path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in files})
    assert astray == [], "end each of these files with SECTION = Section(place, heading, function)"


def test_a_file_without_its_declaration_is_named():
    whole = "from hpsearch.report.sections.part import drawn\nSECTION = Section(1, 'Whole', drawn)"
    planted = {"whole": whole, "part": "def drawn(): ...", "misspelt": "SECTON = Section(2, 'Lost', lost)"}
    assert strays({name: ast.parse(text) for name, text in planted.items()}) == ["misspelt"]


def test_every_section_says_something_of_some_study():
    stages = ("some-failed", *STAGES)  # the first has something for nearly all
    silent = [heading for heading, section in SECTIONS.items() if not any(section(at(stage)) for stage in stages)]
    assert silent == [], "add a study that it speaks of to tests/report/stages.py"
