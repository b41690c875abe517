"""The page as a reader has it: opened from a file, on three widths, in light and dark."""

from itertools import pairwise

import pytest
from opening import contrast, opened
from synthetic import evidence, full

from hpsearch import Trick, ladder
from hpsearch.report import page

By = pytest.importorskip("selenium.webdriver.common.by", reason="needs selenium").By

ATTACK = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
POINTS = (
    "return Array.from(document.querySelectorAll('.plot')).map(p => p.querySelectorAll('svg .points path, svg .lines path').length)"
)


@pytest.mark.parametrize("stage", ["whole", "some-failed", "nothing-run", "own-search-for-each", "five-parameters", "minimised"])
def test_every_chart_is_drawn_without_a_word_on_the_console_or_the_network(browser, files, stage):
    opened(browser, files / f"{stage}.html")
    assert browser.get_log("browser") == []
    assert browser.execute_script("return performance.getEntriesByType('resource').map(e => e.name)") == []
    plots = browser.find_elements(By.CSS_SELECTOR, ".plot")
    assert bool(plots) == (stage != "nothing-run")
    assert all(count > 0 for count in browser.execute_script(POINTS))


@pytest.mark.parametrize("width", [390, 768, 1280, 1920])
@pytest.mark.parametrize("stage", ["whole", "some-failed"])
def test_the_page_never_scrolls_sideways_but_its_tables_may(browser, files, stage, width):
    opened(browser, files / f"{stage}.html", width)
    inside, whole = browser.execute_script("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert inside <= whole
    right = "return Array.from(document.querySelectorAll('svg.main-svg')).map(s => s.getBoundingClientRect().right)"
    assert max(browser.execute_script(right)) <= width + 1


# Names along the upright axis, from the top: the end of each and the beginning of the next.
NAMES = """
return Array.from(document.querySelectorAll('#intervals-plot, #ladder-plot')).map(plot =>
  Array.from(plot.querySelectorAll('.ytick text')).map(t => t.getBoundingClientRect()).sort((a, b) => a.top - b.top)
    .map(box => [box.top, box.bottom, box.left]))
"""


@pytest.mark.parametrize("width", [390, 1280])
def test_names_beside_the_charts_neither_touch_nor_leave_the_screen(browser, files, width):
    names = opened(browser, files / "whole.html", width).execute_script(NAMES)
    assert [len(chart) for chart in names] == [11 + 2, 10]  # contrasts and two headings; arms
    for chart in names:
        assert all(above[1] <= below[0] for above, below in pairwise(chart))
        assert min(left for _, _, left in chart) >= 0


def test_a_desk_screen_shows_every_table_whole(browser, files):
    cut = "return Array.from(document.querySelectorAll('.scroll')).filter(s => s.scrollWidth > s.clientWidth).map(s => s.innerText)"
    assert opened(browser, files / "some-failed.html", 1280, unfold=False).execute_script(cut) == []


def test_a_narrow_screen_stacks_the_panels_of_a_search(browser, files):
    height = "return document.querySelector('#search-0-plot').clientHeight"
    wide = opened(browser, files / "whole.html", 1280).execute_script(height)
    narrow = opened(browser, files / "whole.html", 390).execute_script(height)
    assert narrow > 2 * wide


def test_the_logarithmic_button_changes_the_axis_and_back(browser, files):
    opened(browser, files / "whole.html")
    button = browser.find_element(By.CSS_SELECTOR, "button[data-log='curve-loss-plot']")
    kind = "return document.querySelector('#curve-loss-plot')._fullLayout.yaxis.type"
    seen = [browser.execute_script(kind)]
    for pressed in ("true", "false"):
        browser.execute_script("arguments[0].click()", button)
        assert button.get_attribute("aria-pressed") == pressed
        seen.append(browser.execute_script(kind))
    assert seen == ["linear", "log", "linear"]


def test_charts_take_the_colours_of_the_scheme(browser, files):
    ink = "return document.querySelector('#intervals-plot')._fullLayout.font.color"
    ground = "return getComputedStyle(document.body).backgroundColor"
    light = opened(browser, files / "whole.html", scheme="light")
    day = [light.execute_script(ink), light.execute_script(ground)]
    dark = opened(browser, files / "whole.html", scheme="dark")
    night = [dark.execute_script(ink), dark.execute_script(ground)]
    assert all(before != after for before, after in zip(day, night, strict=True))


def test_text_is_read_against_its_ground_with_enough_contrast(browser, files):
    for scheme in ("light", "dark"):
        opened(browser, files / "whole.html", scheme=scheme)
        names = ["--ground", "--ink", "--soft", "--accent", "--chart", "--helps", "--hurts"]
        read = "return arguments[0].map(n => getComputedStyle(document.documentElement).getPropertyValue(n).trim())"
        colours = browser.execute_script(read, names)
        assert all(contrast(colours[0], colour) >= 4.5 for colour in colours[1:]), (scheme, colours)


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
