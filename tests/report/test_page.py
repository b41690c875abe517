"""Laws of the page: over every stage a study can be in, and with hostile text in every place that takes text."""

import base64
import hashlib
import io
import re
import stat
from dataclasses import replace
from itertools import pairwise

import pandas as pd
import pytest
from reading import charts, pipe_tables, texts, tree
from stages import STAGES, at, page_at
from synthetic import Config, evidence, full, surviving, top1, train

from hpsearch import Claim, Refused, Space, Trick, Tune, Uniform, ladder, leave_one_out
from hpsearch.report import SECTIONS, csv, markdown, page, write
from hpsearch.results.inference import effects
from hpsearch.search import Round

EVIL = "</script></title></style><script>alert(1)</script><img src=x onerror=alert(2)><a href=javascript:alert(3)>{{7*7}}|`"


@pytest.fixture(params=list(STAGES))
def stage(request):
    return request.param


def test_every_stage_gives_a_well_formed_page(stage):
    root = tree(page_at(stage))
    html = root.all("html")[0]
    assert html.attributes["lang"] == "en"
    assert root.all("title")[0].text.strip()
    assert len(root.all("h1")) == 1
    ids = [node.attributes["id"] for node in root.all() if "id" in node.attributes]
    assert sorted(ids) == sorted(set(ids))


def test_headings_go_down_one_level_at_a_time(stage):
    levels = [int(node.tag[1]) for node in tree(page_at(stage)).all() if re.fullmatch("h[1-6]", node.tag)]
    assert levels[0] == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


def test_the_contents_name_every_section(stage):
    root = tree(page_at(stage))
    targets = [node.attributes["href"] for node in root.all("nav")[0].all("a")]
    assert targets == [f"#{node.attributes['id']}" for node in root.all("section")]


def test_every_reference_to_an_id_is_met(stage):
    root = tree(page_at(stage))
    ids = {node.attributes.get("id") for node in root.all()}
    for node in root.all():
        for attribute in ("aria-labelledby", "headers"):
            assert set((node.attributes.get(attribute) or "").split()) <= ids
        if node.tag == "a":
            assert node.attributes["href"].removeprefix("#") in ids


def test_tables_have_captions_and_scopes_and_charts_have_words(stage):
    root = tree(page_at(stage))
    for table in root.all("table"):
        assert len(table.all("caption")) == 1
        assert table.all("caption")[0].words()
        assert all(cell.attributes.get("scope") in ("col", "row", "colgroup") for cell in table.all("th"))
    plots = [node for node in root.all("div") if node.attributes.get("class") == "plot"]
    assert all(len(node.attributes["aria-label"]) > 10 for node in plots)
    assert {f"{node.attributes['id'].removesuffix('-plot')}-data" for node in plots} == set(charts(root))


def test_no_chart_is_empty(stage):
    for name, chart in charts(tree(page_at(stage))).items():
        assert any(value is not None for trace in chart["data"] for value in trace["x"]), name


def test_the_page_asks_the_network_for_nothing(stage):
    root = tree(page_at(stage))
    fetching = {"link", "iframe", "object", "embed", "base", "img", "video", "audio", "form", "source"}
    assert not [node.tag for node in root.all() if node.tag in fetching]
    assert not [node for node in root.all() if node.attributes.get("src") or any(key.startswith("on") for key in node.attributes)]
    assert all((node.attributes.get("href") or "#").startswith("#") for node in root.all())


def test_exactly_the_scripts_of_the_page_may_run(stage):
    root = tree(page_at(stage))
    policy = next(n.attributes["content"] for n in root.all("meta") if n.attributes.get("http-equiv") == "Content-Security-Policy")
    scripts = [node.text for node in root.all("script") if node.attributes.get("type") != "application/json"]
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert policy.startswith("default-src 'none'; ")
    assert re.findall("'sha256-([^']+)'", policy) == hashes
    assert not any(word in policy for word in ("unsafe-eval", "http", "*"))
    assert "'unsafe-inline'" not in re.search("script-src([^;]*);", policy)[1]


def test_the_page_can_be_mailed(stage):
    assert len(page_at(stage).encode()) < 6_000_000


def test_nothing_is_shown_as_nan_or_none(stage):
    root = tree(page_at(stage))
    cells = [cell.words() for cell in root.all("td")] + [p.words() for p in root.all("p")] + [p.words() for p in root.all("dd")]
    assert not [cell for cell in cells if re.search(r"\b(nan|NaN|None|NaT|<NA>|inf)\b", cell) and "loss is NaN" not in cell]


def test_every_stage_gives_markdown_with_the_same_sections(stage):
    root = tree(page_at(stage))
    text = markdown(at(stage))
    titles = re.findall("^## (.*)$", text, re.MULTILINE)
    assert titles == [node.words() for node in root.all("h2")]
    assert len(pipe_tables(text)) == len(root.all("table"))


def test_csv_holds_the_effects_in_full_precision(stage):
    read = pd.read_csv(io.StringIO(csv(at(stage))), keep_default_na=False)
    estimated = effects(at(stage))
    # a spreadsheet would take "+ mixup" for a formula
    assert read["contrast"].tolist() == ["'" + e.name if e.name[0] in "=+-@" else e.name for e in estimated]
    assert [float(value) if value != "" else None for value in read["low"]] == [e.low for e in estimated]
    assert [float(value) if value != "" else None for value in read["difference"]] == [e.value for e in estimated]


