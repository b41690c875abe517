"""Blocks: refusals, escaping, numbers in HTML, Markdown and CSV."""

import io

import pandas as pd
import plotly.graph_objects as go
import pytest
from reading import pipe_tables, tree

from hpsearch import Refused
from hpsearch.report import Chart, Code, Column, Facts, Fold, Heading, Table, Text
from hpsearch.report.blocks import embedded
from hpsearch.report.charts import label

FRAME = pd.DataFrame({"name": ["<b>x</b>", "y | z"], "value": [-1.2345, float("nan")], "kind": ["a & b", "c"]})


def table(**changes):
    given = {
        "name": "t",
        "caption": "A <caption>",
        "frame": FRAME,
        "columns": (Column("name", "{{Name}} <i>"), Column("value", "V", 2, True)),
    }
    return Table(**(given | changes))


def test_a_table_escapes_cells_labels_groups_and_captions():
    root = tree(str(table(group="kind", columns=(*table().columns, Column("kind", "K", over="<u>{{o}}"))).html()))
    assert not {node.tag for node in root.all()} & {"b", "i", "u"}
    cells = [cell.words() for cell in root.all("th") + root.all("td")]
    assert {"<b>x</b>", "{{Name}} <i>", "a & b", "<u>{{o}}", "−1.23", "y | z"} <= set(cells)
    assert root.all("caption")[0].words() == "A <caption>"


def test_numbers_are_flush_right_with_a_real_minus_sign():
    root = tree(str(table().html()))
    cell = next(cell for cell in root.all("td") if cell.words() == "−1.23")
    assert "right" in cell.attributes["class"].split()


def test_a_table_reads_back_from_markdown_and_csv():
    [rows] = pipe_tables(table().markdown())
    assert float(rows[0]["V"]) == -1.23
    assert [row["V"] for row in rows] == ["-1.23", ""]
    assert pd.read_csv(io.StringIO(table().csv())).equals(FRAME)


def test_tables_on_one_page_share_no_ids():
    page = tree(f"{table(name='a').html()}{table(name='b').html()}")
    ids = [node.attributes["id"] for node in page.all() if "id" in node.attributes]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", ["", "A", "a b", 'a"b', "1a", "a_b"])
def test_names_that_are_no_ids_are_refused(name):
    with pytest.raises(Refused, match="small letters, digits and hyphens"):
        table(name=name)
    with pytest.raises(Refused, match="small letters, digits and hyphens"):
        Chart(name, "c", "a", go.Figure())


def test_a_column_that_is_not_there_is_refused():
    with pytest.raises(Refused, match="table 't' has no column 'nme': it has name, value, kind"):
        table(columns=(Column("nme", "N"),))


def test_an_unknown_kind_of_text_is_refused():
    with pytest.raises(Refused, match="Text is one of plain, lead, note, warning, got 'loud'"):
        Text("x", "loud")


@pytest.mark.parametrize(
    "block", [Text("<b>"), Heading("<b>"), Code("<b>", "<b>"), Facts((("<b>", "<b>"),)), Fold("<b>", (Text("<b>"),))]
)
def test_every_block_escapes(block):
    assert not tree(str(block.html())).all("b")


def test_code_in_markdown_cannot_leave_its_fence():
    assert Code("a\n```\n# b", "x").markdown().startswith("````\n")


def test_chart_data_cannot_leave_its_script():
    figure = go.Figure(go.Scatter(x=[1], y=[2], text=["</script><script>alert(1)</script>"]))
    root = tree(str(Chart("c", "caption", "words", figure).html()))
    assert len(root.all("script")) == 1


def test_chart_numbers_survive_and_json_holds_no_nan():
    figure = go.Figure(go.Scatter(x=[1.23456789, None], y=[float("nan"), 2.0]))
    [trace] = Chart("c", "caption", "words", figure).data()["data"]
    assert (trace["x"], trace["y"]) == ([1.23457, None], [None, 2.0])
    with pytest.raises(ValueError, match="not JSON compliant"):
        embedded(float("nan"))


def test_labels_keep_their_words_whatever_they_hold():
    assert label("a < b & c > d") == "a &lt; b &amp; c &gt; d"
    assert label("one <two> three", width=6) == "one<br>&lt;two&gt;<br>three"
