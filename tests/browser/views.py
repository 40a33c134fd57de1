"""The views of the page over the sample corpus, and what must hold for each of them."""

from pathlib import Path

import axe_playwright_python

A, B = "un-cyber-statement-2015", "chatham-house-cyber-2016"
QUERY = "q=sovereignty+in+cyberspace"

VIEWS = {
    "home": "/",
    "search": f"/?{QUERY}",
    "search-words": "/?q=sovereignty&mode=keyword&country=China&order=earliest",
    "search-nothing": "/?q=zzyzx&mode=keyword&year=2015",
    "search-like": f"/?like={A}%23p4&unlike=weather",
    "read": f"/read/{B}?{QUERY}#p10",
    "read-plain": f"/read/{A}",
    "parallels": f"/parallels?passage={A}%23p4&formulas=with",
    "pair": f"/pair?source={A}%23p4&target={B}%23p23",
    "compare": f"/compare?a={A}&b={B}",
    "families": "/families",
    "corpus": f"/corpus?with={A}",
    "service": f"/service?{QUERY}",
    "basket": "/basket",
    "not-found": "/read/none",
    "key": "/key",
}

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text()


def assert_accessible(page, name):
    """Nothing that axe-core finds, with all folds open."""
    page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    page.evaluate(AXE)
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
    shown = [
        f"{rule['id']}: {rule['help']}\n    {node['html'][:300]}\n    {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"][:3]
    ]
    assert not found, f"{name}: axe-core found\n  " + "\n  ".join(shown)


def assert_fits(page, name):
    """Nothing is wider than the window."""
    width, window = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= window, f"{name}: {width} px wide in a window of {window} px"


def watch(page):
    """Collects what the browser complains about: errors of scripts, violations of the policy."""
    complaints = []
    page.on("console", lambda m: m.type == "error" and complaints.append(m.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    return complaints
