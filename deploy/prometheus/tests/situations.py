#!/usr/bin/env python3
"""What an ordinary month brings: evaluates all rules over it, and prints what fires, and how many notifications that is.

A notification is an instance of an alert that begins to fire; Alertmanager would group some of them.
"""
import functools
import sys
from concurrent.futures import ThreadPoolExecutor

from rules import closure, evaluate, in_seconds, parsed, rendered, written

HOUR = 60  # steps are minutes unless a situation says otherwise


class World:
    """The series of a healthy installation, each as a list of values, to be changed by a situation."""

    def __init__(self, steps, minutes=1, hubs=("logs",), partitions=4, instances=("a:9464",), **installation):
        self.steps, self.seconds, self.installation, self.series = steps, minutes * 60, installation, {}
        for instance in instances:
            self.flat(f'up{{instance="{instance}"}}', 1)
            self.flat(f'acs_recording_exporter_build_info{{instance="{instance}",version="1"}}', 1)
            self.rising(f'acs_recording_exporter_scrapes_total{{instance="{instance}",counted="true"}}', 4 * minutes)
            for name in ("scrapers", "scrapers_expected"):
                self.flat(f'acs_recording_exporter_{name}{{instance="{instance}"}}', 1)
            self.flat(f'process_start_time_seconds{{instance="{instance}"}}', 1)
        for hub in hubs:
            for number, instance in enumerate(instances):
                place = f'instance="{instance}",event_hub="{hub}"'
                self.flat(f"acs_recording_exporter_up{{{place}}}", 1)
                for partition in range(partitions):
                    mine = partition % len(instances) == number
                    labels = f'{place},partition="{partition}"'
                    self.flat(f"acs_recording_exporter_partition_owned{{{labels}}}", int(mine))
                    if mine:
                        self.flat(f"acs_recording_exporter_partition_lag_seconds{{{labels}}}", 0)
                        self.put(f"acs_recording_exporter_partition_last_proof_timestamp_seconds{{{labels}}}", lambda step: step * self.seconds)
        self.starts(lambda step: 1)

    def put(self, series, value):
        metric, labels = parsed(series)
        self.series[written(metric, labels | self.installation)] = [value(step) for step in range(self.steps)]

    def flat(self, series, value):
        self.put(series, lambda step: value)

    def rising(self, series, by, begin=0, end=None):
        """A counter that rises by so much a step, from one step to another."""
        self.put(series, lambda step: by * max(0, min(step, self.steps if end is None else end) - begin))

    def counted(self, series, each):
        """A counter that rises at each step by what `each` says of it."""
        total = [0]
        for step in range(1, self.steps):
            total.append(total[-1] + each(step))
        self.put(series, lambda step: total[step])

    def starts(self, each, summaries=None):
        """So many recordings a step: started, stopped, reported half an hour later; and the times of the last records."""
        summaries = summaries or (lambda step: each(step - round(1800 / self.seconds)) if step * self.seconds > 1800 else 0)
        for operation in ("StartRecording", "StopRecording", "GetRecording"):
            self.counted(f'acs_recording_operations_total{{operation="{operation}",result_type="Succeeded",result_signature="200",outcome="succeeded"}}', each)
        self.counted('acs_recordings_total{result_type="Succeeded",end_reason="CallEnded"}', summaries)
        for category, moves in (("CallRecordingOperational", each), ("CallRecordingSummary", summaries)):
            last, times = 0, [0]
            for step in range(1, self.steps):
                last = step * self.seconds if moves(step) else last
                times.append(last)
            self.put(f'acs_log_last_record_timestamp_seconds{{category="{category}"}}', lambda step: times[step])
            self.counted(f'acs_log_records_total{{category="{category}",level="Informational"}}', moves)
            self.counted(f'acs_log_record_delay_seconds_count{{category="{category}"}}', moves)
            self.counted(f'acs_log_record_delay_seconds_sum{{category="{category}"}}', lambda step: 120 * moves(step))

    def failing(self, operation, status, reason, each):
        self.counted(f'acs_recording_operation_failures_total{{operation="{operation}",result_signature="{status}",reason="{reason}"}}', each)
        self.counted(f'acs_recording_operations_total{{operation="{operation}",result_type="Failed",result_signature="{status}",outcome="failed"}}', each)

    def routine(self, operation, status, each):
        self.counted(f'acs_recording_operations_total{{operation="{operation}",result_type="Failed",result_signature="{status}",outcome="routine"}}', each)

    def change(self, matcher, begin, end, value):
        """What the series whose name contains the matcher show for a while; None for nothing."""
        for series, values in self.series.items():
            if matcher in series:
                for step in range(begin, min(end, self.steps)):
                    values[step] = value(step) if callable(value) else value

    def gone(self, begin, end, up=0, instance=""):
        """A target that cannot be scraped; `up` None: a pod that does not exist any more."""
        for series, values in self.series.items():
            if f'instance="{instance}' in series:
                for step in range(begin, min(end, self.steps)):
                    values[step] = up if series.startswith("up{") else None

    def add(self, other):
        assert not set(self.series) & set(other.series)
        self.series.update(other.series)
        return self


