"""One browser for all tests of this folder, and pages to open in it."""

import os
import shutil
import sys
from functools import cache
from pathlib import Path

import pytest
from filelock import FileLock
from opening import read

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


class Files:
    """Pages of several stages of a study, and of the published ladder before and after its runs: ``files / "whole.html"``.

    Each is made where it is first asked for, once for all workers.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __truediv__(self, name: str) -> Path:
        path = self.folder / name
        with FileLock(f"{path}.lock"):
            if not path.exists():
                path.write_text(_page(path.stem), encoding="utf-8")
        return path


def _page(name: str) -> str:
    from published_studies import of
    from stages import five_parameters_minimised, page_at

    from hpsearch.report import page

    if name == "five-minimised":
        return page(five_parameters_minimised())
    if name in ("published", "measured"):
        return page(of("bag_of_tricks_imagenet", 0 if name == "published" else None))
    return page_at(name)


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "pages"
    folder.mkdir(exist_ok=True)
    return Files(folder)


@pytest.fixture(scope="session")
def look(browser, files):
    """What a page shows, by its name, the width of the screen and the scheme: opened and read once for all tests."""

    once = cache(lambda name, width, scheme: read(browser, files / f"{name}.html", width, scheme))
    return lambda name, width=1280, scheme="light": once(name, width, scheme)  # a default that is given is the same page
