"""Opening a page as a reader would: on a screen of some width, light or dark, until everything in sight is drawn; and what is seen then."""

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


def kept(browser, path):
    """The page folded, as it is opened: the one that the last test left, where it changed nothing that is not put back."""
    if browser.current_url != path.as_uri() or not browser.execute_script("return window.kept"):
        opened(browser, path, unfold=False).execute_script("window.kept = true")
    return browser


def requests(browser):
    """Addresses the browser asked for since this was last called."""
    told = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [each["params"]["request"]["url"] for each in told if each["method"] == "Network.requestWillBeSent"]


POINTS = (
    "return Array.from(document.querySelectorAll('.plot')).map(p => p.querySelectorAll('svg .points path, svg .lines path').length)"
)
# Names along the upright axis, from the top: the end of each and the beginning of the next.
NAMES = """
return Array.from(document.querySelectorAll('#intervals-plot, #ladder-plot')).map(plot =>
  Array.from(plot.querySelectorAll('.ytick text')).map(t => t.getBoundingClientRect()).sort((a, b) => a.top - b.top)
    .map(box => [box.top, box.bottom, box.left]))
"""
SEEN = """
const found = {};
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const e = walk.currentNode.parentElement, text = walk.currentNode.textContent.trim();
  if (!text || !e.getClientRects().length || e.closest('svg, script, style, noscript')) { continue; }
  const s = getComputedStyle(e);
  let p = e;
  while (p && /rgba\\(\\d+, \\d+, \\d+, 0\\)/.test(getComputedStyle(p).backgroundColor)) { p = p.parentElement; }
  const ground = getComputedStyle(p || document.body).backgroundColor;
  const large = parseFloat(s.fontSize) >= 24 || (parseFloat(s.fontSize) >= 18.66 && parseInt(s.fontWeight) >= 700);
  found[[s.color, ground, large]] = [s.color, ground, large, text.slice(0, 40)];
}
return Object.values(found)
"""
CHART_TEXT = """
return Array.from(new Set(Array.from(document.querySelectorAll('.plot svg text')).filter(t => t.textContent.trim())
  .map(t => getComputedStyle(t).fill)))
"""
WORDS = """
return Array.from(document.querySelectorAll('#waterfall-plot')).flatMap(plot => {
  const box = plot.getBoundingClientRect();
  return Array.from(plot.querySelectorAll('.textpoint text, .ytick text')).map(t => t.getBoundingClientRect())
    .filter(b => b.left < box.left - 1 || b.right > box.right + 1).map(b => [b.left, b.right, box.right]);
})
"""
CUT = "return Array.from(document.querySelectorAll('.scroll')).filter(s => s.scrollWidth > s.clientWidth).map(s => s.innerText)"
READ = {
    "resources": "return performance.getEntriesByType('resource').map(e => e.name)",
    "plots": "return document.querySelectorAll('.plot').length",
    "tables": "return document.querySelectorAll('table').length",
    "points": POINTS,
    "widths": "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]",
    "rights": "return Array.from(document.querySelectorAll('svg.main-svg')).map(s => s.getBoundingClientRect().right)",
    "cut": CUT,
    "names": NAMES,
    "effects": """
      const t = document.querySelector('#effects');
      return t && [t.caption.innerText, Array.from(t.querySelectorAll('th')).map(h => h.scope),
                   t.querySelectorAll('tbody th[scope=row]').length]
    """,
    "waterfall": "const p = document.querySelector('#waterfall-plot'); return p && p.getAttribute('aria-label')",
    "outside": WORDS,
    "ground": "return getComputedStyle(document.body).backgroundColor",
    "inks": CHART_TEXT,
    "colours": "const s = getComputedStyle(document.documentElement);"
    " return ['ground', 'ink', 'soft', 'accent', 'chart', 'helps', 'hurts'].map(n => s.getPropertyValue('--' + n).trim())",
    "ink": "const p = document.querySelector('#intervals-plot'); return p && p._fullLayout.font.color",
    "height": "const p = document.querySelector('#search-0-plot'); return p && p.clientHeight",
}


def read(browser, path, width, scheme):
    """What an opened page shows, what it asked the network for and said on the console; at last, after a click on every button."""
    requests(browser)  # of the page before
    browser.get_log("browser")
    opened(browser, path, width, scheme)
    seen = {name: browser.execute_script(script) for name, script in READ.items()}
    if (width, scheme) == (1280, "light"):
        seen["accessible"] = accessible(browser)
    browser.execute_script("document.querySelectorAll('button').forEach(b => b.click())")
    return {**seen, "text": browser.execute_script(SEEN), "asked": requests(browser), "console": browser.get_log("browser")}


def accessible(browser):
    """The nodes of the accessibility tree that are not ignored: role, name, properties."""
    browser.execute_cdp_cmd("Accessibility.enable", {})
    nodes = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    browser.execute_cdp_cmd("Accessibility.disable", {})
    return [
        (
            n["role"]["value"],
            n.get("name", {}).get("value", ""),
            {p["name"]: p["value"].get("value") for p in n.get("properties", [])},
        )
        for n in nodes
        if not n.get("ignored")
    ]


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