def packed(values):
    """The notation of promtool: `1x4` is five samples; a stale marker where a series ends."""
    parts, before = [], "absent"
    position = 0
    while position < len(values):
        value, length = values[position], 1
        while position + length < len(values) and values[position + length] == value:
            length += 1
        if value is None:
            parts += ["stale"] * (before not in ("absent", None)) + ["_"] * 0
            length_left = length - (before not in ("absent", None))
            parts += [f"_x{length_left}"] if length_left else []
        else:
            parts.append(f"{value}x{length - 1}" if length > 1 else f"{value}")
        before = value
        position += length
    return " ".join(parts)


def within(begin, end):
    return lambda step: begin <= step < end


SITUATIONS = []


def situation(name, expected, override="{}", instances=1):
    """`expected`: the alerts that fire, and how many notifications each sends."""
    return lambda build: SITUATIONS.append((name, expected, override, build)) or build


def office(step, minutes=1):
    """Whether people work, on the first day that is a Thursday as 1970-01-01 was: five days a week, from 8 to 18 o'clock."""
    minute = step * minutes
    return 8 <= minute // 60 % 24 < 18 and (minute // 1440 + 3) % 7 < 5


@situation("1  two installations in one job, one gone for 2 h", {"AcsRecordingExporterDown": 1})
def _():
    prod, staging = World(5 * HOUR), World(5 * HOUR, instances=("b:9464",), event_hubs_namespace="staging")
    prod.gone(60, 180)
    return prod.add(staging)


@situation("1b two installations in two namespaces, one down for 2 h", {"AcsRecordingExporterNotReading": 1})
def _():
    prod, staging = World(5 * HOUR), World(5 * HOUR, namespace="staging")
    prod.change("exporter_up{", 60, 180, 0)
    return prod.add(staging)


@situation("2  one of two replicas cannot be scraped", {"AcsRecordingExporterReplicaFailing": 1})
def _():
    world = World(5 * HOUR, instances=("a:9464", "b:9464"))
    world.gone(60, 180, instance="b:9464")
    world.change("partition_owned", 62, 300, lambda step: 1)
    world.gone(60, 180, instance="b:9464")
    for partition in (1, 3):
        world.put(f'acs_recording_exporter_partition_last_proof_timestamp_seconds{{instance="a:9464",event_hub="logs",partition="{partition}"}}', lambda step: step * 60 if step >= 62 else None)
    return world


@situation("2b a second replica that never could be scraped", {"AcsRecordingExporterReplicaFailing": 1})
def _():
    world = World(5 * HOUR)
    world.put('up{instance="b:9464"}', lambda step: 0 if step > 60 else None)
    return world


@situation("3  diagnostic setting removed on a busy resource", {"AcsRecordingLogsMissing": 1})
def _():
    end = 16 * 96
    world = World(end + 2 * 96, minutes=15)
    world.starts(lambda step: 3 if step < end else 0)
    return world


@situation("3b the same on one with nights and weekends", {"AcsRecordingLogsQuiet": 1})
def _():
    end = 18 * 96 + 48
    world = World(end + 5 * 96, minutes=15)
    world.starts(lambda step: 3 if office(step, 15) and step < end else 0)
    return world


@situation("4  2 % of all requests fail for 10 h (Stop 500)", {"AcsRecordingBurnSlow": 1})
def _():
    world = World(6 * 288, minutes=5)
    world.starts(lambda step: 5)
    world.failing("StopRecording", "500", "server_error", lambda step: 0.3 if 4 * 288 <= step < 4 * 288 + 120 else 0)
    return world


@situation("5  double starts (409), 20 an hour", {"AcsRecordingStartConflict": 1})
def _():
    world = World(14 * HOUR)
    world.failing("StartRecording", "409", "conflict", lambda step: step % 3 == 0 and 60 <= step < 600)
    return world


@situation("6  deletes of recordings that are gone (404)", {})
def _():
    world = World(8 * HOUR)
    world.routine("DeleteRecording", "404", lambda step: 1)
    return world


