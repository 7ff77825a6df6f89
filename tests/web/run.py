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
import subprocess
import sys
import tempfile

import browser
import hostile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Names that are the same everywhere stay.
COMMON = {"system", "local service", "network service", "nt authority\\system", "nt authority\\local service", "nt authority\\network service", ""}
TITLE = "retrohunt report"
# The facets and what their counts are in SQL: value and number.
FACETS = {
    "level": "SELECT coalesce(severity, 'no level') AS v, count(*) AS n FROM findings WHERE state = 'current' {and} GROUP BY 1",
    "rule": "SELECT rule_id AS v, count(*) AS n FROM findings WHERE state = 'current' {and} GROUP BY 1",
    "technique": "SELECT t.value AS v, count(*) AS n FROM findings, json_each(techniques) t WHERE state = 'current' {and} GROUP BY 1",
    "host": "SELECT h.value COLLATE NOCASE AS v, count(*) AS n FROM findings, json_each(hosts) h WHERE state = 'current' {and} GROUP BY 1",
    "user": "SELECT u.value COLLATE NOCASE AS v, count(*) AS n FROM findings, json_each(users) u WHERE state = 'current' {and} GROUP BY 1",
    "status": "SELECT coalesce(triage, 'new') AS v, count(*) AS n FROM findings WHERE state = 'current' {and} GROUP BY 1",
    "hunt": "SELECT hunt_id AS v, count(*) AS n FROM findings WHERE state = 'current' {and} GROUP BY 1",
}
# The explorer is not reachable by name from outside its script, so the page is read as a reader sees it.
SHOWN = """(() => [...document.querySelectorAll('#facets fieldset')].map((box) => [box.dataset.facet,
  [...box.querySelectorAll('li .number')].map((n) => Number(n.textContent.replaceAll(',', '')))]))()"""


class Check:
    def __init__(self, program, folder, page):
        self.program, self.folder, self.page, self.failed = program, folder, page, 0

    def that(self, holds, what):
        if not holds:
            self.failed += 1
            print(f"  FAILED: {what}")

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

    def counts(self, store, condition, what):
        """The counts of every facet are those of SQL."""
        self.page.run("[...document.querySelectorAll('#facets button.plain')].forEach((b) => b.textContent.startsWith('Show f') || b.click()); 1")
        for key, shown in self.page.run(SHOWN):
            expected = sorted((row["n"] for row in self.rows(store, FACETS[key].replace("{and}", condition))), reverse=True)
            shown = sorted((n for n in shown if n > 0), reverse=True)
            self.that(shown == expected[:200], f"{what}: facet {key} shows {shown[:12]}…, SQL says {expected[:12]}…")

    def found(self):
        return self.page.run("Number(document.getElementById('count').textContent.split(' ')[0].replaceAll(',', ''))")

    def shot(self, name, **more):
        self.page.screenshot(os.path.join(self.folder, name + ".png"), **more)


def use(check, name, store, path):
    """Does with a report all that a reader can do."""
    page = check.page
    page.size(1400, 1000)
    page.media()
    ready = page.open(path)
    check.quiet("opened")
    check.shot(name + "-light")
    all_findings = check.rows(store, "SELECT count(*) AS n FROM findings WHERE state = 'current'")[0]["n"]
    check.that(check.found() == all_findings, f"{check.found()} findings are shown, SQL says {all_findings}")
    levels = page.run("[...document.querySelectorAll('#levels tbody tr')].map((row) => [row.cells[0].textContent, row.cells[1].textContent.replaceAll(',', '')])")
    expected = {row["v"]: row["n"] for row in check.rows(store, FACETS["level"].replace("{and}", ""))}
    check.that({level: int(n) for level, n in levels if n != "0"} == expected, f"the summary has {levels}, SQL says {expected}")
    check.counts(store, "", "all")
    # Each level alone: what other facets then count.
    for level in expected:
        page.run(f"[...document.querySelectorAll('[data-facet=level] li')].find((li) => li.querySelector('.level').textContent === {json.dumps(level)}).querySelector('input').click(); 1")
        check.that(check.found() == expected[level], f"level {level}: {check.found()} findings, SQL says {expected[level]}")
        condition = "AND severity IS NULL" if level == "no level" else f"AND severity = '{level}'"
        page.run("document.querySelectorAll('#facets fieldset:not([data-facet=level]) button.plain').forEach((b) => b.textContent.startsWith('Show f') || b.click()); 1")
        for key, shown in page.run(SHOWN):
            if key != "level":
                sql = sorted((row["n"] for row in check.rows(store, FACETS[key].replace("{and}", condition))), reverse=True)
                check.that(sorted((n for n in shown if n > 0), reverse=True) == sql[:200], f"level {level}: facet {key} differs")
        page.run("document.getElementById('clear').click(); 1")
    each_control(check, all_findings)
    check.quiet("used")
    look(check, name)
    check.quiet("looked at")
    print(f"  {name}: {all_findings} findings, {os.path.getsize(path):,} bytes, ready after {ready} ms")