def test_markdown_tables_read_back_to_the_right_numbers():
    table = next(table for table in pipe_tables(markdown(at("whole"))) if "Contrast" in table[0])
    for row, effect in zip(table, effects(at("whole")), strict=True):
        assert row["Contrast"] == effect.name
        assert float(row["Difference"]) == pytest.approx(effect.value, abs=0.005)
        assert float(row["95 % interval, simultaneous: low"]) == pytest.approx(effect.low, abs=0.005)


def hostile():
    """Evidence with markup wherever a user or an error can put text."""
    one = Trick(f"one {EVIL}", {"schedule": EVIL}, EVIL, (Claim(0.5, EVIL, EVIL, note=EVIL),))
    two = Trick(f"two {EVIL}", {"warmup": 5}, EVIL, (Claim(-0.5, EVIL, EVIL),))
    three = Trick(f"three {EVIL}", {"smoothing": 0.1})
    plan = ladder(one, two, three) | leave_one_out(one, two, three)
    plan = replace(plan, contrasts=tuple(replace(c, design=f"{c.design} {EVIL}") for c in plan.contrasts))
    rounds = (Round(points=8, epochs=2, keep=2), Round(points=6, epochs=3))
    study = full(question=EVIL, vary=plan, tune=Tune(Space(learning_rate=10 ** Uniform(-2, 0)), rounds, arms="base"))
    metrics = {f"loss {EVIL}": lambda t, e: 1.0 + e, "top1": top1, f"{EVIL}_per_second": lambda t, e: 5.0}
    score = surviving(lambda trial: trial.seed % 4 != 3)
    provenance = {EVIL: EVIL, "Commit": EVIL}
    return evidence(study, score, metrics=metrics, reason=EVIL, name=EVIL, provenance=provenance, study_text=EVIL)


def test_hostile_text_stays_text():
    text = page(hostile())
    root = tree(text)
    assert not {node.tag for node in root.all()} & {"img", "iframe", "object", "link", "base", "form"}
    assert len([node for node in root.all("script") if node.attributes.get("type") != "application/json"]) == 2
    assert all((node.attributes.get("href") or "#").startswith("#") for node in root.all())
    assert not [node for node in root.all() if any(key.startswith("on") for key in node.attributes)]
    assert len(root.all("style")) == len(root.all("title")) == 1
    assert "alert(1)" in root.all("h1")[0].text  # it is shown, as letters
    assert root.all("h1")[0].text == EVIL
    assert "49" not in root.all("h1")[0].text


def test_hostile_text_is_escaped_for_plotly_which_reads_html_in_labels():
    found = charts(tree(page(hostile())))
    assert found
    allowed = re.compile(r"</?(b|br|extra)>")
    for text in texts(found):
        assert "<" not in allowed.sub("", text)


def test_hostile_text_cannot_leave_a_markdown_table_or_become_html():
    text = markdown(hostile())
    outside = re.sub(r"^(`{3,}).*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)  # code blocks show letters as they are
    assert "<" not in outside
    for table in pipe_tables(text):
        assert table


def test_hostile_csv_reads_back():
    read = pd.read_csv(io.StringIO(csv(hostile())))
    assert read["contrast"].tolist() == ["'" + e.name if e.name[0] in "=+-@" else e.name for e in effects(hostile())]


def test_write_puts_three_files_side_by_side_and_leaves_no_others(tmp_path):
    out = tmp_path / "deep" / "report.html"
    paths = write(at("no-search"), out)
    assert [path.name for path in paths] == ["report.html", "report.md", "report.csv"]
    assert sorted(path.name for path in out.parent.iterdir()) == ["report.csv", "report.html", "report.md"]
    assert out.read_text(encoding="utf-8") == page(at("no-search"))
    assert stat.S_IMODE(out.stat().st_mode) == 0o644


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    out = tmp_path / "report.html"
    out.write_text("old")
    monkeypatch.setattr("os.replace", lambda *paths: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write(at("no-search"), out)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert out.read_text() == "old"


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(Refused, match=r"a report is an HTML file: name it report\.html, got report\.pdf"):
        write(at("no-search"), tmp_path / "report.pdf")


def test_the_same_evidence_gives_the_same_page():
    assert page(at("some-failed")) == page(at("some-failed"))


def test_a_study_of_ones_own_function_needs_nothing_of_ours():
    study = full(base=Config(epochs=3), train=train, metric="score of mine", goal="minimise", tune=None)
    text = page(evidence(study, lambda t: 1e-5 * (100 - top1(t)), metrics={"score of mine": lambda t, e: 1e-5 * (100 - top1(t))}))
    assert "score of mine" in tree(text).all("main")[0].words()


def test_of_a_whole_study_the_page_says_all_that_is_asked_of_every_one():
    said = {title for title, section in SECTIONS.items() if section(at("some-failed"))}
    assert said >= {
        "The answer",
        "The ladder",
        "The ablation in numbers",
        "The ablation in pictures",
        "Interactions and orders",
        "The search",
        "Learning curves",
        "What it cost",
        "What failed",
        "Methods",
        "Where it comes from",
    }