@situation("7  404, 409, 412 when calls end", {})
def _():
    world = World(8 * HOUR)
    for status in ("404", "409", "412"):
        world.routine("StopRecording", status, lambda step: 1)
    return world


@situation("8  hub down for 20 min, 4 partitions, 2 replicas", {"AcsRecordingExporterNotReading": 1})
def _():
    world = World(5 * HOUR, instances=("a:9464", "b:9464"))
    world.change("exporter_up{", 60, 80, 0)
    world.change("partition_owned", 61, 80, 0)
    world.change("last_proof", 60, 80, 3600)
    world.change("partition_lag", 80, 88, 1200)
    return world


@situation("9  503 for ten minutes, all requests", {"AcsRecordingStartFailed": 1})
def _():
    world = World(10 * HOUR)
    failed = within(240, 250)
    world.starts(lambda step: not failed(step))
    for operation in ("StartRecording", "StopRecording", "GetRecording"):
        world.failing(operation, "503", "server_error", lambda step: 1 if failed(step) else 0)
    return world


@situation("10 2 % failed starts for 10 h", {"AcsRecordingStartFailed": 1})
def _():
    world = World(16 * HOUR)
    world.starts(lambda step: 8)
    world.failing("StartRecording", "500", "server_error", lambda step: step % 6 == 0 and 120 <= step < 720)
    return world


@situation("11 a burst of 429, repeated with success", {"AcsRecordingThrottled": 1})
def _():
    world = World(6 * HOUR)
    world.failing("StartRecording", "429", "throttled", lambda step: 4 if 120 <= step < 130 else 0)
    world.failing("GetRecording", "429", "throttled", lambda step: 4 if 120 <= step < 130 else 0)
    return world


@situation("12 summaries two hours late in office hours", {"AcsRecordingLogsLate": 1})
def _():
    world = World(6 * 288, minutes=5)
    late = lambda step: 4 * 288 <= step < 4 * 288 + 288
    calls = lambda step: 2 if office(step, 5) else 0
    world.starts(calls, lambda step: calls(step - (30 if late(step) else 6)) if step > 30 else 0)
    for category in ("CallRecordingSummary",):
        world.counted(f'acs_log_record_delay_seconds_sum{{category="{category}"}}', lambda step: (7200 if late(step) else 120) * (calls(step - (30 if late(step) else 6)) if step > 30 else 0))
    return world


HOLIDAYS = (18, 22)  # days of the world


