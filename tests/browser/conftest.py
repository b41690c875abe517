"""One browser for all tests of this folder, and pages to open in it."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars"
)


@pytest.fixture(scope="session")
def browser():
    """One browser for all tests; its console and every request it makes are kept."""
    pytest.importorskip("selenium", reason="needs selenium")
    if not CHROMIUM or not DRIVER:
        pytest.skip("needs chromium and chromedriver: apt-get install chromium chromium-driver")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Pages of several stages of a study, and of the published ladder before and after its runs, by name."""
    from published_studies import of
    from stages import page_at

    from hpsearch.report import page

    folder = tmp_path_factory.mktemp("pages")
    for stage in ("whole", "some-failed", "nothing-run", "own-search-for-each", "five-parameters", "minimised"):
        (folder / f"{stage}.html").write_text(page_at(stage), encoding="utf-8")
    (folder / "published.html").write_text(page(of("bag_of_tricks_imagenet", 0)), encoding="utf-8")
    (folder / "measured.html").write_text(page(of("bag_of_tricks_imagenet")), encoding="utf-8")
    return folder
