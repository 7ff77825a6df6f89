"""What SQL says of a store: all that a page shows is held against this. Every answer comes from `retrohunt sql` over the documented views."""

import functools
import json
import os
import re

LEVELS = ["critical", "high", "medium", "low", "informational", "no level"]
# What each facet filters by: a value of each finding that has it.
VALUES = {
    "level": "SELECT coalesce(severity, 'no level') AS v, finding_id FROM findings WHERE state = 'current'",
    "rule": "SELECT rule_id AS v, finding_id FROM findings WHERE state = 'current'",
    "technique": "SELECT t.value AS v, finding_id FROM findings, json_each(techniques) t WHERE state = 'current'",
    "host": "SELECT h.value AS v, finding_id FROM findings, json_each(hosts) h WHERE state = 'current'",
    "user": "SELECT u.value AS v, finding_id FROM findings, json_each(users) u WHERE state = 'current'",
    "status": "SELECT coalesce(triage, 'new') AS v, finding_id FROM findings WHERE state = 'current'",
    "hunt": "SELECT hunt_id AS v, finding_id FROM findings WHERE state = 'current'",
}
# Names are one where they differ by case alone.
COUNTS = "SELECT v COLLATE NOCASE AS v, count(DISTINCT finding_id) AS n, json_group_array(DISTINCT finding_id) AS ids FROM ({values}) GROUP BY 1"
# What each technique comes to. The findings of a rule count, whatever became of it in a later hunt.
TECHNIQUES = """WITH own AS (SELECT DISTINCT lower(rule_id) AS k, techniques FROM findings WHERE state = 'current'),
  every AS (SELECT k, techniques, 1 AS ran FROM own UNION ALL
    SELECT lower(coalesce(nullif(rule_id, ''), rule_path)), techniques, outcome IN ('found', 'nothing') FROM rule_outcomes
    WHERE lower(coalesce(nullif(rule_id, ''), rule_path)) NOT IN (SELECT k FROM own))
  SELECT upper(t.value) AS v, k, max(ran) AS ran FROM every, json_each(techniques) t GROUP BY 1, 2"""
# A text as long as this is shortened in a list (`SHORT` of the page), and what it opens to has this much (`TEXT_MAX`).
SHORT, TEXT_MAX = 160, 6000
# Events that a store keeps of a finding.
EVENTS_KEPT = 1000
# Events that a finding shows.
EVENTS_MAX = 50