def holidays():
    world = World(26 * 96, minutes=15)
    # Friday to Tuesday, with the weekend in it: day 18 is a Monday, so the weekend comes before.
    world.starts(lambda step: 3 if office(step, 15) and not HOLIDAYS[0] <= step // 96 < HOLIDAYS[1] else 0)
    return world


situation("13 closed for four days (holidays)", {"AcsRecordingLogsQuiet": 1})(holidays)
situation("13b the same days in the list of quiet days", {},
          "{ quietDays: ['01-19', '01-20', '1970-01-21', '01-22'] }")(holidays)


@situation("14 exporter redeployed every 10 min at a fixed address", {})
def _():
    world = World(5 * HOUR)
    world.put('process_start_time_seconds{instance="a:9464"}', lambda step: step // 10 * 600)
    for step in range(10, 5 * HOUR, 10):
        world.gone(step, step + 1)
        world.change("exporter_up{", step + 1, step + 2, 0)
        world.change("partition_owned", step + 1, step + 2, 0)
    return world


# Ten more.
@situation("15 one failed start", {"AcsRecordingStartFailed": 1})
def _():
    world = World(5 * HOUR)
    world.failing("StartRecording", "503", "server_error", lambda step: step == 120)
    return world


@situation("16 one recording failed, one ended badly, in one hour", {"AcsRecordingFailed": 1})
def _():
    world = World(5 * HOUR)
    world.counted('acs_recording_failures_total{end_reason="MediaTimeout",reason="ended_badly"}', lambda step: step == 120)
    world.counted('acs_recording_failures_total{end_reason="CouldNotStart",reason="failed"}', lambda step: step == 150)
    return world


@situation("17 a deployment: a new pod, and the old one goes", {})
def _():
    world, after = World(5 * HOUR), World(5 * HOUR, instances=("b:9464",))
    for series in list(after.series):
        if series in world.series:
            del after.series[series]  # they are about calls, and not of an instance here
    world.gone(120, 300, up=None, instance="a:9464")
    after.gone(0, 118, up=None, instance="b:9464")
    after.change("exporter_up{", 118, 119, 0)
    after.change("partition_owned", 118, 121, 0)
    return world.add(after)


@situation("18 three event hubs, the exporter crashes for 30 min", {"AcsRecordingExporterDown": 1})
def _():
    world = World(5 * HOUR, hubs=("operational", "summary", "usage"))
    world.gone(120, 150)
    return world


@situation("19 the key is revoked: unauthorized, then down, then unowned", {"AcsRecordingExporterNotReading": 1})
def _():
    world = World(6 * HOUR)
    world.counted('acs_recording_exporter_receiver_restarts_total{event_hub="logs",partition="0",cause="unauthorized"}', lambda step: 120 <= step < 150)
    world.change("exporter_up{", 140, 200, 0)
    world.change("partition_owned", 190, 240, 0)
    return world


@situation("20 the blob store is away for an hour, 2 replicas", {"AcsRecordingExporterNotDelivered": 1})
def _():
    world = World(5 * HOUR, instances=("a:9464", "b:9464"))
    for instance in ("a:9464", "b:9464"):
        world.counted(f'acs_recording_exporter_store_operations_total{{instance="{instance}",operation="lease",result="failed"}}', lambda step: 6 if 60 <= step < 120 else 0)
        world.put(f'acs_recording_exporter_checkpoint_unwritten_seconds{{instance="{instance}"}}', lambda step: max(0, step - 60) * 60 if step < 120 else 0)
        world.counted(f'acs_recording_exporter_checkpoint_writes_total{{instance="{instance}",result="failed"}}', lambda step: 2 if 60 <= step < 120 else 0)
        world.put(f'acs_recording_exporter_last_lease_cycle_timestamp_seconds{{instance="{instance}",event_hub="logs"}}', lambda step: 3600 if 60 <= step < 120 else step * 60)
    return world


@situation("21 a backlog of 3 h with old failures is worked off", {"AcsRecordingFailuresInBacklog": 1})
def _():
    world = World(5 * HOUR)
    world.change("partition_lag", 60, 69, lambda step: 10800)
    world.change('category="CallRecordingOperational"', 0, 0, 0)
    for series, values in world.series.items():
        if series.startswith("acs_log_last_record") and "Operational" in series:
            for step in range(60, 69):
                values[step] = step * 60 - 10800
    world.failing("StartRecording", "503", "server_error", lambda step: 3 if 62 <= step < 67 else 0)
    return world


@situation("22 ACS logs a renamed category", {"AcsRecordingExporterNotUnderstood": 1})
def _():
    world = World(10 * HOUR)
    world.counted('acs_recording_exporter_drift_total{kind="category"}', lambda step: step > 120 and step % 20 == 0)
    return world


@situation("23 an outage of Stop alone: half of them fail for 20 min", {"AcsRecordingBurnFast": 1})
def _():
    world = World(12 * HOUR)
    world.failing("StopRecording", "500", "server_error", lambda step: 1 if 300 <= step < 320 else 0)
    return world


@situation("24 two installations read one hub: one failed start", {"AcsRecordingStartFailed": 2})
def _():
    one, other = World(5 * HOUR), World(5 * HOUR, job="second")
    for world in (one, other):
        world.failing("StartRecording", "503", "server_error", lambda step: step == 120)
    return one.add(other)


@situation("25 summaries stop, starts go on (no nights)", {"AcsRecordingLogsMissing": 1})
def _():
    end = 2 * 288
    world = World(end + 200, minutes=5)
    world.starts(lambda step: 1, lambda step: 1 if step < end else 0)
    return world


@situation("26 the same, and one failed scrape every 5 h", {"AcsRecordingLogsMissing": 1})
def _():
    end = 2 * 288
    world = World(end + 200, minutes=5)
    world.starts(lambda step: 1, lambda step: 1 if step < end else 0)
    for step in range(30, end + 200, 60):
        world.gone(step, step + 1)
    return world


@situation("27 two installations in one job, one down for 30 h", {"AcsRecordingExporterDown": 1})
def _():
    prod, staging = World(34 * 30, minutes=2), World(34 * 30, minutes=2, instances=("b:9464",), event_hubs_namespace="staging")
    prod.gone(60, 60 + 30 * 30)
    return prod.add(staging)


@situation("27b the only installation is down for 30 h", {"AcsRecordingExporterDown": 1})
def _():
    world = World(34 * 30, minutes=2)
    world.gone(60, 60 + 30 * 30)
    return world


@situation("28 a crash loop: 8 min up, 5 min down", {"AcsRecordingExporterDown": 1})
def _():
    world = World(5 * HOUR)
    for step in range(60, 180, 13):
        world.gone(step, step + 5)
    return world


@situation("28b the hub too: 8 min up, 7 min down", {"AcsRecordingExporterNotReading": 1})
def _():
    world = World(5 * HOUR)
    for step in range(60, 180, 15):
        world.change("exporter_up{", step, step + 7, 0)
    return world


@situation("29 a position was lost; later no scrape for 20 min", {"AcsRecordingExporterDown": 1, "AcsRecordingExporterEventsMissed": 1})
def _():
    world = World(5 * HOUR)
    world.counted('acs_recording_exporter_positions_lost_total{event_hub="logs",partition="0"}', lambda step: step == 1)
    world.change("", 110, 130, None)
    return world


@situation("30 a resource is quiet, another has lag: a start fails", {"AcsRecordingStartFailed": 1})
def _():
    world = World(10 * HOUR)
    world.starts(lambda step: step < 60 or step == 240)
    world.failing("StartRecording", "503", "server_error", lambda step: step == 240)
    world.change("partition_lag", 230, 250, 400)
    return world


@situation("31 usage records are two hours late, as ever", {})
def _():
    world = World(10 * HOUR)
    world.counted('acs_log_record_delay_seconds_count{category="CallRecordingUsage"}', lambda step: 1)
    world.counted('acs_log_record_delay_seconds_sum{category="CallRecordingUsage"}', lambda step: 7200)
    return world


@situation("32 one of two replicas never reaches the hub", {"AcsRecordingExporterReplicaFailing": 1})
def _():
    world = World(5 * HOUR, instances=("a:9464", "b:9464"))
    world.change('exporter_up{', 0, 0, 0)
    for series, values in world.series.items():
        if "exporter_up{" in series and 'instance="b:9464"' in series:
            values[:] = [0] * len(values)
        if "partition_owned" in series:
            values[:] = [int('instance="a:9464"' in series)] * len(values)
    for partition in range(4):
        world.put(f'acs_recording_exporter_partition_last_proof_timestamp_seconds{{instance="a:9464",event_hub="logs",partition="{partition}"}}', lambda step: step * 60)
    return world


@situation("33 logs stop for 6 h, and again ten days later", {"AcsRecordingLogsMissing": 2})
def _():
    days = 27 * 96
    world = World(days, minutes=15)
    away = lambda step: 16 * 96 <= step < 16 * 96 + 24 or 26 * 96 <= step < 26 * 96 + 24
    world.starts(lambda step: 0 if away(step) else 3)
    return world


# A limit (docs/alerts.md): the start itself does not page.
@situation("34 a start fails while nothing is scraped for 20 min", {"AcsRecordingExporterDown": 1})
def _():
    world = World(5 * HOUR)
    world.failing("StartRecording", "503", "server_error", lambda step: step == 120)
    world.change("", 110, 130, None)
    return world


configured = functools.cache(rendered)


def outcome(one):
    name, expected, override, build = one
    _, records, alerts, _ = configured(override)
    world = build()
    order = []
    for alert in alerts.values():
        order += [record for record in closure(alert["expr"], records) if record not in order]
    rules = [{"record": record, "expr": records[record]} for record in order] + list(alerts.values())
    step = f"{world.seconds}s"
    times = [f"{number * world.seconds}s" for number in range(world.steps)]
    series = {one: packed(values) for one, values in world.series.items()}
    (answers,) = evaluate(rules, step, [(series, times)])
    begun, before, severity = {}, set(), {}
    for at in sorted(answers):
        now = {tuple(sorted(labels.items())) for labels in answers[at]}
        for labels in now - before:
            labels = dict(labels)
            begun[labels["alertname"]] = begun.get(labels["alertname"], 0) + 1
            severity[labels["alertname"]] = labels["severity"]
        before = now
    return begun, severity


def main():
    chosen = [one for one in SITUATIONS if not sys.argv[1:] or one[0].split()[0] in sys.argv[1:]]
    wrong = 0
    print(f"{'situation':<64}{'pages':>6}{'tickets':>9}  what fires")
    with ThreadPoolExecutor(2) as pool:
        for (name, expected, *_), (begun, severity) in zip(chosen, pool.map(outcome, chosen)):
            count = {level: sum(times for alert, times in begun.items() if severity[alert] == level) for level in ("page", "ticket")}
            fires = ", ".join(f"{alert} ({times})" for alert, times in sorted(begun.items())) or "nothing"
            print(f"{name:<64}{count['page']:>6}{count['ticket']:>9}  {fires}", flush=True)
            if begun != expected:
                wrong += 1
                print(f"    WRONG: expected {expected}")
    sys.exit(f"{wrong} situations are wrong" if wrong else None)


if __name__ == "__main__":
    main()
