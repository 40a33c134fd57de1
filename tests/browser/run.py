"""The page in a real browser: every view, by click and by keyboard, with and without a script, with keys.

Usage: run.py PROGRAM [--browser PATH] [--screenshots FOLDER]
"""

import argparse
import json
import tempfile
import traceback
from pathlib import Path

from playwright.sync_api import sync_playwright

import server
from views import A, B, QUERY, VIEWS, assert_accessible, assert_fits, watch

HOSTILE = '</p><script>window.broken = true</script><img src=x onerror="window.broken = true">'


def every_view(browser, url):
    """Accessible, within the window, without complaints: light and dark, narrow and wide, with 200 % zoom."""
    wrong = {}
    for scheme in ("light", "dark"):
        for width in (390, 1280):
            context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800})
            page = context.new_page()
            for name, path in VIEWS.items():
                complaints = watch(page)
                page.goto(url + path)
                assert_fits(page, f"{name} at {width}")
                try:
                    assert_accessible(page, name)
                except AssertionError as error:
                    # Mostly the same one in each view.
                    wrong.setdefault(str(error).partition("\n")[2], f"{name}, {scheme}, {width}")
                # A page that is not found is an answer; the browser logs its status.
                complaints = [c for c in complaints if "status of 404" not in c]
                assert not complaints, f"{name}: {complaints}"
            context.close()
    assert not wrong, "\n".join(f"{first}:\n{error}" for error, first in wrong.items())
    # 1280 px at 200 % are 640 px; 320 px is the width that WCAG 1.4.10 asks for.
    for width in (320, 640, 1920):
        page = browser.new_page(viewport={"width": width, "height": 800})
        for name, path in VIEWS.items():
            page.goto(url + path)
            assert_fits(page, f"{name} at {width}")
        page.close()


