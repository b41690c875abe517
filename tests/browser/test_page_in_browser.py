"""The page as a reader has it: opened from a file, on four widths, in light and dark. Each is opened once, and every test reads it."""

from itertools import pairwise

import pytest
from opening import contrast, opened
from synthetic import evidence, full

from hpsearch import Trick, ladder
from hpsearch.report import page
from hpsearch.report.charts import AMBER, BLUE, GREEN, GREY, ORANGE, PURPLE

ATTACK = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
STAGES = ["whole", "some-failed", "nothing-run", "own-search-for-each", "five-minimised"]
PAGES = ["whole", "some-failed", "nothing-run", "own-search-for-each", "published", "measured"]


# Nothing leaves the page


@pytest.mark.parametrize("name", PAGES)
def test_no_request_leaves_the_page_and_the_console_stays_silent(look, files, name):
    seen = look(name)
    assert [url for url in seen["asked"] if not url.startswith(("file:", "data:", "blob:"))] == []
    assert [url for url in seen["asked"] if url.startswith("file:")] == [(files / f"{name}.html").as_uri()]
    assert seen["console"] == []


@pytest.mark.parametrize("stage", STAGES)
def test_every_chart_is_drawn_without_a_word_on_the_console_or_the_network(look, stage):
    seen = look(stage)
    assert seen["console"] == []
    assert seen["resources"] == []
    assert bool(seen["plots"]) == (stage != "nothing-run")
    assert all(count > 0 for count in seen["points"])


# By ear: what the browser hands to a screen reader


@pytest.mark.parametrize("name", PAGES)
def test_everything_a_screen_reader_meets_has_a_name(look, name):
    seen = look(name)
    roles = [role for role, _, _ in seen["accessible"]]
    assert {"banner", "navigation", "main", "contentinfo"} <= set(roles)
    named = (
        "table",
        "image",
        "img",
        "button",
        "link",
        "region",
        "navigation",
        "heading",
        "columnheader",
        "rowheader",
        "DisclosureTriangle",
    )
    assert [(role, told) for role, told, _ in seen["accessible"] if role in named and not told.strip()] == []
    assert sum(role in ("image", "img") for role in roles) == seen["plots"]
    assert sum(role == "table" for role in roles) == seen["tables"]


@pytest.mark.parametrize("name", PAGES)
def test_headings_go_down_one_level_at_a_time(look, name):
    levels = [properties["level"] for role, _, properties in look(name)["accessible"] if role == "heading"]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


def test_a_table_is_read_with_its_caption_and_its_headers(look):
    caption, scopes, rows = look("whole")["effects"]
    assert caption.startswith("What each contrast is worth")
    assert set(scopes) <= {"col", "row", "colgroup", "rowgroup"}
    assert rows >= 10


def test_a_charts_words_hold_the_numbers_it_draws(look):
    words = look("published")["waterfall"]
    assert "reference (He et al. 2016): published 75.30" in words
    assert "distillation and mixup: published 79.29" in words


# Sizes


WIDTHS = [390, 768, 1280, 1920]
# Each width on the pages that are opened at it anyway, the widest on the quickest; the other pages are full runs'.
OPENED = {390: PAGES, 768: ["whole", "published", "measured"], 1280: PAGES, 1920: ["published"]}


@pytest.mark.parametrize(
    ("name", "width"),
    [
        pytest.param(name, width, marks=() if name in OPENED[width] else pytest.mark.full)
        for name in PAGES
        if name != "nothing-run"
        for width in WIDTHS
    ],
)
def test_the_page_never_scrolls_sideways_but_its_tables_may(look, name, width):
    seen = look(name, width)
    inside, whole = seen["widths"]
    assert inside <= whole
    assert max(seen["rights"]) <= width + 1


@pytest.mark.parametrize("width", [390, 768, 1280])
@pytest.mark.parametrize("name", ["published", "measured", "whole"])
def test_numbers_beside_the_steps_of_a_ladder_stay_inside_the_picture(look, name, width):
    assert look(name, width)["outside"] == []


@pytest.mark.parametrize("width", [390, 1280])
def test_names_beside_the_charts_neither_touch_nor_leave_the_screen(look, width):
    names = look("whole", width)["names"]
    assert [len(chart) for chart in names] == [11 + 2, 10]  # contrasts and two headings; arms
    for chart in names:
        assert all(above[1] <= below[0] for above, below in pairwise(chart))
        assert min(left for _, _, left in chart) >= 0


def test_a_desk_screen_shows_every_table_whole(look):
    assert look("some-failed")["cut"] == []


def test_a_narrow_screen_stacks_the_panels_of_a_search(look):
    assert look("whole", 390)["height"] > 2 * look("whole", 1280)["height"]


# Colours


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["some-failed", "measured", "nothing-run"])
def test_all_text_stands_out_from_its_ground(look, name, scheme):
    found = look(name, scheme=scheme)["text"]
    assert len(found) >= 3
    weak = [
        (text, round(contrast(ink, ground), 2))
        for ink, ground, large, text in found
        if contrast(ink, ground) < (3 if large else 4.5)
    ]
    assert weak == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axes_and_legends_are_read_and_marks_are_seen(look, scheme):
    seen = look("measured", scheme=scheme)
    inks = [ink for ink in seen["inks"] if ink.startswith("rgb(")]
    assert inks
    assert min(contrast(ink, seen["ground"]) for ink in inks) >= 4.5
    assert min(contrast(mark, seen["ground"]) for mark in (BLUE, ORANGE, GREEN, PURPLE, AMBER, GREY)) >= 2.9


def test_charts_take_the_colours_of_the_scheme(look):
    day, night = look("some-failed", scheme="light"), look("some-failed", scheme="dark")
    assert all(day[name] != night[name] for name in ("ink", "ground"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_read_against_its_ground_with_enough_contrast(look, scheme):
    ground, *others = look("some-failed", scheme=scheme)["colours"]
    assert {colour: contrast(ground, colour) for colour in others if contrast(ground, colour) < 4.5} == {}


# Injection


def test_hostile_text_runs_nothing(browser, tmp_path):
    study = full(question=ATTACK, vary=ladder(Trick(ATTACK, {"smoothing": 0.1}, ATTACK)), tune=None, seeds=2)
    made = evidence(study, name=ATTACK, study_text=ATTACK, provenance={ATTACK: ATTACK})
    (tmp_path / "hostile.html").write_text(page(made), encoding="utf-8")
    opened(browser, tmp_path / "hostile.html")
    assert browser.title.startswith(ATTACK)  # and was not set by it
    assert browser.execute_script("return document.images.length") == 0
    drawn = browser.execute_script("return document.querySelector('#intervals-plot').textContent")
    assert "<img" in "".join(drawn.split())  # plotly draws the name as letters
    assert browser.get_log("browser") == []


def test_a_planted_script_is_stopped_by_the_policy(browser, files, tmp_path):
    planted = (
        (files / "nothing-run.html")
        .read_text(encoding="utf-8")
        .replace("</body>", "<script>document.title='owned'</script></body>")
    )
    (tmp_path / "planted.html").write_text(planted, encoding="utf-8")
    opened(browser, tmp_path / "planted.html")
    assert browser.title != "owned"
    assert any("Content Security Policy" in entry["message"] for entry in browser.get_log("browser"))
