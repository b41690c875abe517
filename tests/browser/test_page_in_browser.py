"""The page as a reader has it: opened from a file, on three widths, in light and dark."""

import shutil
import sys
from itertools import pairwise
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))
from stages import page_at
from synthetic import evidence, full

from hpsearch import Trick, ladder
from hpsearch.report import page

By = pytest.importorskip("selenium.webdriver.common.by", reason="needs selenium").By
WebDriverWait = pytest.importorskip("selenium.webdriver.support.ui", reason="needs selenium").WebDriverWait

ATTACK = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
DRAWN = """
return Array.from(document.querySelectorAll('.plot')).filter(p => p.clientWidth > 0)
  .every(p => p.dataset.drawn && p.querySelector('svg.main-svg'))
"""
POINTS = (
    "return Array.from(document.querySelectorAll('.plot')).map(p => p.querySelectorAll('svg .points path, svg .lines path').length)"
)


CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars"
)


@pytest.fixture(scope="module")
def browser():
    """One browser for all tests; its console is kept."""
    if not CHROMIUM or not DRIVER:
        pytest.skip("needs chromium and chromedriver: apt-get install chromium chromium-driver")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Pages of a few stages, and their paths by name."""
    folder = tmp_path_factory.mktemp("pages")
    for stage in ("whole", "some-failed", "nothing-run", "own-search-for-each", "five-parameters", "minimised"):
        (folder / f"{stage}.html").write_text(page_at(stage), encoding="utf-8")
    return folder


def opened(browser, path, width=1280, scheme="light", unfold=True):
    """Open a page and wait until every chart in sight is drawn."""
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(path.as_uri())
    if unfold:
        browser.execute_script("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    WebDriverWait(browser, 60).until(lambda b: b.execute_script(DRAWN))
    return browser


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


def contrast(one: str, other: str) -> float:
    """Ratio of luminances, WCAG 2."""

    def luminance(colour: str) -> float:
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


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