def replaced():
    """Old id of a technique → the id of today."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "rules", "attack", "enterprise.yml")
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\nreplaced:\n")[1].splitlines()
    return dict(line.strip().split(": ") for line in lines if line.startswith("  "))


REPLACED = replaced()


def today(technique):
    return REPLACED.get(technique.upper(), technique)


HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]")


def visible(text, lines=False):
    """What nobody would see, spelled out; in a text of several lines those stay."""
    if lines:
        text = text.replace("\r\n", "\n")
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

    def spelled(found):
        c = found[0]
        return c if lines and c in "\n\t" else named.get(c) or (f"\\x{ord(c):02x}" if ord(c) < 0x100 else f"\\u{{{ord(c):x}}}")
    return HIDDEN.sub(spelled, text)


def whole(text, lines=False):
    """A text as a page has it: a name on one line, a block on several."""
    if not lines:
        text = visible(text)
    if len(text) <= TEXT_MAX:
        return visible(text, True)
    return f"{visible(text[:TEXT_MAX], True)}… ({len(text[TEXT_MAX:].encode())} more bytes)"


@functools.cache
def sort_key(text):
    """Texts are compared as the browser does it: in small letters, by UTF-16."""
    return whole(text).lower().encode("utf-16-be", "surrogatepass")


def micros(time):
    """A time of a view as text that sorts: fractions have three digits or six."""
    return None if time is None else time.rstrip("Z").ljust(26, "0")


def time_text(time):
    """A time as the page shows it, to the millisecond."""
    text = "" if time is None else time.rstrip("Z").replace("T", " ")[:23]
    return text.removesuffix(".000")


class Truth:
    """All of a store's current findings, and which of them each value of each facet has."""

    def __init__(self, check, store):
        self.check, self.store = check, store
        self.findings = self.ask("SELECT * FROM findings WHERE state = 'current' ORDER BY finding_id")
        for row in self.findings:
            for column in ("hosts", "users", "techniques", "group", "columns"):
                row[column] = json.loads(row[column])
            row["at"] = micros(row["first_time"])
        self.by_id = {row["finding_id"]: row for row in self.findings}
        self.titles = {row["rule_id"]: row["rule_title"] for row in self.findings}
        self.risk = {}
        for row in self.ask("SELECT o.value ->> 'type' AS kind, o.value ->> 'value' AS v, count(DISTINCT finding_id) AS n FROM findings, json_each(risk_objects) o WHERE state = 'current' GROUP BY 1, 2 COLLATE NOCASE"):
            name = visible(str(row["v"]))
            self.risk[(row["kind"], (name[:240] + "…" if len(name) > 240 else name if name.strip() else "(blank)").lower())] = row["n"]
        self.facets = {}
        for key, values in VALUES.items():
            self.facets[key] = {}
            for row in self.ask(COUNTS.replace("{values}", values)):
                if row["v"] != "":
                    self.facets[key][row["v"]] = (row["n"], frozenset(json.loads(row["ids"])))
        old, self.facets["technique"] = self.facets["technique"], {}
        for technique, (_, ids) in old.items():
            ids = ids | self.facets["technique"].get(today(technique), (0, frozenset()))[1]
            self.facets["technique"][today(technique)] = (len(ids), ids)

    @functools.cached_property
    def techniques(self):
        """Technique of today → the rules that name it, and whether one of them ran."""
        out = {}
        for row in self.ask(TECHNIQUES):
            known = out.setdefault(today(row["v"]).lower(), {"keys": set(), "ran": 0})
            known["keys"].add(row["k"])
            known["ran"] = max(known["ran"], row["ran"])
        return {technique: {"rules": len(known["keys"]), "ran": known["ran"]} for technique, known in out.items()}

    @functools.cached_property
    def times(self):
        """Finding → the times of the events that are kept of it."""
        out = {}
        for row in self.ask("SELECT finding_id, time, event_id FROM timeline"):
            out.setdefault(row["finding_id"], {})[row["event_id"]] = micros(row["time"])
        return out

    def between(self, since, until):
        """The findings with an event at or after the one time and before the other (either may be none), as `findings` says it."""
        found = set()
        for row in self.findings:
            kept = self.times.get(row["finding_id"], {})
            first, last = row["at"], micros(row["last_time"])
            if first is None or (since and last < since) or (until and first >= until):
                continue
            is_capped = row["count"] > EVENTS_KEPT and len(kept) >= EVENTS_KEPT
            if not (since and until) or not kept or is_capped or any(time is not None and since <= time < until for time in kept.values()):
                found.add(row["finding_id"])
        return found

    def ask(self, sql):
        return self.check.rows(self.store, sql)

    def name(self, key, value):
        """What a facet calls a value."""
        text = self.titles[value] if key == "rule" else str(value)
        text = whole(text)
        units = text.encode("utf-16-le", "surrogatepass")
        if len(units) > 2 * SHORT:
            text = units[:2 * SHORT].decode("utf-16-le", "ignore") + "…"
        return text if text.strip() else "(blank)"

    def label(self, key, value):
        """The same, as far as case does not matter."""
        return self.name(key, value).lower()

    def labelled(self, key):
        """Label → the values that are called so, each with its number and findings: two rules may have one title."""
        out = {}
        for value, known in self.facets[key].items():
            out.setdefault(self.label(key, value), []).append(known)
        return out

    def counts(self, key, findings):
        """What a facet counts among findings: numbers, those of no finding left out."""
        return [n for n in (len(ids & findings) for _, ids in self.facets[key].values()) if n]

    def sorted(self, key, descending):
        """The findings in the order of a column: what has no value last, within one value the newest first."""
        by = {
            "level": lambda row: -LEVELS.index(row["severity"] or "no level"),
            "time": lambda row: row["at"],
            "rule": lambda row: sort_key(row["rule_title"]),
            "host": lambda row: sort_key(row["hosts"][0]) if row["hosts"] else None,
            "user": lambda row: sort_key(row["users"][0]) if row["users"] else None,
            "count": lambda row: row["count"],
            "details": lambda row: sort_key(row["details"] or row["message"]) if row["details"] or row["message"] else None,
            "status": lambda row: sort_key(row["triage"] or "new"),
        }[key]
        rows = sorted(self.findings, key=lambda row: row["finding_id"])
        rows.sort(key=lambda row: row["at"] or "", reverse=True)
        known = [row for row in rows if by(row) is not None]
        known.sort(key=by, reverse=descending)
        return [row["finding_id"] for row in known + [row for row in rows if by(row) is None]]
