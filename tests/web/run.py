#!/usr/bin/env python3
"""Opens reports in a browser and uses them: tests/web/run.py RETROHUNT [FOLDER]

Nothing is asked of the network, no dialog opens, the title stays, the console is empty, each count is that of SQL, and every filter,
column, finding and technique can be used. Screenshots are written into FOLDER (target/web). Where no Chromium is installed it says so.
"""

import base64
import gzip
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time

import browser
import hostile
import keys
import steps
from steps import call
from truth import Truth

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Names that are the same everywhere stay.
COMMON = {"system", "local service", "network service", "nt authority\\system", "nt authority\\local service", "nt authority\\network service", ""}
TITLE = "retrohunt report"
# Screens between a telephone and a desk.
WIDTHS = (768, 1001, 1024, 1271, 1280, 1440)
# Failures of one step that are printed.
TOLD_MAX = 4
class Check:
    def __init__(self, program, folder, page):
        self.program, self.folder, self.page, self.failed, self.told = program, folder, page, 0, 0

    def that(self, holds, what):
        if not holds:
            self.failed += 1
            self.told += 1
            # One fault of the page fails hundreds of times.
            if self.told <= TOLD_MAX:
                print(f"  FAILED: {what[:1000]}")

    def retrohunt(self, *arguments, codes=(0, 3)):
        done = subprocess.run([self.program, "--quiet", *arguments], capture_output=True, text=True, check=False)
        if done.returncode not in codes:
            sys.exit(f"retrohunt {arguments[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    def rows(self, store, sql):
        return json.loads(self.retrohunt("sql", sql, "--store", store, "--format", "json"))

    def quiet(self, what):
        """Nothing was asked for but the page itself, and nobody complained."""
        page = self.page
        asked = [url for url in page.requests if not url.startswith(("file:///", "data:,"))]
        self.that(len(page.requests) <= 2 and not asked, f"{what}: it asked for {page.requests}")
        self.that(not page.dialogs, f"{what}: a dialog opened: {page.dialogs}")
        self.that(not page.faults, f"{what}: the console has {page.faults[:3]}")
        self.that(page.run("document.title") == TITLE, f"{what}: the title is {page.run('document.title')!r}")

    def shot(self, name, **more):
        self.page.screenshot(os.path.join(self.folder, name + ".png"), **more)


def use(check, name, store, path):
    """Does with a report all that a reader can do, and holds what it shows against SQL."""
    page, began = check.page, time.monotonic()
    page.size(1400, 1000)
    page.media()
    ready = page.open(path)
    with open(os.path.join(HERE, "reader.js"), encoding="utf-8") as file:
        page.run(file.read())
    check.quiet("opened")
    check.shot(name + "-light")
    truth = Truth(check, store)
    check.that(page.run("reader.found()") == len(truth.findings), f"{page.run('reader.found()')} findings are shown, SQL says {len(truth.findings)}")
    page.run("reader.size(25); 1")
    check.that(call(check, "ids") == truth.sorted("level", True), "the list does not begin with the highest level and the newest")
    whole = None
    for step in (steps.facets, steps.combinations, steps.searches, steps.timeline, steps.matrix, steps.summary, steps.sorts, steps.details):
        step_began, check.told = time.monotonic(), 0
        whole = whole or call(check, "state")
        step(check, truth)
        if step is not steps.sorts:
            page.run("reader.clear(); 1")
            check.that(call(check, "state") == whole, f"{step.__name__}: clearing does not bring everything back")
        check.quiet(step.__name__)
        if os.environ.get("RETROHUNT_WEB_TIMES"):
            print(f"    {name}, {step.__name__}: {time.monotonic() - step_began:.1f} s")
    check.told = 0
    keys.keys(check, truth)
    check.quiet("keys")
    odd_things(check)
    check.told = 0
    look(check, name)
    check.quiet("looked at")
    print(f"  {name}: {len(truth.findings)} findings, {os.path.getsize(path):,} bytes, ready after {ready} ms, used for {time.monotonic() - began:.0f} s")


def odd_things(check):
    """With findings open: no value is a link, and nothing is where this page did not put it."""
    page = check.page
    page.run("reader.clear(); reader.all('#rows button.open').forEach((button) => button.click()); reader.all('.detail summary').forEach((summary) => summary.click()); 1")
    links = page.run("reader.all('a').filter((a) => !a.getAttribute('href').startsWith('#')).length")
    check.that(links == 0, f"{links} links lead out of the page")
    odd = page.run("reader.all('main *').filter((e) => ['SCRIPT', 'IMG', 'IFRAME', 'OBJECT', 'EMBED', 'STYLE', 'FORM', 'VIDEO', 'AUDIO', 'BASE', 'META', 'LINK', 'TEMPLATE', 'MATH'].includes(e.tagName.toUpperCase()) || [...e.attributes].some((a) => a.name.startsWith('on') || a.name === 'src' || a.name === 'srcdoc')).map((e) => e.tagName)")
    check.that(odd == [], f"elements that the page does not have: {odd}")
    hidden = page.run(r"(document.body.innerText.match(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g) ?? []).length")
    check.that(hidden == 0, f"{hidden} hidden characters are shown raw")


def look(check, name):
    """Screenshots: a person looks at them. What can be asked is asked: nothing is wider than its page, and no word is cut."""
    page = check.page

    def whole_words(where):
        broken = call(check, "broken")
        check.that(broken == [], f"{where}: {len(broken)} words are broken over two lines: {broken[:4]}")

    page.run("reader.all('#rows button.open[aria-expanded=true]').forEach((b, i) => i && b.click()); document.getElementById('findings').scrollIntoView(); 1")
    check.shot(name + "-list")
    whole_words("wide")
    page.run("document.getElementById('attack').scrollIntoView(); 1")
    check.shot(name + "-attack")
    page.run("document.getElementById('risk').scrollIntoView(); 1")
    check.shot(name + "-risk")
    page.media(dark=True)
    for part in ("summary", "findings", "attack"):
        page.run(f"document.getElementById('{part}').scrollIntoView(); 1")
        check.shot(f"{name}-dark-{part}")
    page.media()
    for width in WIDTHS:
        page.size(width, 900)
        page.run("document.getElementById('list').scrollIntoView(); 1")
        check.shot(f"{name}-{width}-list")
        wide = page.run("document.documentElement.scrollWidth")
        check.that(wide <= width, f"a screen of {width} pixels needs {wide}")
        for opened in ("closed", "open"):
            if opened == "open":
                page.run("reader.all('#rows button.open').slice(0, 5).forEach((b) => b.getAttribute('aria-expanded') === 'true' || b.click()); 1")
            outside = call(check, "outside")
            check.that(outside == [], f"{width} pixels, findings {opened}: {len(outside)} things are outside of their box: {outside[:4]}")
        page.run("reader.all('#rows button.open[aria-expanded=true]').forEach((b) => b.click()); 1")
        squeezed = call(check, "squeezed")
        check.that(squeezed == [], f"{width} pixels: {len(squeezed)} hosts or dates stand in several lines: {squeezed[:4]}")
    page.size(390, 844)
    for part in ("summary", "findings", "list", "attack", "risk"):
        page.run(f"document.getElementById('{part}').scrollIntoView(); 1")
        check.shot(f"{name}-narrow-{part}")
    wide = page.run("document.documentElement.scrollWidth")
    check.that(wide <= 390, f"a narrow screen needs {wide} pixels")
    whole_words("narrow")
    page.size(794, 1123)
    page.media("print")
    for part in ("summary", "findings", "attack", "risk"):
        page.run(f"document.getElementById('{part}').scrollIntoView(); 1")
        check.shot(f"{name}-print-{part}")
    wide = page.run("document.documentElement.scrollWidth")
    check.that(wide <= 794, f"a sheet of paper needs {wide} pixels")
    whole_words("print")
    parted = call(check, "parted")
    check.that(parted == [], f"print: parted from what they belong to: {parted}")
    check.that(page.run("getComputedStyle(document.getElementById('explorer')).display") == "none", "the list is not printed")
    check.that(page.run("getComputedStyle(document.getElementById('static')).display") != "none", "the static table is printed")
    page.media()
    page.size(1400, 1000)


def without_script(check, path):
    page = check.page
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    page.call("Page.navigate", url="file://" + os.path.abspath(path))
    document = page.call("DOM.getDocument", depth=-1)["root"]["nodeId"]
    rows = page.call("DOM.querySelectorAll", nodeId=document, selector="#static tbody tr")["nodeIds"]
    check.that(len(rows) > 0, "without JavaScript there is a table of findings")
    page.call("Emulation.setScriptExecutionDisabled", value=False)


def redacted(check, folder, store):
    """Nothing of a redacted page, packed data included, holds the name of a host or user of its findings."""
    path = os.path.join(folder, "redacted.html")
    check.retrohunt("report", "--html", path, "--redact", "--store", store)
    with open(path, encoding="utf-8") as file:
        page = file.read()
    static, packed = page.split('<script id="data" type="application/octet-stream">')
    texts = json.loads(gzip.decompress(base64.b64decode(packed.split("<", 1)[0])))["names"]["texts"]
    whole = "\n".join([static.replace("<wbr>", ""), *texts]).lower()
    rows = check.rows(store, "SELECT DISTINCT v.value AS name FROM findings, json_each(hosts) v UNION SELECT v.value FROM findings, json_each(users) v")
    for name in {row["name"].lower() for row in rows}:
        for part in {name, name.split("\\")[-1], name.split(".")[0]} - COMMON:
            if re.search(r"(?<![^\W_])" + re.escape(part) + r"(?![^\W_])", whole):
                check.that(False, f"the redacted page names {part}")
    check.page.open(path)
    check.quiet("redacted")


def made(check, folder, name, logs, rules):
    """A store of two hunts, in which a person has said something of some findings; and its report."""
    store, path = os.path.join(folder, name + ".db"), os.path.join(folder, name + ".html")
    check.retrohunt("load", logs, "--store", store)
    check.retrohunt("hunt", "--rules", rules, "--store", store, "--format", "jsonl")
    again = check.rows(store, "SELECT DISTINCT rule_path FROM findings ORDER BY 1")[::3]
    check.retrohunt("hunt", *(part for row in again for part in ("--rules", row["rule_path"])), "--store", store, "--format", "jsonl")
    statuses = ["false positive", "true positive", *(hostile.PAYLOADS[:40] if name == "hostile" else [])]
    with sqlite3.connect(store) as database:
        for place, (identity,) in enumerate(database.execute("SELECT finding_id FROM finding WHERE id % 4 = 0 ORDER BY id").fetchall()):
            status = statuses[place % len(statuses)]
            database.execute("INSERT INTO triage (finding_id, status, note, changed_us) VALUES (?, ?, ?, 0)", (identity, status, f"note: {status}"))
    database.close()
    check.retrohunt("report", "--html", path, "--store", store)
    return store, path


def main():
    program = os.path.abspath(sys.argv[1])
    out = sys.argv[2] if len(sys.argv) > 2 else os.path.join(ROOT, "target", "web")
    chromium = browser.find()
    if chromium is None:
        print("skipped: no Chromium is installed (Debian: apt-get install chromium)")
        return 0
    os.makedirs(out, exist_ok=True)
    shared = os.environ.get("RETROHUNT_SHARED", os.path.join(ROOT, "..", "shared"))
    page = browser.Browser(chromium)
    check = Check(program, out, page)
    try:
        with tempfile.TemporaryDirectory() as folder:
            os.makedirs(os.path.join(folder, "hostile"))
            sets = [("sample", os.path.join(ROOT, "tests", "samples"), os.path.join(ROOT, "rules")), ("hostile", *hostile.write(os.path.join(folder, "hostile")))]
            evtx, sigma = os.path.join(shared, "corpora", "dev", "evtx"), os.path.join(shared, "rules", "sigmahq")
            if os.path.isdir(evtx) and os.path.isdir(sigma):
                sets.append(("evtx", evtx, sigma))
            else:
                print(f"  {evtx} is not there: two reports are tested and not three")
            for name, logs, rules in sets:
                store, path = made(check, folder, name, logs, rules)
                use(check, name, store, path)
                if name == "evtx" or (name == "sample" and len(sets) == 2):
                    redacted(check, folder, store)
            without_script(check, path)
    finally:
        page.close()
    print(f"{check.failed} failed" if check.failed else f"all hold; screenshots are in {out}")
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