def nothing_jumps(browser, url):
    """No view moves while it loads, also where the script shows more."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.add_init_script(
        "window.moved = 0; new PerformanceObserver((list) => list.getEntries().forEach((entry) => "
        "{ if (!entry.hadRecentInput) window.moved += entry.value; })).observe({ type: 'layout-shift', buffered: true });"
    )
    for name, path in VIEWS.items():
        page.goto(url + path, wait_until="networkidle")
        moved = page.evaluate("window.moved")
        assert moved < 0.01, f"{name}: the layout shifts by {moved}"
    page.close()


def by_click(browser, url, script):
    """From a search to a pair and on to two documents, with or without the script."""
    context = browser.new_context(java_script_enabled=script)
    page = context.new_page()
    page.goto(url)
    page.get_by_label("What was said").fill("sovereignty in cyberspace")
    page.get_by_role("button", name="Search").click()
    assert "q=sovereignty+in+cyberspace" in page.url
    assert page.locator(".hit").count() >= 5 and page.locator("mark.best").count() >= 5
    first = page.locator(".hit").first
    assert "sovereignty" in first.locator("mark.best").inner_text().lower()
    page.get_by_role("link", name="2015: ", exact=False).first.click()
    assert "year=2015" in page.url and page.get_by_label("remove year 2015").count() == 1
    page.get_by_label("remove year 2015").click()
    assert "year" not in page.url
    page.get_by_role("link", name="earliest first").click()
    dates = page.locator(".hit time").all_inner_texts()
    assert dates == sorted(dates) and len(set(dates)) == 2, dates
    page.locator(".hit", has_text="hegemony").get_by_role("link", name="Who else said this").first.click()
    assert page.url.startswith(url + "/parallels?passage=")
    page.get_by_role("link", name="with formulas").first.click()
    page.get_by_role("link", name="Side by side").first.click()
    assert page.locator(".sentence").count() >= 2
    page.get_by_role("link", name="Compare both documents").click()
    page.locator(".plot").wait_for()
    assert page.locator(".plot circle").count() == page.locator(".pairs > li").count() >= 3
    page.locator("#dot-1").click()
    assert page.url.endswith("#pair-1")
    page.locator(".pairs a.quiet").first.click()
    page.locator(".block:target").wait_for()
    assert "/read/" in page.url
    page.get_by_role("navigation", name="Views").get_by_role("link", name="Corpus").click()
    page.get_by_label("Title, speaker or id").fill("chatham")
    page.get_by_role("button", name="Find").click()
    assert page.locator(".documents-list li").count() == 1
    context.close()


def by_drag(browser, url):
    """Years are chosen by dragging over the histogram."""
    page = browser.new_page()
    page.goto(f"{url}/?{QUERY}")
    box = page.locator(".histogram").bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 5, box["y"] + 5, steps=5)
    page.mouse.up()
    page.wait_for_url("**from=2015&to=2016**")
    assert page.get_by_label("remove date 2015..2016").count() == 1
    page.close()


def by_keyboard(browser, url):
    """The same without a mouse."""
    page = browser.new_page()
    page.goto(url)
    keys = page.keyboard
    keys.press("/")
    keys.type("sovereignty in cyberspace")
    keys.press("Enter")
    page.wait_for_url("**/?q=**")
    keys.press("j")
    keys.press("j")
    assert page.locator(".hit").nth(1).evaluate("(hit) => hit === document.activeElement")
    keys.press("c")
    assert page.locator(".hit").nth(1).locator(".cite").evaluate("(fold) => fold.open")
    keys.press("k")
    keys.press("Enter")
    page.wait_for_url("**/read/**")
    keys.press("j")
    keys.press("p")
    page.wait_for_url("**/parallels**")
    keys.press("?")
    assert page.get_by_role("dialog", name="Keyboard").is_visible()
    assert_accessible(page, "help")
    page.get_by_label("single keys are on").uncheck()
    keys.press("Escape")
    keys.press("/")
    assert page.evaluate("document.activeElement.id") != "q", "single keys are off"
    # Tab reaches everything, and what has the focus shows it.
    page.goto(f"{url}/?{QUERY}")
    for _ in range(40):
        keys.press("Tab")
        style = page.evaluate(
            "(() => { const e = document.activeElement; const s = getComputedStyle(e);"
            "  const next = e.nextElementSibling && getComputedStyle(e.nextElementSibling);"
            "  const inner = e.firstElementChild?.nextElementSibling && getComputedStyle(e.firstElementChild.nextElementSibling);"
            "  return [s.outlineStyle, next?.outlineStyle, inner?.stroke, e.outerHTML.slice(0, 120)]; })()"
        )
        assert style[0] != "none" or style[1] not in (None, "none") or style[2] not in (None, "none"), style
    page.close()


def with_keys(browser, program):
    """The page asks for a key once; with the script it stays in the tab, without it in a cookie."""
    with tempfile.TemporaryDirectory() as folder:
        key, keys = server.new_key(program, folder, "reader", "search")
        writer, _ = server.new_key(program, folder, "writer", "write")
        with server.serve(program, "--keys-file", str(keys)) as url:
            context = browser.new_context()
            page = context.new_page()
            page.goto(f"{url}/?{QUERY}")
            assert_accessible(page, "key form")
            page.get_by_label("API key").fill(writer)
            page.get_by_role("button", name="Use this key").click()
            page.get_by_text("the scope search is required").wait_for()
            page.get_by_label("API key").fill(key)
            page.get_by_role("button", name="Use this key").click()
            page.locator(".hit").first.wait_for()
            assert context.cookies() == []
            page.get_by_role("link", name="Who else said this").first.click()
            page.get_by_role("heading", name="Who else said this").wait_for()
            page.go_back()
            page.locator(".hit h2").first.wait_for()
            page.get_by_label("What was said").fill("arms race")
            page.keyboard.press("Enter")
            page.get_by_text("arms race", exact=True).first.wait_for()
            page.reload()
            page.locator(".hit").first.wait_for()
            other = context.new_page()
            other.goto(url)
            assert other.get_by_label("API key").is_visible(), "another tab asks again"
            context.close()

            context = browser.new_context(java_script_enabled=False)
            page = context.new_page()
            page.goto(f"{url}/?{QUERY}")
            page.get_by_label("API key").fill(key)
            page.get_by_role("button", name="Use this key").click()
            assert page.locator(".hit").count() > 0 and QUERY in page.url
            (cookie,) = context.cookies()
            assert cookie["httpOnly"] and cookie["sameSite"] == "Strict" and cookie["expires"] == -1
            context.close()


def basket(browser, url):
    """What is kept is judged, saved and read again."""
    context = browser.new_context(accept_downloads=True)
    page = context.new_page()
    page.goto(f"{url}/?{QUERY}")
    page.get_by_role("button", name="Keep").first.click()
    assert page.get_by_role("button", name="Kept").count() >= 1
    page.goto(f"{url}{VIEWS['pair']}")
    page.get_by_role("button", name="Keep").click()
    page.goto(f"{url}/basket")
    assert page.locator(".basket .hit").count() == 2
    assert_accessible(page, "basket with items")
    for item in page.locator(".basket .hit").all():
        item.get_by_label("right").check()
        item.get_by_label("Tags").fill("one, =two")
        item.get_by_label("Tags").blur()

    def save(name):
        with page.expect_download() as download:
            page.get_by_role("button", name=name, exact=True).click()
        return Path(download.value.path()).read_text(), download.value

    lines, _ = save("Save as JSON lines")
    saved = [json.loads(line) for line in lines.splitlines()]
    assert {item["kind"] for item in saved} == {"passage", "pair"}
    assert all(item["judgement"] == "right" and item["tags"] == ["one", "=two"] for item in saved)
    pairs, _ = save("Judged pairs as gold file")
    assert pairs.startswith("5\t") and pairs.count("\t") == 2
    relevance, _ = save("Judged passages as gold file")
    assert json.loads(relevance)["query"] == "sovereignty in cyberspace"
    table, download = save("Save as CSV")
    copied = Path(tempfile.mkdtemp(), "basket.csv")
    download.save_as(copied)
    page.evaluate("localStorage.clear()")
    page.reload()
    assert page.locator(".basket .hit").count() == 0
    page.locator("#basket-import").set_input_files(copied)
    page.get_by_text("2 items").wait_for()
    lines, _ = save("Save as JSON lines")
    again = [json.loads(line) for line in lines.splitlines()]
    texts = [[item.get("text") or item["source"]["text"], item["tags"], item["judgement"]] for item in again]
    assert texts == [[item.get("text") or item["source"]["text"], item["tags"], item["judgement"]] for item in saved]
    page.get_by_role("button", name="Take out").first.click()
    assert page.locator(".basket .hit").count() == 1
    context.close()


def uploads(browser, url):
    """Files are added line by line, and hostile ones stay text in every view."""
    context = browser.new_context()
    page = context.new_page()
    complaints = watch(page)
    page.goto(f"{url}/corpus")
    hostile = {"id": "hostile", "title": HOSTILE, "speaker": "\u202e" + HOSTILE, "country": HOSTILE, "date": "2020"}
    hostile["text"] = f"{HOSTILE} Respect for cyber sovereignty. " + "w" * 100_000
    lines = [json.dumps(hostile), '{"id": "bad", "text": ""}', "no json"]
    page.locator("#files").set_input_files([
        {"name": "my speech?.txt", "mimeType": "text/plain", "buffer": b"The fleet left the harbour at dawn."},
        {"name": "lines.jsonl", "mimeType": "application/x-ndjson", "buffer": "\n".join(lines).encode()},
    ])
    page.get_by_text("my-speech-: created, 1 passages").wait_for()
    page.get_by_text("hostile: created").wait_for()
    page.get_by_text("3 lines: 1 new, 0 changed, 0 unchanged, 2 not stored").wait_for()
    for path in (
        "/?q=respect+for+cyber+sovereignty", "/read/hostile?q=sovereignty", "/parallels?passage=hostile%23p1",
        f"/pair?source=hostile%23p1&target={A}%23p3", f"/compare?a=hostile&b={B}", "/corpus", "/families?compute=yes",
    ):
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(url + path)
            assert page.evaluate("window.broken") is None, path
            assert_fits(page, f"{path} at {width}")
    page.goto(f"{url}/read/hostile")
    page.locator(".block").first.hover()
    page.get_by_role("button", name="Keep").first.click()
    page.goto(f"{url}/basket")
    assert page.locator(".basket .hit").count() == 1
    assert page.evaluate("window.broken") is None and not complaints, complaints
    context.close()


def screenshots(browser, url, folder):
    """Pictures of every view, for people to judge."""
    folder.mkdir(parents=True, exist_ok=True)
    for scheme in ("light", "dark"):
        for width, height in ((390, 844), (1280, 900), (1920, 1080)):
            page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": height})
            for name, path in VIEWS.items():
                page.goto(url + path, wait_until="networkidle")
                page.screenshot(path=folder / f"{name}-{width}-{scheme}.png")
            page.close()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("program")
    arguments.add_argument("--browser", default="/usr/bin/chromium")
    arguments.add_argument("--screenshots", type=Path)
    arguments = arguments.parse_args()
    with sync_playwright() as playwright:
        # Containers mostly run as root, for which the sandbox of Chromium does not start.
        browser = playwright.chromium.launch(executable_path=arguments.browser, args=["--no-sandbox"])
        with server.serve(arguments.program) as url:
            tests = [
                ("every view", lambda: every_view(browser, url)),
                ("nothing jumps", lambda: nothing_jumps(browser, url)),
                ("by click", lambda: by_click(browser, url, True)),
                ("by click, without a script", lambda: by_click(browser, url, False)),
                ("by drag", lambda: by_drag(browser, url)),
                ("by keyboard", lambda: by_keyboard(browser, url)),
                ("basket", lambda: basket(browser, url)),
                ("keys", lambda: with_keys(browser, arguments.program)),
            ]
            if arguments.screenshots:
                tests.append(("screenshots", lambda: screenshots(browser, url, arguments.screenshots)))
            # Last, as it adds documents.
            tests.append(("uploads", lambda: uploads(browser, url)))
            failed = 0
            for name, test in tests:
                try:
                    test()
                    print(f"{name}: ok", flush=True)
                except Exception:
                    failed += 1
                    print(f"{name}: FAILED\n{traceback.format_exc()}", flush=True)
        browser.close()
    raise SystemExit(1 if failed else 0)


main()
