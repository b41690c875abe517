"""Opening a page as a reader would: on a screen of some width, light or dark, until everything in sight is drawn."""

import json

DRAWN = """
return Array.from(document.querySelectorAll('.plot')).filter(p => !p.closest('details:not([open])'))
  .every(p => p.dataset.drawn && p.querySelector('svg.main-svg'))
"""


def opened(browser, path, width=1280, scheme="light", unfold=True):
    """Open a page and wait until every chart in sight is drawn."""
    from selenium.webdriver.support.ui import WebDriverWait

    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(path.as_uri())
    if unfold:
        browser.execute_script("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    WebDriverWait(browser, 60).until(lambda b: b.execute_script(DRAWN))
    return browser


def requests(browser):
    """Addresses the browser asked for since this was last called."""
    told = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [each["params"]["request"]["url"] for each in told if each["method"] == "Network.requestWillBeSent"]


def contrast(one: str, other: str) -> float:
    """Ratio of luminances of two colours, #rrggbb or rgb(r, g, b): WCAG 2."""

    def parts(colour):
        if colour.startswith("#"):
            return [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        return [float(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]

    def luminance(colour):
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts(colour)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
