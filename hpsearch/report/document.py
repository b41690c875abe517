"""The page: one HTML file that needs nothing else, and beside it the same in Markdown and the effects as CSV."""

import base64
import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from weakref import WeakKeyDictionary

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from hpsearch.errors import Refused
from hpsearch.report.blocks import Block, Chart, Fold, plain
from hpsearch.report.needed import seconds_needed
from hpsearch.report.sections import SECTIONS
from hpsearch.report.sections.contrasts import effects_frame
from hpsearch.report.spreadsheet import csv_of
from hpsearch.report.templates import render, text_of
from hpsearch.results.evidence import Evidence
from hpsearch.results.inference import effects


@dataclass(frozen=True)
class Part:
    """One section with its heading and the id it is reached by."""

    title: str
    blocks: tuple[Block, ...]

    @property
    def anchor(self) -> str:
        """The title in small letters and hyphens."""
        return re.sub("[^a-z0-9]+", "-", self.title.lower()).strip("-")


_made: "WeakKeyDictionary[Evidence, tuple[Part, ...]]" = WeakKeyDictionary()  # page, Markdown and tables are made of the same


def parts(evidence: Evidence) -> tuple[Part, ...]:
    """Every section that has something to say."""
    if evidence not in _made:
        made = (Part(title, section(evidence)) for title, section in SECTIONS.items())
        _made[evidence] = tuple(part for part in made if part.blocks)
    return _made[evidence]


def page(evidence: Evidence) -> str:
    """The whole page: style, data and scripts inside it, scripts allowed by their hash and nothing else allowed."""
    made = parts(evidence)
    drawn = _charts([block for part in made for block in part.blocks])
    scripts = [text_of("boot.js")] if drawn else []
    if drawn:
        scripts.insert(0, _plotly())
    text = render(
        "page.html.j2",
        question=evidence.study.question,
        name=evidence.name,
        origin=origin(evidence),
        parts=made,
        style=Markup(text_of("page.css")),
        policy=policy(scripts),
        scripts=[Markup(script) for script in scripts],
    )
    return str(text)  # what is done with the page outside must not be escaped as if it were part of it


def origin(evidence: Evidence) -> str:
    """What the page was made from, for its last line."""
    return f"the record of the study “{evidence.name}”" if evidence.study.trains else "results made elsewhere"


def markdown(evidence: Evidence) -> str:
    """The same sections as Markdown; a chart becomes its caption and its numbers in words."""
    lines = [f"# {plain(evidence.study.question)}", f"Study: {plain(evidence.name)}"]
    for part in parts(evidence):
        lines += [f"## {plain(part.title)}", *(block.markdown() for block in part.blocks)]
    return "\n\n".join(lines) + "\n"


def csv(evidence: Evidence) -> str:
    """The contrasts in full precision."""
    estimated = effects(evidence)
    return csv_of(effects_frame(estimated, seconds_needed(evidence, estimated)))


def write(evidence: Evidence, out: Path) -> tuple[Path, ...]:
    """Write ``out`` and beside it ``.md`` and ``.csv``; each appears whole or not at all."""
    out = Path(out)
    if out.suffix.lower() not in (".html", ".htm"):
        raise Refused(f"a report is an HTML file: name it {out.with_suffix('.html').name}, got {out.name}")
    texts = {out: page(evidence), out.with_suffix(".md"): markdown(evidence), out.with_suffix(".csv"): csv(evidence)}
    out.parent.mkdir(parents=True, exist_ok=True)
    return tuple(replace_file(path, text) for path, text in texts.items())


def policy(scripts: list[str]) -> str:
    """A content security policy under which exactly these scripts run and nothing is fetched.

    >>> policy(["1"])
    "default-src 'none'; script-src 'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='; style-src 'unsafe-inline'; \
img-src data: blob:; base-uri 'none'; form-action 'none'"
    """
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
    return (
        f"default-src 'none'; script-src {hashes or chr(39) + 'none' + chr(39)}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _charts(blocks: list[Block]) -> list[Chart]:
    inside = [inner for block in blocks if isinstance(block, Fold) for inner in _charts(list(block.blocks))]
    return [block for block in blocks if isinstance(block, Chart)] + inside


@cache
def _plotly() -> str:
    """plotly.js, as a browser will read it: a hash is taken of the text after line ends are made one kind."""
    script = get_plotlyjs().replace("\r\n", "\n").replace("\r", "\n")
    if re.search("</script|<!--", script, re.IGNORECASE):
        script = re.sub("</(script)", r"<\\/\1", script, flags=re.IGNORECASE).replace("<!--", "<\\!--")
    return str(script)


def replace_file(path: Path, text: str) -> Path:
    """Write a text that appears whole or not at all; where it lies."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(temporary, 0o644)  # mkstemp makes it private, and a report is to be read
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path
