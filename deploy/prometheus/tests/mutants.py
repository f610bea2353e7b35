"""Alters a rule bit by bit: every threshold, comparison, set operator, matcher, range, offset, label of a `by`, `on` or
`without`, `for` and `keep_firing_for`."""
import re

from rules import closure, in_seconds, replaced

TIMING = ("for", "keep_firing_for")
NUMBER = r"\d+(?:\.\d+)?(?![\w.:])"
FLIPPED = {">": "<", "<": ">", "==": "!=", "!=": "==", "<=": ">", "and": "unless", "unless": "and", "or": "and"}
OPPOSITE = {"=": "!=", "!=": "=", "=~": "!~", "!~": "=~"}
# The alert whose cases have to notice the mutants of a recording rule.
HOMES = {
    "acs_recording:failures:increase5m": "AcsRecordingBurnFast",
    "acs_recording:failure_ratio:5m": "AcsRecordingBurnFast",
    "acs_recording:failures:increase30m": "AcsRecordingBurnSlow",
    "acs_recording:failure_ratio:30m": "AcsRecordingBurnSlow",
    "acs_recording:failures:increase1h": "AcsRecordingBurnFast",
    "acs_recording:failure_ratio:1h": "AcsRecordingBurnFast",
    "acs_recording:failures:increase6h": "AcsRecordingBurnSlow",
    "acs_recording:failure_ratio:6h": "AcsRecordingBurnSlow",
    "acs_recording:failures:increase3d": "AcsRecordingBurnSlow",
    "acs_recording:failure_ratio:3d": "AcsRecordingBurnSlow",
    "acs_recording:burns_fast": "AcsRecordingBurnFast",
    "acs_recording:backlog_age_seconds": "AcsRecordingStartFailed",
    "acs_recording:log_delay_seconds": "AcsRecordingLogsLate",
    "acs_recording:started:increase1d": "AcsRecordingNotReported",
    "acs_recording:reported:increase1d": "AcsRecordingNotReported",
    "acs_recording:quiet_seconds": "AcsRecordingLogsQuiet",
    "acs_recording:logs_missing": "AcsRecordingLogsMissing",
    "acs_recording_exporter:gone": "AcsRecordingExporterDown",
    "acs_recording_exporter:not_reading": "AcsRecordingExporterNotReading",
    "acs_recording_exporter:blind": "AcsRecordingNotReported",
}


def altered(alerts, records, alert):
    """All rules that the alert needs, and the same again with one alteration each: alert `A` also as `A__0`, `A__1` and so
    on. And for each number, which rule was altered, and how."""
    rule = alerts[alert]
    timing = {name: rule[name] for name in TIMING if name in rule}
    needed = closure(rule["expr"], records)
    rules = [{"record": record, "expr": records[record]} for record in needed]
    rules.append({"alert": alert, "expr": rule["expr"], **timing})
    what = []
    for how, expr, changed in mutants(rule["expr"], timing):
        rules.append({"alert": f"{alert}__{len(what)}", "expr": expr, **changed})
        what.append((alert, how))
    for record in needed:
        if HOMES[record] != alert:
            continue
        for how, expr, _ in mutants(records[record], {}):
            # The rules between the record and the alert are needed again, too.
            clones = {user: records[user] for user in needed if record in closure(records[user], records)} | {record: expr}
            suffix = f"__{len(what)}"
            for name in needed:
                if name in clones:
                    rules.append({"record": name + suffix, "expr": renamed(clones[name], clones, suffix)})
            rules.append({"alert": alert + suffix, "expr": renamed(rule["expr"], clones, suffix), **timing})
            what.append((record, how))
    return rules, what


def number_of(name):
    """`A__12` -> 12, `A` -> None"""
    found = re.search(r"__(\d+)$", name)
    return int(found[1]) if found else None


def renamed(text, clones, suffix):
    for name in clones:
        text = replaced(text, name, name + suffix)
    return text


def mutants(expr, timing):
    """What was altered, the expression with that, and `for` and `keep_firing_for` with that."""
    in_brackets = [match.span() for match in re.finditer(r"\{[^}]*\}|\[[^]]*\]|offset \w+", expr)]
    found = []

    def alter(match, new):
        line = expr[:match.start()].count("\n") + 1
        column = match.start() - expr.rfind("\n", 0, match.start())
        found.append((f"line {line}, column {column}: {match[0]} -> {new}", expr[:match.start()] + new + expr[match.end():], timing))

    for match in re.finditer(rf"(?<=[<>=] ){NUMBER}", expr):
        if not any(start <= match.start() < end for start, end in in_brackets):
            value = float(match[0])
            for new in (value * 10, value / 10) if value else (10, -1):
                alter(match, f"{new:g}")
    for match in re.finditer(r"(?<= )(==|!=|<=|>|<)(?= )|\b(and|unless|or)\b", expr):
        alter(match, FLIPPED[match[0]])
    for match in re.finditer(r"(?<=\w)(=~|!~|!=|=)(?=\")", expr):
        alter(match, OPPOSITE[match[0]])
    for match in re.finditer(r"\b(by|on|without) \(([^)]+)\)", expr):
        labels = match[2].split(", ")
        for label in labels:
            alter(match, f"{match[1]} ({', '.join(other for other in labels if other != label)})")
    for match in re.finditer(r"\[(\w+)\]|offset (\w+)", expr):
        seconds = in_seconds(match[1] or match[2])
        for new in (seconds * 4, seconds // 4):
            alter(match, f"[{new}s]" if match[1] else f"offset {new}s")
    for name, value in timing.items():
        found.append((f"without `{name}: {value}`", expr, {other: kept for other, kept in timing.items() if other != name}))
    return found
