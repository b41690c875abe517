"""Report injection: twelve payloads in every text field, and nothing of them becomes an element, an attribute or a link."""

import json
import re
from functools import cache

import pandas as pd
import pytest
from hostile import CASES, hostile
from reading import charts, pipe_tables, texts, tree

from hpsearch.report import csv, markdown, page

ELEMENTS = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "header",
    "main",
    "nav",
    "section",
    "footer",
    "div",
    "noscript",
    "script",
}
ELEMENTS |= {"h1", "h2", "h3", "p", "a", "ol", "li", "dl", "dt", "dd", "figure", "figcaption", "button", "details", "summary"}
ELEMENTS |= {"table", "caption", "thead", "tbody", "tr", "th", "td", "span", "pre", "code"}
LINKS = {"href", "src", "srcdoc", "action", "formaction", "data", "xlink:href", "poster", "background"}


@cache
def made(case):
    return hostile(CASES[case])


@cache
def text_of(case):
    return page(made(case))


@pytest.fixture(params=list(CASES))
def case(request):
    return request.param


def foreign(root):
    """Elements, event attributes and links that are not the page's own."""
    found = [node.tag for node in root.all() if node.tag not in ELEMENTS]
    for node in root.all():
        found += [name for name in node.attributes if name.startswith("on") or name in ("autofocus", "xlink:href", "srcdoc")]
        found += [value for name, value in node.attributes.items() if name in LINKS and not (value or "").startswith("#")]
    return found


def test_no_foreign_element_event_or_link(case):
    root = tree(text_of(case))
    assert foreign(root) == []
    assert len([s for s in root.all("script") if s.attributes.get("type") != "application/json"]) == 2
    assert len(root.all("style")) == len(root.all("title")) == 1


def test_the_payload_is_there_to_be_read(case):
    root = tree(text_of(case))
    payload = CASES[case]
    assert root.all("h1")[0].text == payload
    words = " ".join(root.all("main")[0].words().split())
    assert words.count(" ".join(payload.split())) > 10
    assert any(payload == code.text for code in root.all("code"))


def test_charts_hold_no_markup_that_plotly_would_read(case):
    allowed = re.compile(r"</?(b|br|extra)>")
    data = charts(tree(text_of(case)))
    assert {"intervals-data", "search-0-data", "waterfall-data"} <= set(data)
    for text in texts(data):
        assert "<" not in allowed.sub("", text)
        assert "javascript:" not in text or "<a" not in text


def test_markdown_holds_no_html_and_no_live_link(case):
    text = re.sub(r"^(`{3,}).*?^\1$", "", markdown(made(case)), flags=re.MULTILINE | re.DOTALL)
    assert "<" not in text
    assert not re.search(r"(?<!\\)\]\(", text)
    assert all(len(table) >= 1 for table in pipe_tables(text))


def test_csv_reads_back(case, tmp_path):
    (tmp_path / "x.csv").write_text(csv(made(case)), encoding="utf-8")
    assert len(pd.read_csv(tmp_path / "x.csv")) == len(made(case).study.plan.contrasts)


def test_a_planted_element_would_be_found():
    text = text_of("payload 1").replace("</main>", '<p onclick="x">a</p><a href="javascript:x">b</a><svg></svg></main>')
    assert set(foreign(tree(text))) == {"onclick", "javascript:x", "svg"}


def test_json_in_the_page_survives_every_payload(case):
    for node in tree(text_of(case)).all("script"):
        if node.attributes.get("type") == "application/json":
            json.loads(node.text)