def each_control(check, all_findings):
    page = check.page
    for key in FACETS:
        counted = page.run(f"(() => {{ const li = document.querySelector('[data-facet={key}] li'); if (!li) return null; li.querySelector('input').click();"
                           " return Number(li.querySelector('.number').textContent.replaceAll(',', '')); })()")
        check.that(counted is None or check.found() == counted, f"the first value of {key} counts {counted} and gives {check.found()}")
        page.run("document.getElementById('clear').click(); 1")
        check.that(check.found() == all_findings, f"{key}: clearing gives {check.found()}")
    for column in range(page.run("document.querySelectorAll('#columns th').length")):
        for wanted in ("ascending", "descending"):
            page.run(f"document.querySelectorAll('#columns th button')[{column}].click(); 1")
            sort = page.run(f"document.querySelectorAll('#columns th')[{column}].getAttribute('aria-sort')")
            check.that(column == 0 or sort == wanted, f"column {column} is sorted {sort}, not {wanted}")
    opened = page.run("(() => { document.querySelectorAll('#rows button.open').forEach((b) => b.click()); return document.querySelectorAll('#rows tr.detail').length; })()")
    check.that(opened == min(50, all_findings), f"{opened} findings opened")
    check.that(page.run("[...document.querySelectorAll('#rows .detail')].every((d) => d.textContent.includes('Evidence') && d.textContent.includes('Rule'))"), "details are whole")
    check.that(page.run("[...document.querySelectorAll('.detail summary')].every((s) => { s.click(); return s.parentElement.open; })"), "SQL opens")
    # No value is a link, and nothing is where this page did not put it.
    links = page.run("[...document.querySelectorAll('a')].filter((a) => !a.getAttribute('href').startsWith('#')).length")
    check.that(links == 0, f"{links} links lead out of the page")
    odd = page.run("[...document.querySelectorAll('main *')].filter((e) => ['SCRIPT', 'IMG', 'IFRAME', 'OBJECT', 'EMBED', 'STYLE', 'FORM', 'VIDEO', 'AUDIO', 'BASE', 'META', 'LINK', 'TEMPLATE', 'MATH'].includes(e.tagName.toUpperCase()) || [...e.attributes].some((a) => a.name.startsWith('on') || a.name === 'src' || a.name === 'srcdoc')).map((e) => e.tagName)")
    check.that(odd == [], f"elements that the page does not have: {odd}")
    hidden = page.run(r"(document.body.innerText.match(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g) ?? []).length")
    check.that(hidden == 0, f"{hidden} hidden characters are shown raw")
    techniques = page.run("document.querySelectorAll('.matrix [data-show] button').length")
    for place in range(min(techniques, 5)):
        page.run(f"document.querySelectorAll('.matrix [data-show] button')[{place}].click(); 1")
        check.that(0 < check.found() <= all_findings and page.run("document.querySelectorAll('#chosen button').length") == 1, f"technique {place} of the matrix")
    for what in ("#summary [data-show] button", "#risk [data-show] button"):
        if page.run(f"document.querySelectorAll('{what}').length"):
            page.run(f"document.querySelector('{what}').click(); 1")
            check.that(check.found() > 0 or what.startswith("#summary"), f"{what} leads to nothing")
    if page.run("document.querySelectorAll('[data-since]').length"):
        page.run("document.querySelector('[data-since]').dispatchEvent(new MouseEvent('click')); 1")
        check.that(0 < check.found() <= all_findings, "the first bar of the timeline")
    page.run("document.getElementById('clear').click(); 1")
    # Keys: search, move, open, close.
    for key, code in (("/", "Slash"), ("Escape", "Escape")):
        page.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=code)
    check.that(page.run("document.activeElement.id") == "search", "`/` goes to the search")
    page.run("document.querySelector('#rows button.open').focus(); 1")
    page.call("Input.dispatchKeyEvent", type="keyDown", key="ArrowDown", code="ArrowDown")
    moved = page.run("[...document.querySelectorAll('#rows button.open')].indexOf(document.activeElement)")
    check.that(all_findings < 2 or moved == 1, f"the arrow key leads to row {moved}")


def look(check, name):
    """Screenshots: a person looks at them."""
    page = check.page
    page.run("document.querySelectorAll('#rows button.open[aria-expanded=true]').forEach((b, i) => i && b.click()); document.getElementById('findings').scrollIntoView({behavior: 'instant'}); 1")
    check.shot(name + "-list")
    page.media(dark=True)
    check.shot(name + "-dark")
    page.media()
    page.size(390, 844)
    check.shot(name + "-narrow")
    wide = page.run("document.documentElement.scrollWidth")
    check.that(wide <= 390, f"a narrow screen needs {wide} pixels")
    page.size(794, 1123)
    page.media("print")
    check.shot(name + "-print")
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
    whole = "\n".join([static, *texts]).lower()
    rows = check.rows(store, "SELECT DISTINCT v.value AS name FROM findings, json_each(hosts) v UNION SELECT v.value FROM findings, json_each(users) v")
    for name in {row["name"].lower() for row in rows}:
        for part in {name, name.split("\\")[-1], name.split(".")[0]} - COMMON:
            if re.search(r"(?<![^\W_])" + re.escape(part) + r"(?![^\W_])", whole):
                check.that(False, f"the redacted page names {part}")
    check.page.open(path)
    check.quiet("redacted")


def made(check, folder, name, logs, rules):
    store, path = os.path.join(folder, name + ".db"), os.path.join(folder, name + ".html")
    check.retrohunt("load", logs, "--store", store)
    check.retrohunt("hunt", "--rules", rules, "--store", store, "--format", "jsonl")
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
