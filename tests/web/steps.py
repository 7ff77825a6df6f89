"""What is done with a report, step by step, and what SQL says that it must give."""

import datetime
import itertools
import json
import re

from truth import EVENTS_MAX, LEVELS, time_text, today, whole

# Values of one facet that are each tried; of more, a spread. No store of these tests has so many: all are tried.
VALUES_MAX = 400
# Values of each facet that are tried together with those of every other.
COMBINED = 2
# Values that the page lists of one facet; more are found by typing.
LISTED = 200
# Words that are searched for, and times that are typed.
WORDS, TIMES = 16, 4
# Longest times between two events of one finding that are tried.
GAPS = 12
COLUMNS = ["level", "time", "rule", "host", "user", "count", "details", "status"]


def spread(items, most):
    """Items with equal distances, the first and the last among them."""
    items = list(items)
    if len(items) <= most:
        return items
    return [items[place * (len(items) - 1) // (most - 1)] for place in range(most)]


def call(check, function, *arguments):
    return check.page.run(f"reader.{function}({', '.join(json.dumps(argument) for argument in arguments)})")


def facets(check, truth):
    """Every value of every facet: its count, the findings that it leaves, and the facets' counts beside it."""
    call(check, "widen")
    for key, shown in call(check, "facets").items():
        expected = truth.labelled(key)
        places = spread(range(len(shown)), VALUES_MAX)
        tried = call(check, "tryPlaces", key, places)
        # The page lists 200; the others are found by typing.
        listed = {one["name"].lower() for one in shown}
        unlisted = spread((label for label in expected if label not in listed), VALUES_MAX)
        typed = [(label, call(check, "tryTyped", key, label)) for label in unlisted]
        for label, one in typed:
            check.that(one is not None, f"{key}: typing {label!r} does not find it")
        tried += [one for _, one in typed if one is not None]
        for one in tried:
            known = expected.get(one["name"].lower(), [])
            fits = next((known_as for known_as in known if known_as == (one["count"], frozenset(one["ids"]))), None)
            check.that(fits is not None, f"{key} {one['name'][:60]!r} counts {one['count']} and lists {sorted(one['ids'])[:8]}…, SQL says {[(n, sorted(ids)[:8]) for n, ids in known]}")
            check.that(one["found"] == one["count"] == len(one["ids"]), f"{key} {one['name'][:60]!r} counts {one['count']}, says {one['found']} and lists {len(one['ids'])}")
            check.that(len(one["chosen"]) == 1 and one["name"][:20] in one["chosen"][0], f"{key} {one['name'][:60]!r} is chosen as {one['chosen']}")
            if fits is not None:
                known.remove(fits)
        left = [label for label, known in expected.items() if known]
        check.that(left == [] or len(tried) == VALUES_MAX, f"{key}: SQL has values that the page does not: {left[:5]}")
        check.that([one["count"] for one in shown] == sorted((one["count"] for one in shown), reverse=True) or key == "level", f"{key}: the most frequent value is not first")
    check.that([one["name"] for one in call(check, "facets")["level"]] == [level for level in LEVELS if level in truth.facets["level"]], "levels are not in their order")


def combinations(check, truth):
    """Values of two facets together: what is left, and what every facet then counts."""
    call(check, "widen")
    counted = 0
    for one, other in itertools.combinations(truth.facets, 2):
        labelled = [{label: values[0] for label, values in truth.labelled(key).items() if len(values) == 1} for key in (one, other)]
        # The most frequent, the rarest and what lies between them.
        chosen = [spread(sorted(values, key=lambda label: (-values[label][0], label)), COMBINED) for values in labelled]
        for place, (a, b) in enumerate(itertools.product(*chosen)):
            of_a, of_b = labelled[0][a][1], labelled[1][b][1]
            values = [[one, a], [other, b]]
            if place % 2 == 1 and len(chosen[0]) > 1:
                # Of one facet two values: either is enough.
                more = next(label for label in chosen[0] if label != a)
                values.insert(0, [one, more])
                of_a = of_a | labelled[0][more][1]
            expected, shown = of_a & of_b, call(check, "combine", values)
            if shown is None:
                listed = [truth.facets[key] for key in (one, other)]
                check.that(not expected or max(map(len, listed)) > LISTED, f"{values} cannot be chosen, SQL says that they have {len(expected)} findings")
                continue
            counted += 1
            check.that(frozenset(shown["ids"]) == expected and len(shown["ids"]) == shown["found"] == len(expected), f"{values} together give {shown['found']} findings, SQL says {len(expected)}")
            # A facet counts what all others leave.
            left = {key: expected for key in truth.facets} | {one: of_b, other: of_a}
            for key in truth.facets:
                counts = sorted((value["count"] for value in shown["facets"][key] if value["count"]), reverse=True)
                sql = sorted(truth.counts(key, left[key]), reverse=True)
                check.that(counts == sql[:LISTED] or (len(sql) > LISTED and sum(counts) <= sum(sql)), f"{values} chosen: facet {key} counts {counts[:8]}…, SQL says {sql[:8]}…")
    check.page.run("reader.clear(); 1")
    check.that(counted > 0, "no two facets were chosen together")


def sorts(check, truth):
    """Each column both ways: the order of all findings, and what the page says of it."""
    for key in COLUMNS:
        seen = set()
        for _ in range(2):
            said = call(check, "sort", key)
            check.that(said in (f"{key} ascending", f"{key} descending"), f"column {key} is pressed and the page says {said!r}")
            seen.add(said)
            ids, expected = call(check, "ids"), truth.sorted(key, said.endswith("descending"))
            wrong = next((place for place, (a, b) in enumerate(zip(ids, expected)) if a != b), None)
            check.that(ids == expected, f"{said}: row {wrong} is finding {ids[wrong or 0]}, SQL says {expected[wrong or 0]}")
        check.that(len(seen) == 2, f"column {key} has one order alone")
    call(check, "sort", "level")


def searches(check, truth):
    """Words and times: what is left is what SQL finds."""
    # A page has the beginning of a long text.
    texts = "rule_title || char(10) || rule_id || char(10) || substr(details, 1, 6000) || char(10) || substr(message, 1, 6000) || char(10) || hosts || char(10) || users || char(10) || \"group\" || char(10) || columns || char(10) || techniques"
    words = set()
    for row in spread(truth.findings, 12):
        for text in (row["rule_title"], row["details"], row["rule_id"], *row["hosts"], *row["users"], *row["techniques"]):
            # What JSON and the page spell otherwise cannot be asked in one query.
            words.update(spread([word for word in re.findall(r"[A-Za-z0-9]+", text[:150]) if len(word) > 2], 2))
    words = spread(sorted(words), WORDS)
    asked = [[word] for word in words] + [list(pair) for pair in zip(words, words[7:])][::2] + [["no-such-word-anywhere"]]
    # A technique is found by the id that the rule has and by that of today.
    read = {row["finding_id"]: row["text"] for row in truth.ask(f"SELECT finding_id, lower({texts}) AS text FROM findings WHERE state = 'current'")}
    for number, row in truth.by_id.items():
        read[number] += "\n" + " ".join(today(technique) for technique in row["techniques"]).lower()
    for words in asked:
        expected = {number for number, text in read.items() if all(word.lower() in text for word in words)}
        shown = call(check, "enter", "search", " ".join(words).upper())
        check.that(shown["found"] == len(expected) and set(shown["ids"]) == expected, f"searching {words} gives {shown['found']} findings, SQL says {len(expected)}: {sorted(set(shown['ids']) ^ expected)[:5]}")
        if words == asked[0]:
            call(check, "tool", "search", "")
            check.that(call(check, "tool", "search", words[0]) == len(expected), "what is typed without Enter is not searched")
    call(check, "enter", "search", "")
    times = spread(sorted({row["first_time"] for row in truth.findings if row["first_time"]}), TIMES)
    # A reader types minutes and days; and a second that some finding lasts into or begins in.
    typed = [*((time[:16], "") for time in times), *(("", time[:10]) for time in times), *((since[:16], until[:10]) for since, until in zip(times, times[2:]))]
    lasting = [row for row in truth.findings if row["first_time"] and row["first_time"][:19] < row["last_time"][:19]]
    typed += [(row["last_time"][:19], "") for row in spread(lasting, TIMES)] + [("", row["last_time"][:19]) for row in spread(lasting, TIMES)]
    # From one event of a finding to the next, and between the two.
    for place, (before, after) in enumerate(spread(gaps(truth), GAPS)):
        later = (datetime.datetime.fromisoformat(before) + datetime.timedelta(microseconds=1)).isoformat(timespec="microseconds")
        typed += [(before, after), (later, after), (later.replace("T", " "), after + "Z")][place % 2:]
    for since, until in typed:
        is_empty = since != "" and until != "" and whole_time(since) >= whole_time(until)
        expected = set() if is_empty else truth.between(whole_time(since), whole_time(until))
        call(check, "enter", "since", since)
        shown = call(check, "enter", "until", until)
        check.that(shown["found"] == len(expected) and set(shown["ids"]) == expected, f"since {since!r} until {until!r} gives {shown['found']} findings, SQL says {len(expected)}: {sorted(set(shown['ids']) ^ expected)[:5]}")
        check.that(("Since is not before Until" in said(check)) == is_empty and (is_empty or said(check) == ""), f"since {since!r} until {until!r} says {said(check)!r}")
    call(check, "enter", "until", "")
    check.page.run("reader.clear(); 1")
    wrong_times(check, truth, times)


def gaps(truth):
    """Of each finding that lasts, the two events with the longest time between them."""
    out = set()
    for kept in truth.times.values():
        times = sorted({time for time in kept.values() if time})
        pairs = list(zip(times, times[1:]))
        if pairs:
            out.add(max(pairs, key=lambda pair: datetime.datetime.fromisoformat(pair[1]) - datetime.datetime.fromisoformat(pair[0])))
    return sorted(out)


def whole_time(text):
    """A typed time with all its digits."""
    return (text.rstrip("Z").replace(" ", "T") + "0000-01-01T00:00:00.000000"[len(text.rstrip("Z")):]) if text else ""


def said(check):
    return check.page.run("document.getElementById('wrong').textContent")


def wrong_times(check, truth, times):
    """Every spelling of one time means the same; what is not a time, and an interval without a time, are told in words."""
    everything = len(truth.findings)
    for time in times:
        second = time[:19]
        spellings = [time_text(time), time, time.rstrip("Z") + "+00:00", f"{time_text(time)} UTC", time.replace(".", ",")]
        expected = truth.between(whole_time(time), "")
        # The page shows a time to the millisecond.
        shown_as = truth.between(whole_time(time_text(time)), "")
        for spelling in spellings:
            found = call(check, "enter", "since", spelling)["found"]
            wanted = len(shown_as if spelling.startswith(time_text(time)) else expected)
            check.that(found == wanted and said(check) == "", f"since {spelling!r} gives {found} findings, not {wanted}, and says {said(check)!r}")
        # The same in another zone.
        ahead = (datetime.datetime.fromisoformat(second) + datetime.timedelta(hours=5, minutes=30)).isoformat()
        found = call(check, "enter", "since", ahead + "+05:30")["found"]
        check.that(found == len(truth.between(whole_time(second), "")), f"since {ahead}+05:30 gives {found} findings")
    check.page.run("reader.clear(); 1")
    for wrong in ("yesterday", "2024-02-31", "2024-01-01T25:00", "2024-1-1"):
        found = call(check, "tool", "since", wrong)
        marked = check.page.run("document.getElementById('since').getAttribute('aria-invalid')")
        check.that(found == everything and marked == "true" and said(check).startswith("Since is not a time"), f"{wrong!r} gives {found} findings, is marked {marked} and the page says {said(check)!r}")
    call(check, "enter", "since", "2100-01-02")
    found = call(check, "enter", "until", "2100-01-01")["found"]
    check.that(found == 0 and "Since is not before Until" in said(check), f"an interval without a time gives {found} findings and says {said(check)!r}")
    check.page.run("reader.clear(); 1")
    check.that(said(check) == "", f"without filters the page says {said(check)!r}")


def matrix(check, truth):
    """Every technique of the matrix: its state and numbers, and where those that fired lead to."""
    page = check.page
    known = truth.techniques
    findings = {value.lower(): ids for value, (_, ids) in truth.facets["technique"].items()}
    # What is folded is opened as a reader does it.
    page.run("reader.all('.matrix summary').forEach((summary) => summary.click()); 1")
    cells, seen, buttons = call(check, "matrix"), set(), 0
    check.that(cells != [] or not known, "the matrix is empty")
    for cell in cells:
        # The id, or where the id is none the whole name.
        technique = next((name for name in (cell["name"].lower(), cell["name"].split(" ")[0].lower()) if name in known), None)
        if technique is None:
            check.that(False, f"the matrix has {cell['name']}, SQL does not")
            continue
        seen.add(technique)
        ids, row = findings.get(technique, frozenset()), known[technique]
        state = "fired" if ids else "could" if row["ran"] else "blind"
        word = {"fired": f"{len(ids):,} finding{'' if len(ids) == 1 else 's'}", "could": "could fire", "blind": "blind"}[state]
        rules = f"{row['rules']:,} rule{'' if row['rules'] == 1 else 's'}"
        check.that((cell["state"], cell["word"], cell["link"]) == (state, f"{word}, {rules}", state == "fired"), f"{cell} should be {state}, {word}, {rules}")
        if cell["link"]:
            page.click(f"reader.all('.matrix li button')[{buttons}]")
            buttons += 1
            listed, chosen = call(check, "ids"), page.run("reader.all('#chosen button').map((button) => button.textContent)")
            check.that(frozenset(listed) == ids and len(listed) == len(ids), f"{cell['name']} leads to {len(listed)} findings, SQL says {len(ids)}")
            check.that(len(chosen) == 1 and chosen[0].lower().startswith(f"technique: {technique}"), f"{cell['name']} chooses {chosen}")
    check.that(seen == set(known), f"techniques that are not in the matrix: {sorted(set(known) - seen)[:5]}")
    fired = page.run("reader.number(document.querySelector('#attack p')?.textContent.split(' ')[0] ?? '0')")
    check.that(fired == len(findings) or not known, f"{fired} techniques fired, SQL says {len(findings)}")
    page.run("reader.clear(); reader.all('.matrix details').forEach((one) => { one.open = false; }); 1")


def summary(check, truth):
    """Every number and name above and below the list that leads into it."""
    page = check.page
    places = page.run("reader.all('[data-show]').filter((place) => !place.closest('.matrix')).map((place) => [place.dataset.show.split(' ')[0], place.closest('tr').textContent, place.textContent, "
                      "[...place.closest('table').tHead.rows[0].cells].findIndex((head) => head.textContent === 'Findings')])")
    at_risk = page.run("reader.all('[data-show]').filter((place) => !place.closest('.matrix')).flatMap((place, number) => (place.closest('#risk') ? [number] : []))")
    check.that(places != [] or not truth.findings, "nothing of the summary leads into the list")
    for place, (key, row, text, column) in enumerate(places):
        show = f"reader.all('[data-show]').filter((place) => !place.closest('.matrix'))[{place}]"
        page.click(f"reader.one('button', {show})")
        said = page.run(f"reader.number({show}.closest('tr').cells[{column}].textContent)")
        ids, chosen = frozenset(call(check, "ids")), page.run("reader.all('#facets input:checked').map((input) => input.closest('li').querySelector('.name, .level').textContent)")
        name = row[:re.search(r"\d|$", row).start()] if key == "level" else text
        if place in at_risk:
            # The number is of findings that add to the risk; the name leads to all about it.
            about = {"host": "system"}.get(key, key)
            risk = truth.risk.get((about, name.lower()), 0)
            check.that(said == risk, f"the risk of {key} {name[:60]!r} is of {said} findings, SQL says {risk}")
            said = len(ids)
        known = [of for label, values in truth.labelled(key).items() if label[:100] == name.lower()[:100] for of in values]
        check.that(len(chosen) == 1 and ids in [of for _, of in known], f"{key} {name[:60]!r} leads to {len(ids)} findings of {chosen}, SQL says {[n for n, _ in known]}")
        check.that(said == len(ids), f"{key} {name[:60]!r} says {said} and leads to {len(ids)} findings")
    levels = page.run("reader.all('#levels tbody tr').map((row) => [row.cells[0].textContent, reader.number(row.cells[1].textContent), reader.number(row.cells[2].textContent)])")
    rules = {row["v"]: row["n"] for row in truth.ask("SELECT coalesce(severity, 'no level') AS v, count(DISTINCT rule_id) AS n FROM findings WHERE state = 'current' GROUP BY 1")}
    expected = [[level, truth.facets["level"].get(level, (0,))[0], rules.get(level, 0)] for level in LEVELS if level != "no level" or level in rules]
    check.that(levels == expected, f"the summary has {levels}, SQL says {expected}")
    page.run("reader.clear(); 1")


def timeline(check, truth):
    """Every bar: what it says, what the table beneath it says, and the findings that it leads to are those of its time."""
    page = check.page
    bars = page.run("reader.all('.chart [data-since]').map((bar) => [bar.dataset.since, bar.dataset.until, bar.getAttribute('aria-label')])")
    rows = page.run("reader.all('#summary details tbody tr').map((row) => [...row.cells].map((cell) => cell.textContent))")
    check.that(len(bars) == len(rows), f"{len(bars)} bars and {len(rows)} rows")
    every = set()
    for place, (since, until, label) in enumerate(bars):
        found = truth.ask("SELECT coalesce(severity, 'no level') AS v, count(*) AS n, json_group_array(finding_id) AS ids FROM findings "
                          f"WHERE state = 'current' AND first_time >= '{since}' AND first_time < '{until}' GROUP BY 1")
        levels, ids = {row["v"]: row["n"] for row in found}, {number for row in found for number in json.loads(row["ids"])}
        page.click(f"reader.all('.chart [data-since]')[{place}]")
        listed, chosen = call(check, "ids"), page.run("reader.all('#chosen button').map((button) => button.textContent)")
        check.that(set(listed) == ids and len(listed) == len(ids), f"the bar {label!r} leads to {len(listed)} findings, SQL says {len(ids)}")
        check.that(len(chosen) == 1 and since[:4] in chosen[0], f"the bar {label!r} is chosen as {chosen}")
        check.that(f": {len(ids):,} finding" in label, f"the bar says {label!r}, SQL says {len(ids)}")
        check.that(rows[place][1:] == [f"{levels.get(level, 0):,}" for level in LEVELS], f"the timeline's table has {rows[place]}, SQL says {levels}")
        every |= ids
    timed = {row["finding_id"] for row in truth.findings if row["first_time"]}
    check.that(every == timed, f"the bars have {len(every)} findings, SQL says {len(timed)}")
    if bars:
        page.run("reader.one('#chosen button').click(); 1")
        check.that(page.run("reader.found()") == len(truth.findings), "a bar's filter cannot be removed")


def details(check, truth):
    """Everything that each finding opens to."""
    rules = {row["rule_id"]: row for row in truth.ask("SELECT * FROM rules")}
    evidence = {}
    for row in truth.ask("SELECT * FROM timeline ORDER BY finding_id, event_id"):
        evidence.setdefault(row["finding_id"], []).append(row)
    hashes = {row["path"]: row["sha256"] for row in json.loads(check.retrohunt("sources", "--all", "--store", truth.store, "--format", "json"))}
    made = creations(truth)
    opened = []
    pages = check.page.run("Number(document.getElementById('place').textContent.split(' ').at(-1).replaceAll(',', ''))")
    for _ in range(pages):
        opened += call(check, "details")
        check.page.run("reader.one('#next').disabled || reader.one('#next').click(); 1")
    check.that(sorted(one["id"] for one in opened) == sorted(truth.by_id), f"{len(opened)} findings were opened, SQL has {len(truth.by_id)}")
    for one in opened:
        finding = truth.by_id[one["id"]]
        check.that(one["closed"], f"finding {one['id']} does not close")
        for what, shown, expected in finding_parts(one, finding, rules[finding["rule_id"]], evidence.get(one["id"], []), hashes):
            check.that(shown == expected, f"finding {one['id']}, {what}: {str(shown)[:300]!r}, SQL says {str(expected)[:300]!r}")
        processes(check, one, evidence.get(one["id"], [])[:EVENTS_MAX], made)


def finding_parts(one, finding, rule, evidence, hashes):
    """What is shown of a finding and what SQL has: a name, both."""
    def block(text):
        return [whole(text, True)] if text else None
    happened, of_rule = one["What happened"], one["Rule"]
    yield "message", happened.get("Message"), block(finding["message"])
    parts = [part.replace("*: ", ": ", 1) if part.find("*: ") > 0 else part for part in whole(finding["details"]).split(" · ")]
    yield "details", happened.get("Details"), [" · ".join(parts)] if finding["details"] else None
    for key in ("hosts", "users"):
        names = list(dict.fromkeys(whole(name).lower() for name in finding[key]))
        yield key, (happened.get(key.title()) or [""])[0].lower(), "\n".join(names)
    for name, key in (("First", "first_time"), ("Last", "last_time")):
        yield name, happened.get(name, [""])[0], time_text(finding[key])
    yield "risk", float(happened["Risk score"][0]) if "Risk score" in happened else None, finding["risk_score"]
    yield "note", happened.get("Note"), block(finding["triage_note"] or "")
    values = {name: values[0] for name, values in one.get("Values", {}).items()}
    texts = {name: value for name, value in {**finding["group"], **finding["columns"]}.items() if isinstance(value, (str, int)) and value != ""}
    yield "values", {name: value for name, value in values.items() if name in {whole(key, True) for key in texts}}, {whole(name, True): whole(str(value), True) for name, value in texts.items()}
    rows = [[time_text(row["time"]), whole(row["host"] or ""), whole(f"{row['channel']} {row['event_code'] or ''}".strip()), whole(row["path"]), str(row["record"]), hashes[row["path"]]]
            for row in evidence[:EVENTS_MAX]]
    yield "evidence", one["Evidence"]["rows"], rows
    yield "number of events", int(re.match(r"[\d,]+(?: events? of ([\d,]+))?", one["Evidence"]["caption"]).group(1).replace(",", "")) if " of " in one["Evidence"]["caption"] else len(rows), finding["count"]
    for name, key in (("Description", "description"), ("Author", "author"), ("Rule id", "rule_id"), ("File", "rule_path"), ("Level", "level"), ("Status", "status")):
        yield f"rule's {key}", of_rule.get(name), [whole(rule[key], key == "description")] if rule[key] else None
    for name, key in (("False positives", "false_positives"), ("References", "reference_links")):
        yield f"rule's {key}", of_rule.get(name, []), [whole(text, True) for text in json.loads(rule[key] or "[]") if text]
    own = json.loads(rule["techniques"])
    current = list(dict.fromkeys(today(technique) for technique in own))
    yield "rule's techniques", of_rule.get("Techniques", [""])[0].lower(), ", ".join(current).lower()
    yield "rule's own techniques", of_rule.get("Techniques as the rule has them", [""])[0], "" if own == current else ", ".join(own)
    yield "fields", of_rule.get("Fields tested", [""])[0], ", ".join(whole(text, True) for text in json.loads(rule["fields"]))
    yield "sql", one.get("sql"), whole(rule["sql"], True) if rule["sql"] else None


def creations(truth):
    """Event → what a process creation of Sysmon or of the Security log says."""
    # Without a word of who started it there is no tree.
    views = {row["name"] for row in truth.ask("SELECT name FROM sqlite_master WHERE type = 'view' AND name IN ('sysmon_1', 'security_4688')")}
    out = {}
    for view in sorted(views):
        names = {row["name"] for row in truth.ask(f"SELECT name FROM pragma_table_info('{view}')")}
        if not names & {"ParentProcessGuid", "ParentProcessId", "ProcessId"}:
            continue
        wanted = {"image": ("Image", "NewProcessName"), "command": ("CommandLine",), "own": ("ProcessGuid",), "above": ("ParentProcessGuid",), "parent": ("ParentImage",)}
        columns = [f"\"{next((name for name in own if name in names), None)}\" AS {key}" if names & set(own) else f"NULL AS {key}" for key, own in wanted.items()]
        for row in truth.ask(f"SELECT _id, _time, {', '.join(columns)} FROM {view}"):
            out[row["_id"]] = row
    return out


def processes(check, one, evidence, made):
    """The processes of the events stand in the tree with their command lines, below those that started them."""
    own = [made[row["event_id"]] for row in evidence if row["event_id"] in made]
    shown = {(node["image"], node["command"]): node for node in one.get("Processes", [])}
    by_guid = {}
    for row in made.values():
        if row["own"]:
            by_guid.setdefault(row["own"].lower(), row)
    for row in own:
        node = shown.get((whole("" if row["image"] in (None, "-") else row["image"]) or "(unknown program)", whole("" if row["command"] in (None, "-") else row["command"], True)))
        check.that(node is not None, f"finding {one['id']}: no process {row['image']!r:.80} {row['command']!r:.80} in its tree, but {list(shown)[:3]!r:.300}")
        if node is None or not row["above"]:
            continue
        check.that(time_text(row["_time"])[:16] in node["note"], f"finding {one['id']}: the process was started {row['_time']}, the tree says {node['note']!r}")
        above = by_guid.get(row["above"].lower())
        goes_round = above is not None and (above["above"] or "").lower() == (row["own"] or "").lower()
        parent = (above["image"] if above else row["parent"]) or ""
        expected = whole("" if parent == "-" else parent) or ("(unknown program)" if above else None)
        check.that(node["parent"] == expected or (goes_round and node["parent"] is None), f"finding {one['id']}: {row['image']!r:.80} is started by {node['parent']!r:.80}, SQL says {expected!r:.80}")
