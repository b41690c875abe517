"""The page worked by keyboard, printed, and with hostile text in it."""

import base64
import json
import re
import shutil
import subprocess

import pytest
from opening import SEEN, contrast, kept, opened, requests

By = pytest.importorskip("selenium.webdriver.common.by", reason="needs selenium").By
Keys = pytest.importorskip("selenium.webdriver.common.keys", reason="needs selenium").Keys
ActionChains = pytest.importorskip("selenium.webdriver", reason="needs selenium").ActionChains
PDFTEXT = shutil.which("pdftotext")


def press(browser, *keys):
    ActionChains(browser).send_keys(*keys).perform()


def focused(browser, read="return document.activeElement.outerHTML.slice(0, 200)"):
    return browser.execute_script(read)


# Nothing leaves the page


def test_a_planted_request_would_be_seen_and_is_stopped_by_the_policy(browser, files, tmp_path):
    text = (files / "nothing-run.html").read_text(encoding="utf-8")
    (tmp_path / "planted.html").write_text(
        text.replace("</main>", '<img src="http://127.0.0.1:9/x.png" alt=""></main>'), encoding="utf-8"
    )
    opened(browser, tmp_path / "planted.html")
    assert any("Content Security Policy" in entry["message"] for entry in browser.get_log("browser"))


# By keyboard


def test_the_first_tab_skips_to_the_answer_and_the_next_walk_the_contents(browser, files):
    opened(browser, files / "whole.html", unfold=False)
    links = browser.execute_script("return Array.from(document.querySelectorAll('nav a')).map(a => a.getAttribute('href'))")
    assert len(links) > 8
    press(browser, Keys.TAB)
    assert focused(browser, "return document.activeElement.className") == "skip"
    left = "return document.activeElement.getBoundingClientRect().left"
    assert browser.execute_script(left) >= 0  # it has come into sight
    walked = []
    for _ in links:
        press(browser, Keys.TAB)
        walked.append(focused(browser, "return document.activeElement.getAttribute('href')"))
    assert walked == links
    press(browser, Keys.ENTER)
    assert browser.current_url.endswith(links[-1])
    top = browser.execute_script("return document.querySelector(arguments[0]).getBoundingClientRect().top", links[-1])
    bottom = browser.execute_script("return innerHeight + scrollY >= document.documentElement.scrollHeight - 2")
    assert top < 100 or bottom
    browser.execute_script("document.querySelector('.skip').focus()")
    press(browser, Keys.ENTER)
    assert browser.current_url.endswith("#main")


def test_every_control_is_reached_by_tab_in_the_order_of_the_page_and_shows_that_it_is(browser, files):
    opened(browser, files / "some-failed.html", unfold=False)
    wanted = browser.execute_script(
        "return Array.from(document.querySelectorAll('a, button, summary, [tabindex]'))"
        ".filter(e => !e.closest('details:not([open])') || e.tagName === 'SUMMARY').length"
    )
    seen = []
    for _ in range(wanted):
        press(browser, Keys.TAB)
        told = focused(
            browser,
            "const e = document.activeElement, s = getComputedStyle(e);"
            "return [e.tagName, Array.from(document.querySelectorAll('*')).indexOf(e), s.outlineStyle, parseFloat(s.outlineWidth)]",
        )
        seen.append(told)
    places = [place for _, place, _, _ in seen]
    assert places == sorted(places)
    assert len(set(places)) == wanted
    assert {tag for tag, *_ in seen} == {"A", "BUTTON", "SUMMARY", "DIV"}
    assert all(style != "none" and wide >= 1 for _, _, style, wide in seen)


def test_the_logarithmic_axis_is_switched_by_keyboard_and_by_mouse(browser, files):
    kept(browser, files / "whole.html")
    button = browser.find_element(By.CSS_SELECTOR, "button[data-log='curve-loss-plot']")
    kind = "return document.querySelector('#curve-loss-plot')._fullLayout.yaxis.type"
    browser.execute_script("arguments[0].focus()", button)
    seen = [(browser.execute_script(kind), button.get_attribute("aria-pressed"))]
    for key in (Keys.SPACE, Keys.ENTER, "click", "click"):
        browser.execute_script("arguments[0].click()", button) if key == "click" else press(browser, key)
        seen.append((browser.execute_script(kind), button.get_attribute("aria-pressed")))
    assert seen == [("linear", "false"), ("log", "true")] * 2 + [("linear", "false")]
    assert button.text == "logarithmic axis"


def test_lines_that_the_legend_hides_are_switched_on_and_off_by_keyboard(browser, files):
    kept(browser, files / "whole.html")
    button = browser.find_element(By.CSS_SELECTOR, "button[data-whole='curve-top1-plot']")
    lines = "return document.querySelectorAll('#curve-top1-plot .scatterlayer .trace path.js-line').length"
    browser.execute_script("arguments[0].focus()", button)
    seen = [browser.execute_script(lines)]
    for pressed in ("true", "false"):
        press(browser, Keys.SPACE)
        assert button.get_attribute("aria-pressed") == pressed
        seen.append(browser.execute_script(lines))
    assert seen[0] == seen[2] < seen[1]
    assert button.text == "all lines"


def test_what_is_folded_opens_by_keyboard_and_is_drawn_then(browser, files):
    kept(browser, files / "own-search-for-each.html")
    fold = browser.execute_script(
        "return Array.from(document.querySelectorAll('summary')).find(s => s.parentElement.querySelector('.plot'))"
    )
    plot = "return arguments[0].parentElement.querySelector('.plot').dataset.drawn || ''"
    assert browser.execute_script(plot, fold) == ""
    browser.execute_script("arguments[0].focus()", fold)
    press(browser, Keys.ENTER)
    browser.implicitly_wait(0)
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 30).until(lambda b: b.execute_script(plot, fold) == "true")


def test_paper_opens_what_is_folded_and_draws_it(browser, files):
    kept(browser, files / "own-search-for-each.html")
    browser.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    from opening import DRAWN
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 60).until(lambda b: b.execute_script(DRAWN))
    assert browser.execute_script("return Array.from(document.querySelectorAll('details')).every(d => d.open)")
    assert browser.execute_script(
        "return Array.from(document.querySelectorAll('.plot')).every(p => p.querySelector('svg.main-svg'))"
    )


def test_a_wide_table_scrolls_by_keyboard(browser, files):
    opened(browser, files / "measured.html", 390)
    region = "document.querySelector('#steps').closest('.scroll')"
    assert browser.execute_script(f"return {region}.scrollWidth > {region}.clientWidth")
    browser.execute_script(f"{region}.focus()")
    press(browser, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 10).until(lambda b: b.execute_script(f"return {region}.scrollLeft") > 0)


# On paper


def printed(browser, path, **options):
    opened(browser, path, unfold=False)
    told = browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True, **options})
    return base64.b64decode(told["data"])


def words_of(pdf, tmp_path):
    """The text of a PDF."""
    (tmp_path / "page.pdf").write_bytes(pdf)
    command = [str(PDFTEXT), "-raw", "page.pdf", "page.txt"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=120)
    return " ".join((tmp_path / "page.txt").read_text(encoding="utf-8", errors="replace").split())


@pytest.mark.skipif(PDFTEXT is None, reason="needs pdftotext to read a PDF: apt-get install poppler-utils")
@pytest.mark.parametrize("name", ["some-failed", "measured"])
def test_paper_has_every_table_whole_and_every_heading(browser, files, tmp_path, name):
    pdf = printed(browser, files / f"{name}.html")
    assert pdf.startswith(b"%PDF")
    assert len(pdf) > 50_000
    said = words_of(pdf, tmp_path)
    captions = browser.execute_script("return Array.from(document.querySelectorAll('caption, h2')).map(c => c.innerText)")
    squeezed = re.sub(r"\W+", "", said)
    assert [c for c in captions if re.sub(r"\W+", "", c) not in squeezed] == []
    cells = browser.execute_script(
        "return Array.from(document.querySelectorAll('#effects tbody tr, #keys tbody tr, #steps tbody tr')).map(r => r.cells[0].innerText)"
    )
    assert cells
    assert [cell for cell in cells if re.sub(r"\W+", "", cell) not in squeezed] == []


def test_paper_cuts_no_line_of_code(browser, files):
    opened(browser, files / "measured.html")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": []})
    try:
        cut = "return Array.from(document.querySelectorAll('pre')).filter(p => p.scrollWidth > p.clientWidth + 1 || p.scrollHeight > p.clientHeight + 1).length"
        assert browser.execute_script("return document.querySelectorAll('pre').length") >= 2
        assert browser.execute_script(cut) == 0
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


def test_paper_is_light_even_where_the_screen_is_dark(browser, files):
    opened(browser, files / "whole.html", scheme="dark")
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"media": "print", "features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    )
    try:
        ground, ink = browser.execute_script("const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]")
        assert contrast(ground, "#ffffff") == 1
        assert contrast(ground, ink) > 7
        weak = [
            (text, ink) for ink, under, large, text in browser.execute_script(SEEN) if contrast(ink, under) < (3 if large else 4.5)
        ]
        assert weak == []
        browser.execute_script("window.dispatchEvent(new Event('beforeprint'))")
        drawn = browser.execute_script("return document.querySelector('#intervals-plot')._fullLayout.font.color")
        assert contrast(drawn, "#ffffff") >= 4.5
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


# Injection, in a browser


# In the order in which none hides the next: those that end an attribute first, a comment that swallows the rest last.
TOGETHER = [(6, 1, 4, 9), (7, 5, 10, 12), (2, 3, 11, 8)]


def test_every_payload_is_in_one_of_the_pages():
    from payloads import PAYLOADS

    assert sorted(number for together in TOGETHER for number in together) == list(range(1, len(PAYLOADS) + 1))


@pytest.mark.parametrize("numbers", TOGETHER, ids=str)
def test_no_payload_runs_or_becomes_a_link(browser, tmp_path, numbers):
    from hostile import hostile
    from payloads import PAYLOADS

    from hpsearch.report import page

    marked = " ".join(PAYLOADS[number - 1].replace("owned=1", f"owned={number}") for number in numbers)
    path = tmp_path / "hostile.html"
    path.write_text(page(hostile(marked)), encoding="utf-8")
    requests(browser)
    opened(browser, path)
    for event in ("mouseover", "focus", "click"):
        browser.execute_script(
            "document.querySelectorAll('main *:not(.plot):not(.plot *)').forEach(e => e.dispatchEvent(new Event(arguments[0])))",
            event,
        )
    assert browser.execute_script("return window.owned === undefined || window.owned") is True  # else the number of the payload
    assert browser.execute_script("return document.querySelectorAll('img, iframe, object, embed, form').length") == 0
    links = (
        "return Array.from(document.querySelectorAll('a')).map(a => a.getAttribute('href') || a.getAttribute('xlink:href') || '#')"
    )
    assert [link for link in browser.execute_script(links) if not link.startswith("#")] == []
    assert [url for url in requests(browser) if not url.startswith(("file:", "data:", "blob:"))] == []
    assert browser.get_log("browser") == []
    json.dumps(browser.title)
