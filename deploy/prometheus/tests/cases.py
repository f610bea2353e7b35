"""When each alert fires and when it does not.

case(name, at, series): at which time how many instances fire, and promtool's notation of each series. The labels of an
ordinary installation are added to each series (rules.py).
"""
from collections import namedtuple

from rules import parsed, written

R = ("cluster", "namespace", "job", "resource")
I = ("cluster", "namespace", "job")
G = (*I, "event_hubs_namespace")
H = (*G, "event_hub")

CASES, EQUIVALENT = {}, {}
Case = namedtuple("Case", "name, at, series, step, apart, beside")


def alert(name, apart, step):
    """The alert that the next cases are about, the labels that tell its instances apart, and the step of its series."""
    global current
    current = name, apart, step
    CASES[name] = []


def case(name, at, *series, step=None, apart=None, beside=False):
    """`beside`: in the check, this case also surrounds each other case of the alert. `apart`: fewer labels than those of the
    alert keep this case apart from others."""
    together = {written(*parsed(one)): values for some in series for one, values in some.items()}
    alert_name, alert_apart, alert_step = current
    CASES[alert_name].append(Case(name, at, together, step or alert_step, alert_apart if apart is None else apart, beside))


def requests(values, operation, status, outcome):
    return {f'acs_recording_operations_total{{operation="{operation}",result_signature="{status}",outcome="{outcome}"}}': values}


def start(values, status="503", reason="server_error", operation="StartRecording"):
    """Failed requests, in both families that count them."""
    return requests(values, operation, status, "failed") | {
        f'acs_recording_operation_failures_total{{operation="{operation}",result_signature="{status}",reason="{reason}"}}': values}


def done(values, operation="StartRecording"):
    return requests(values, operation, "200", "succeeded")


def routine(values, operation="StartRecording"):
    return requests(values, operation, "404", "routine")


def ended(values, reason, end_reason="MediaTimeout"):
    return {f'acs_recording_failures_total{{end_reason="{end_reason}",reason="{reason}"}}': values}


def lag(values, partition="0"):
    return {f'acs_recording_exporter_partition_lag_seconds{{partition="{partition}"}}': values}


def last(values, category="CallRecordingOperational"):
    return {f'acs_log_last_record_timestamp_seconds{{category="{category}"}}': values}


def own(family, values, **labels):
    """A series of the exporter about itself."""
    listed = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return {f"acs_recording_exporter_{family}{{{listed}}}": values}


def failures_in_time(failing, harmless, category, other_category):
    """The cases of an alert that fires at the first failure, and not in a backlog."""
    case("the first failure fires at once, and an hour more", {"5m15s": 1, "6m": 1, "30m": 1, "68m": 1, "75m": 0}, failing("0x20 1x400"))
    case("nothing fails", {"6m": 0, "30m": 0}, failing("0x200"))
    case("failures of long ago", {"6m": 0}, failing("7x40"))
    case("a rollout: the new pod begins at 0", {"8m": 0}, failing("3x20 stale"), {one.replace("{", '{instance="b:9464",', 1): "_x21 0x40" for one in failing("")})
    case("the first failure after a rollout", {"8m": 1}, failing("3x20 stale"), {one.replace("{", '{instance="b:9464",', 1): "_x21 0x8 1x20" for one in failing("")})
    case("a counter reset is not a failure", {"8m": 0}, failing("3x20 0x20"))
    case("what has alerts of its own, or none", {"6m": 0, "30m": 0}, *harmless)
    case("a backlog: events wait, and the records are old", {"6m": 0}, failing("0x20 1x40"), lag("3600x60"), last("-3600+15x60", category), beside=True)
    case("a backlog of half an hour", {"6m": 0}, failing("0x20 1x40"), lag("1000x60"), last("-2000+15x60", category))
    case("a failure just before a backlog was worked off", {"7m": 0}, failing("0x20 1x40"), lag("3600x20 0x40"), last("-3600+15x20 300+15x40", category))
    case("a failure ten minutes after a backlog", {"16m": 1}, failing("0x60 1x40"), lag("3600x20 0x80"), last("-3600+15x20 300+15x80", category))
    case("one partition is stuck, the others bring fresh records", {"6m": 1}, failing("0x20 1x40"), lag("3600x60"), last("0+15x60", category))
    case("fresh enough", {"6m": 1}, failing("0x20 1x40"), lag("3600x60"), last("-400+15x60", category))
    case("Azure is late, and nothing waits", {"6m": 1}, failing("0x20 1x40"), lag("0x60"), last("-3600+15x60", category))
    case("hardly anything waits", {"6m": 1}, failing("0x20 1x40"), lag("200x60"), last("-3600+15x60", category))
    case("the other log has the backlog", {"6m": 1}, failing("0x20 1x40"), lag("3600x60"), last("-3600+15x60", other_category))
    case("a quiet resource, and another waits", {"21m": 1}, failing("0x80 1x40"), lag("400x150"), last("-3600x150", category))
    case("old records came ten minutes ago", {"21m": 1}, failing("0x80 1x40"), lag("400x150"), last("-3600+15x40 -3000x100", category))
    case("an old record came eight minutes ago", {"18m30s": 0}, failing("0x72 1x40"), lag("400x150"), last("-3600x40 -3000x100", category))
    case("one partition of two waits", {"6m": 0}, failing("0x20 1x40"), lag("3600x60"), lag("0x60", "1"), last("-3600+15x60", category))


alert("AcsRecordingStartFailed", R, "15s")
failures_in_time(start, (start("0x20 1x40", "429", "throttled"), start("0x20 1x40", "409", "conflict"), start("0x20 1x40", operation="StopRecording")),
                 "CallRecordingOperational", "CallRecordingSummary")
case("one resource, two statuses: one alert", {"6m": 1}, start("0x20 1x40"), start("0x20 1x40", "403", "client_error"))


alert("AcsRecordingFailed", R, "15s")
failures_in_time(lambda values: ended(values, "failed"), (ended("0x20 1x40", "empty"),), "CallRecordingSummary", "CallRecordingOperational")
case("ended badly", {"6m": 1}, ended("0x20 1x40", "ended_badly"))

alert("AcsRecordingEmpty", R, "15m")
def of(recordings, empty="0x500", short="0x500", le="10"):
    """Recordings of which so many are empty, and so many short; so many each 15 minutes."""
    return {'acs_recordings_total{end_reason="CallEnded"}': recordings, 'acs_recording_length_seconds_count{format_type="mp4"}': recordings,
            f'acs_recording_length_seconds_bucket{{format_type="mp4",le="{le}"}}': short, 'acs_recording_length_seconds_bucket{format_type="mp4",le="60"}': recordings,
            **ended(empty, "empty", "CallEnded"), **ended("0+0.5x500", "failed")}
case("a quarter is empty; it ends, and the alert stays", {"6h": 1, "24h": 1, "32h": 1, "38h": 0}, of("0+1.6667x96 160x70", "0+0.4167x96 40x70"))
case("one in twenty is empty", {"6h": 0, "24h": 0}, of("0+8.333x100", "0+0.4167x100"))
case("half of few are empty", {"6h": 0, "24h": 0}, of("0+0.25x100", "0+0.125x100"))
case("most are short", {"6h": 1, "24h": 1}, of("0+0.6667x100", "0x100", "0+0.4167x100"), beside=True)
case("most are short, as OpenMetrics writes it", {"6h": 1, "24h": 1}, of("0+0.6667x100", "0x100", "0+0.4167x100", "10.0"))
case("a fifth is short", {"6h": 0, "24h": 0}, of("0+2.0833x100", "0x100", "0+0.4167x100"))
case("most of few are short", {"6h": 0, "24h": 0}, of("0+0.21x100", "0x100", "0+0.125x100"))

alert("AcsRecordingPauseFailed", R, "1m")
case("one failed pause, and six hours more", {"6m": 1, "370m": 1, "376m": 1, "390m": 0}, start("0x5 1x500", operation="PauseRecording"))
case("other operations, and throttled", {"6m": 0}, start("0x5 1x20", operation="StopRecording"), start("0x5 1x20", "429", "throttled", "PauseRecording"))

alert("AcsRecordingBurnFast", R, "1m")
def stop(good, failed):
    return done(good, "StopRecording") | start(failed, operation="StopRecording")
# Two hours with 360 requests, one a minute in the second hour, in which nothing fails, and then.
case("all fail for six minutes", {"2h": 0, "2h8m": 1, "3h": 1, "3h30m": 0}, stop("0+5x60 301+1x59 360x100", "0x120 1+1x5 6x100"))
case("a tenth fails for an hour", {"2h55m": 1}, stop("0+5x60 301+1x59 360.9+0.9x59", "0x120 0.1+0.1x59"))
case("one in twenty fails for six hours, after a day", {"24h": 0, "30h": 1}, stop("0+10x144 1449.5+9.5x42", "0x144 0.5+0.5x42"), step="10m")
case("2 % fail for a day and more", {"7h": 0, "30h": 0}, stop("0+9.8x186", "0+0.2x186"), step="10m")
case("few fail, of few", {"7h": 0, "12h": 0}, stop("0+0.75x80", "0+0.083x80"), step="10m")
case("3 fail within an hour, of thirty", {"2h4m": 0}, stop("0+5x60 300.5+0.5x59 330x60", "0x120 0.75+0.75x3 3x60"))
case("a short burst on a busy resource", {"2h6m": 0, "2h30m": 0}, stop("0+50x60 3010+10x59 3606+6x4 3630+10x60", "0x120 4+4x4 20x60"))
case("only throttled and conflicts", {"3h": 0}, done("0+1x500"), start("0+1x500", "429", "throttled"), start("0+1x500", "409", "conflict"))
case("throttled starts and routine answers do not hide it", {"2h8m": 1}, stop("0+5x60 301+1x59 360x100", "0x120 1+1x5 6x100"), start("0+0.1x500", "429", "throttled"), routine("0+20x500"))
case("while starts fail, and half an hour after; then it is over", {"2h4m": 0, "2h15m": 0, "2h34m": 0, "2h37m": 0, "2h45m": 0},
     stop("0+5x60 301+1x59 360.64+0.64x24 376.1+1x60", "0x120 0.36+0.36x24 9.01x60"), start("0x120 0.2+0.2x4 1x100"), beside=True)
case("failures go on after the starts, and end just now", {"2h30m": 0, "2h37m": 1},
     stop("0+5x60 301+1x59 360.73+0.73x33 385+1x60", "0x120 0.27+0.27x33 9.18x60"), start("0x120 0.2+0.2x4 1x100"))
case("few fail when the starts are over", {"2h34m": 0, "2h37m": 0, "2h50m": 0}, stop("0+5x60 301+1x59 360.8+0.8x29 384.96+0.96x60", "0x120 0.2+0.2x29 6.04+0.04x60"), start("0x120 0.2+0.2x4 1x100"))
case("it was worse hours ago, and few fail now", {"6h6m": 0}, stop("0+10x220 2200x20 2210+10x119 3405+9x4 3450+10x30", "0x220 10+10x19 200x120 201+1x4 205x30"), start("0x220 1+1x24 25x200"))
case("one in twenty for hours, fewer now", {"6h2m": 0, "7h40m": 0}, stop("0+0.95x361 343.93+0.98x120", "0+0.05x361 18.07+0.02x120"), start("0+1x361 361x200"))
case("a backlog", {"2h8m": 0, "2h30m": 0}, stop("0+5x60 301+1x59 360x100", "0x120 1+1x5 6x100"), lag("3600x500"), last("-3600+60x500"), beside=True)
case("the other log has a backlog", {"2h8m": 1}, stop("0+5x60 301+1x59 360x100", "0x120 1+1x5 6x100"), lag("3600x500"), last("-3600+60x500", "CallRecordingSummary"))
case("a backlog that has ended", {"2h20m": 0, "2h29m": 0}, stop("0+5x60 301+1x59 360.64+0.64x24 376.1+1x60", "0x120 0.36+0.36x24 9.01x60"), lag("3600x140 0x100"), last("-3600+60x140 8400+60x100"))
case("failures long after a backlog", {"2h45m": 1}, stop("0+5x60 301+1x59 360.5+0.5x59", "0x120 0.5+0.5x59"), lag("3600x121 0x100"), last("-3600+60x121 7260+60x100"))
case("nothing waits", {"2h8m": 1}, stop("0+5x60 301+1x59 360x100", "0x120 1+1x5 6x100"), lag("0x500"), last("-3600+60x500"))

alert("AcsRecordingBurnSlow", R, "10m")
# A day at one request a minute, in which nothing fails, and then.
case("2 % for six hours", {"24h": 0, "31h": 1, "36h": 1, "40h": 0}, stop("0+10x144 1449.8+9.8x35 1792.8+10x100", "0x144 0.2+0.2x35 7.2x100"), start("0x300"))
case("2 % for two hours", {"26h": 0}, stop("0+100x144 14498+98x15", "0x144 2+2x15"))
case("few fail within an hour, of few", {"25h10m": 0, "25h30m": 0}, stop("0+3x144 434.6+2.6x10", "0x144 0.4+0.4x10"))
case("a burst, and 1 % after it", {"25h10m": 0}, stop("0+100x144 14438+99x10", "0x144 62+1x10"))
case("1 % for three days, after three", {"72h": 0, "90h": 0, "140h": 1}, stop("0+60x72 4379.4+59.4x70", "0x72 0.6+0.6x70"), step="1h")
case("0.2 % for six days", {"140h": 0}, stop("0+598.8x150", "0+1.2x150"), step="1h")
case("bad days long ago", {"118h": 0}, stop("0+588x24 14712+600x86 66906+594x8", "0+12x24 288x86 294+6x8"), step="1h")
case("an outage, and hardly anything after it", {"84h": 0}, stop("0+60x72 4340+60x15", "0x72 40+0.1x15"), start("0x72 1x20"), step="1h")
case("few, of few", {"30h": 0, "60h": 0}, stop("0+0.6x70", "0+0.045x70"), step="1h")
case("while starts fail, and six hours after", {"31h": 0, "34h": 0}, stop("0+10x144 1449.8+9.8x60", "0x144 0.2+0.2x60"), start("0x144 1+0.01x36 1.36x60"), beside=True)
case("while a backlog is worked off", {"31h": 0}, stop("0+10x144 1449.8+9.8x60", "0x144 0.2+0.2x60"), lag("3600x300"), last("-3600+600x300"), beside=True)
case("after a backlog", {"31h": 0}, stop("0+10x144 1449.8+9.8x60", "0x144 0.2+0.2x60"), lag("3600x162 0x100"), last("-3600+600x162 97800+600x100"))
case("long after all of these", {"31h20m": 1}, stop("0+10x100 1005+5x5 1040+10x38 1429.8+9.8x50", "0x100 5+5x5 30x38 30.2+0.2x50"), start("0x110 1+1x5 6x100"),
     lag("0x110 3600x5 0x200"), last("0+600x110 62400x5 70200+600x100"))
case("after it has burnt fast", {"28h": 0, "32h": 0}, stop("0+10x144 1445+5x5 1480+10x60", "0x144 5+5x5 30x60"), beside=True)

alert("AcsRecordingStartThrottled", R, "1m")
def throttled(values):
    return start(values, "429", "throttled")
case("more than half for more than half an hour", {"25m": 0, "60m": 1, "115m": 1, "121m": 1, "135m": 0}, done("0+0.5x90 45+2x100"), throttled("0+0.9x90 81x100"))
case("a burst of ten minutes", {"60m": 0, "95m": 0}, done("0+0.5x60 30x100"), throttled("0x30 0.9+0.9x9 9x100"))
case("a third", {"60m": 0}, done("0+2x100"), throttled("0+1x100"))
case("few", {"60m": 0}, done("0+0.1x100"), throttled("0+0.3x100"))
case("most starts fail otherwise", {"60m": 0}, start("0+2x100"), throttled("0+1x100"))
case("other operations", {"60m": 0}, done("0+2x100"), start("0+3x100", "429", "throttled", "GetRecording"), done("0+0.1x100", "GetRecording"))
case("other operations succeed", {"60m": 1}, done("0+0.5x100"), throttled("0+0.9x100"), done("0+10x100", "GetRecording"), start("0+10x100", operation="GetRecording"))

alert("AcsRecordingThrottled", R, "1m")
case("nine within ten minutes, and an hour more", {"11m": 1, "70m": 1, "76m": 1, "85m": 0}, throttled("0x5 1.5+1.5x5 9x200"))
case("any operations", {"11m": 1}, start("0+0.3x60", "429", "throttled", "GetRecording"), start("0+0.3x60", "429", "throttled", "StopRecording"))
case("two in ten minutes", {"11m": 0, "40m": 0}, throttled("0+0.2x60"))
case("other failures", {"11m": 0}, start("0+9x60"))

alert("AcsRecordingStartConflict", R, "5m")
def conflicts(values):
    return start(values, "409", "conflict")
case("a quarter, and six hours more", {"6h": 1, "24h": 1, "32h": 1, "38h": 0}, done("0+0.4167x288 120x200"), conflicts("0+0.1389x288 40x200"))
case("one in twenty", {"6h": 0, "24h": 0}, done("0+2.639x300"), conflicts("0+0.1389x300"))
case("half of few", {"6h": 0, "24h": 0}, done("0+0.0417x300"), conflicts("0+0.0417x300"))
case("the others fail", {"6h": 1, "24h": 1}, start("0+0.4167x300"), conflicts("0+0.1389x300"))
case("most fail otherwise", {"6h": 0}, start("0+3x100"), conflicts("0+0.1389x100"))
case("other operations, and failed starts, do not dilute it", {"6h": 1}, done("0+0.4167x100"), conflicts("0+0.1389x100"), done("0+9x100", "GetRecording"), start("0+9x100", operation="GetRecording"))

alert("AcsRecordingSlow", R, "1m")
def durations(fast, all_, operation="StartRecording", outcome="succeeded"):
    labels = f'operation="{operation}",outcome="{outcome}"'
    return {f'acs_recording_operation_duration_seconds_bucket{{{labels},le="5"}}': fast, f'acs_recording_operation_duration_seconds_bucket{{{labels},le="10"}}': all_,
            f'acs_recording_operation_duration_seconds_bucket{{{labels},le="+Inf"}}': all_, f'acs_recording_operation_duration_seconds_count{{{labels}}}': all_}
case("a fifth is slow, and an hour more", {"3m": 0, "20m": 1, "95m": 1, "130m": 0}, durations("0+2.4x40 96+3x200", "0+3x40 120+3x200"))
case("one in fifty", {"20m": 0}, durations("0+2.94x40", "0+3x40"))
case("of few", {"20m": 0, "60m": 0}, durations("0+0.2x80", "0+1x80"))
case("failures are slow", {"20m": 0}, durations("0x80", "0+3x80", outcome="failed"), durations("0+3x80", "0+3x80"))
case("downloads are slow", {"20m": 0}, durations("0x80", "0+3x80", "DownloadRecording"), durations("0+3x80", "0+3x80"))
case("two operations, one of them slow", {"20m": 1}, durations("0+2.4x40", "0+3x40"), durations("0+300x40", "0+300x40", "GetRecording"))
case("slow for three minutes", {"20m": 0}, durations("0+3x7 21x2 321+3x30", "0+3x7 24+3x2 333+3x30"))
case("a fifth of a few is slow for ten minutes, after many", {"31m": 0}, durations("0+100x20 2000+2.4x14", "0+100x20 2000+3x14"))
case("a fifth of a few is slow for twenty minutes, after many", {"80m": 1}, durations("0+30x60 1800+2.4x30", "0+30x60 1800+3x30"))
case("the buckets are short of a minute", {"12m": 1}, durations("0+2.4x40", "0+3x40"))

alert("AcsRecordingNotReported", R, "15m")
def reported(values):
    return {'acs_recordings_total{end_reason="CallEnded"}': values}
def delay(seconds, count, category="CallRecordingSummary"):
    return {f'acs_log_record_delay_seconds_sum{{category="{category}"}}': seconds, f'acs_log_record_delay_seconds_count{{category="{category}"}}': count}
fresh = last("0+900x400", "CallRecordingSummary")
case("a fifth is not reported, for hours", {"6h": 0, "26h": 1, "43h": 1, "48h": 0}, done("0+0.5x300"), reported("0+0.4x110 44.5+0.5x200"), fresh)
case("all are reported", {"26h": 0}, done("0+0.5x300"), reported("0+0.5x300"), fresh)
case("one in twenty", {"26h": 0}, done("0+2x300"), reported("0+1.9x300"), fresh)
case("few", {"40h": 0}, done("0+0.02x400"), reported("0+0.01x400"), fresh)
case("none ever was", {"26h": 1}, done("0+0.05x300"), last("0+900x400", "CallRecordingSummary"))
case("other requests, and failed starts, are not recordings", {"26h": 0}, done("0+0.5x300"), reported("0+0.5x300"), done("0+2x300", "StopRecording"), start("0+2x300"), fresh)
case("summaries are late", {"26h": 0}, done("0+0.5x300"), reported("0+0.4x300"), fresh, delay("0+3600x300", "0+1x300"), beside=True, apart=I)
case("summaries were late yesterday", {"26h": 0}, done("0+0.5x300"), reported("0+0.4x300"), fresh, delay("0+3600x40 144000x300", "0+1x40 40x300"), apart=I)
case("they were late long ago", {"45h": 1}, done("0+0.5x300"), reported("0+0.4x300"), fresh, delay("0+3600x30 108000x300", "0+1x30 30x300"), apart=I)
case("not late enough", {"26h": 1}, done("0+0.5x300"), reported("0+0.4x300"), fresh, delay("0+900x300", "0+1x300"), apart=I)
case("other logs are late", {"26h": 1}, done("0+0.5x300"), reported("0+0.4x300"), fresh, delay("0+3600x300", "0+1x300", "CallRecordingOperational"), apart=I)
case("no summaries at all: AcsRecordingLogsMissing pages", {"15h": 0, "26h": 0}, done("0+0.9x300"), reported("0x300"), last("0+900x300"), last("0x300", "CallRecordingSummary"), beside=True)
case("the exporter does not read", {"26h": 0}, done("0+0.5x300"), reported("0+0.4x300"), fresh, own("up", "0x300"), beside=True, apart=I)
def now_and_then(down, period, step, moment):
    """An exporter that is down for so many steps of each period, in two ways: it cannot be scraped, or it does not read."""
    steps = 27 * 60 // step
    fifth = done(f"0+{step / 30}x{steps}"), reported(f"0+{step / 37.5}x{steps}"), last(f"0+{60 * step}x{steps}", "CallRecordingSummary")
    for how, off in (("gone", "stale" + f" _x{down - 1}" * (down > 1)), ("not reading", f"0x{down - 1}")):
        on = f"1x{period - down - 1}"
        case(f"{how} for {down * step} minutes of {period * step}", {"26h": moment}, *fifth, own("up", f"{on} " + f"{off} {on} " * (steps // period - 1)), step=f"{step}m", apart=I)
now_and_then(1, 8, 15, 1)
now_and_then(1, 2, 30, 0)
now_and_then(2, 60, 5, 0)
now_and_then(1, 90, 2, 1)
now_and_then(2, 60, 2, 1)
case("it did not for 21 hours", {"30h": 0, "34h": 1}, done("0+0.5x300"), reported("0+0.4x300"), fresh, own("up", "0x84 1x300"), apart=I)
case("it is behind", {"26h": 0}, done("0+0.5x300"), reported("0+0.4x300"), fresh, own("up", "1x300"), lag("400x300"), own("partition_owned", "1x300", partition="0"), own("partition_last_proof_timestamp_seconds", "0+900x300", partition="0"), apart=I)
case("it is hardly behind", {"26h": 1}, done("0+0.5x300"), reported("0+0.4x300"), fresh, own("up", "1x300"), lag("200x300"), own("partition_owned", "1x300", partition="0"), own("partition_last_proof_timestamp_seconds", "0+900x300", partition="0"), apart=I)
case("another partition's lag is out of date", {"26h": 1}, done("0+0.5x300"), reported("0+0.4x300"), fresh, own("up", "1x300"), lag("4000x300"), own("partition_owned", "0x300", partition="0"), own("partition_owned", "1x300", instance="b:9464", partition="0"), own("partition_last_proof_timestamp_seconds", "0+900x300", instance="b:9464", partition="0"), apart=I)

alert("AcsRecordingLogsMissing", R, "15m")
silent = last("-1800+3600x384 1380600x75")
case("a busy resource falls silent on the sixteenth day", {"388h": 0, "389h": 1, "430h": 1}, silent, step="1h")
case("it does not", {"390h": 0, "400h": 0}, last("0+3600x425"), step="1h")
case("it did so ten days before", {"390h": 0, "400h": 0}, last("0+3600x150 540000x9 576000+3600x224 1382400x75"), step="1h")
case("it did so for six hours ten days before", {"390h": 1, "400h": 1}, last("0+3600x150 540000x5 561600+3600x228 1382400x75"), step="1h")
case("it did so more than four weeks before", {"700h": 1}, last("0+7200x5 36000x5 79200+7200x329 2448000x20"), step="2h")
case("two weeks are not known yet", {"250h": 0}, last("0+3600x225 810000x75"), step="1h")
case("two weeks before, the exporter did not read for ten hours", {"390h": 1}, silent, own("up", "1x69 0x9 1x350"), step="1h", apart=I)
case("for thirty hours", {"390h": 0}, silent, own("up", "1x49 0x29 1x350"), step="1h", apart=I)
requested = last("0+900x200")
case("no summaries for a while, although recordings are started", {"17h": 1, "17h45m": 1, "18h15m": 0}, done("0+1x200"), requested, last("0+900x36 32400x33 63900+900x20", "CallRecordingSummary"))
case("there was never a summary", {"17h": 1}, done("0x44 1+1x150"), requested)
case("recordings are started only now", {"17h": 0}, done("0x56 2+2x150"), requested)
case("summaries come", {"17h": 0}, done("0+1x200"), requested, last("-3600+900x200", "CallRecordingSummary"), beside=True)
case("few recordings", {"17h": 0}, done("0+0.5x200"), requested)
case("no starts, but other requests", {"17h": 0}, done("0+9x200", "StopRecording"), start("0+9x200"), requested)
case("the other log stopped an hour ago, too", {"17h": 1}, done("0+1x200"), last("0+900x64 57600x200"))
case("it stopped ten hours ago, too", {"17h": 0}, done("0+1x200"), last("0+900x28 25200x200"))
case("the exporter does not read", {"17h": 0, "20h": 0}, done("0+1x200"), requested, own("up", "0x200"), beside=True, apart=I)
case("it did not, hours ago", {"17h": 1}, done("0+1x200"), requested, own("up", "1x50 0x3 1x200"), apart=I)

alert("AcsRecordingLogsQuiet", R, "2h")
def logged(values, category="CallRecordingOperational"):
    return {f'acs_log_records_total{{category="{category}",level="Informational"}}': values}
stopped = last("0+7200x84 604800x80"), logged("0+1x84 84x80")
case("no log for three days, after a week", {"230h": 0, "246h": 1, "260h": 1}, *stopped)
case("just now three days, then the exporter does not read for a moment", {"96h15m": 0, "97h": 0, "97h15m": 1, "102h": 0, "102h30m": 1},
     last("0+900x96 86400x400"), logged("0+1x96 96x400"), own("up", "1x399 0x3 1x30"), step="15m", apart=I)
case("the exporter was restarted, so the series are gone", {"246h": 1, "340h": 0}, last("0+7200x84 stale"), logged("0+4x84 stale"))
case("a few records a week", {"246h": 0}, last("0+7200x84 604800x80"), logged("0+0.4x84 34x80"))
case("many, but weeks ago", {"400h": 0}, last("0+7200x160 1152000x60"), logged("0+4x84 336x200"))
case("many two weeks ago, and one in 40 hours since then", {"446h": 0}, last("0+7200x84 604800x19 756000x19 900000x19 1044000x19 1188000x19 1332000x60"), logged("0+4x84 336x19 337x19 338x19 339x19 340x19 341x60"))
case("logs come", {"246h": 0}, last("0+7200x150"), logged("0+4x150"))
case("it was silent for longer before", {"440h": 0}, last("0+7200x50 360000x52 748800+7200x75 1288800x80"), logged("0+4x50 200x52 204+4x75 504x80"))
case("it was silent for longer more than four weeks before", {"880h": 1}, last("0x25 356400+14400x174 2862000x25"), logged("0+2x200 400x25"), step="4h")
case("another log comes", {"246h": 1}, *stopped, last("0+7200x150", "CallRecordingSummary"), logged("0+4x150", "CallRecordingSummary"))
case("starts go on without summaries: AcsRecordingLogsMissing pages", {"246h": 0}, last("0+7200x84 604800x80", "CallRecordingSummary"), logged("0+1x84 84x80", "CallRecordingSummary"), done("0+80x150"), last("0+7200x150"), beside=True)
hourly = last("0+3600x168 604800x160"), logged("0+0.5x168 84x160")
case("the exporter does not read", {"246h": 0}, *hourly, own("up", "0x300"), step="1h", apart=I, beside=True)
case("it reads", {"246h": 1}, *hourly, own("up", "1x300"), step="1h")

alert("AcsRecordingLogsLate", I, "1m")
case("an hour late, and two hours more", {"10m": 0, "40m": 1, "190m": 1, "230m": 0}, delay("0+3600x60 216000+60x300", "0+1x60 60+1x300"))
case("five minutes late", {"60m": 0}, delay("0+300x200", "0+1x200"))
case("a few late ones", {"60m": 0}, delay("0x28 18000x200", "0+1x200"))
case("one of two logs", {"40m": 1}, delay("0+3600x60", "0+1x60"), delay("0+60x60", "0+100x60", "CallRecordingOperational"))
case("another log is late", {"40m": 0}, delay("0+3600x60", "0+1x60", "CallRecordingUsage"))
case("late for ten minutes", {"60m": 0, "90m": 0}, delay("0+60x40 42000x3 42000+60x100", "0+1x150"))

alert("AcsRecordingFailuresInBacklog", R, "15s")
old = lambda category="CallRecordingOperational": last("-3600+15x600", category)
case("a failed start, and an hour more", {"6m": 1, "68m": 1, "75m": 0}, start("0x20 1x500"), lag("3600x600"), old())
case("a failed recording", {"6m": 1, "68m": 1, "75m": 0}, ended("0x20 1x500", "failed"), lag("3600x600"), old("CallRecordingSummary"))
case("no backlog", {"6m": 0}, start("0x20 1x60"), ended("0x20 1x60", "failed"), beside=True)
case("the other log has it", {"6m": 0}, start("0x20 1x60"), lag("3600x60"), old("CallRecordingSummary"))
case("the other log has it, too", {"6m": 0}, ended("0x20 1x60", "failed"), lag("3600x60"), old())
case("nothing fails", {"6m": 0}, start("0x60"), ended("0x60", "failed"), lag("3600x60"), old(), old("CallRecordingSummary"), beside=True)
case("nothing that counts", {"6m": 0}, start("0x20 1x60", "429", "throttled"), start("0x20 1x60", "409", "conflict"), start("0x20 1x60", operation="StopRecording"), ended("0x20 1x60", "empty"), lag("3600x60"), old(), old("CallRecordingSummary"))
case("it ended a while ago", {"6m": 1}, start("0x20 1x60"), lag("3600x10 0x60"), last("-3600+15x10 150+15x60"))
case("that of the other log ended a while ago", {"6m": 1}, ended("0x20 1x60", "failed"), lag("3600x10 0x60"), last("-3600+15x10 150+15x60", "CallRecordingSummary"))
case("it ended longer ago", {"11m": 0}, start("0x40 1x60"), ended("0x40 1x60", "failed"), lag("3600x10 0x90"), last("-3600+15x10 150+15x90"), last("-3600+15x10 150+15x90", "CallRecordingSummary"))

alert("AcsRecordingExporterDown", G, "1m")
case("gone, for hours, and back", {"59m": 0, "61m": 0, "65m": 1, "3h": 1, "194m": 1, "200m": 0}, own("up", "1x60 stale _x118 1x60"))
case("there", {"65m": 0, "3h": 0}, own("up", "1x300"))
case("one of two replicas is gone", {"65m": 0}, own("up", "1x60 stale"), own("up", "1x300", instance="b:9464"))
case("one of two event hubs is gone", {"65m": 0}, own("up", "1x60 stale"), own("up", "1x300", event_hub="other"))
case("a restart", {"62m": 0, "65m": 0}, own("up", "1x60 stale 1x60"))
case("an upgrade from a release without the namespace", {"65m": 0, "3h": 0}, own("up", "1x60 stale", event_hubs_namespace=""), own("up", "_x61 1x300"), apart=I)
case("never there", {"65m": 1}, {"unrelated": "1x300"}, apart=())
case("gone for ten hours, and for thirty", {"20h": 1, "40h": 0}, own("up", "1x60 stale"), own("up", "1x300", job="other"), step="10m", apart=())
case("the only one is gone", {"20h": 1, "40h": 1}, own("up", "1x60 stale"), step="10m", apart=())
scraped = lambda values: {"up": values}
case("down for four days, and for eight", {"80h": 1, "120h": 1, "200h": 0}, own("up", "1x5 stale"), scraped("1x5 0x300"), own("up", "1x300", event_hubs_namespace="other"), step="1h")
case("gone for four days, and another target is up", {"120h": 0}, own("up", "1x5 stale"), scraped("1x300"), own("up", "1x300", event_hubs_namespace="other"), step="1h", apart=I, beside=True)
case("the only one, of a release without the namespace, is gone", {"15h": 0, "32h": 1}, own("up", "1x5 stale", event_hubs_namespace=""), step="1h", apart=())

alert("AcsRecordingExporterNotReading", H, "1m")
def owned(values, partition="0", instance="a:9464"):
    return own("partition_owned", values, partition=partition, instance=instance)
def proof(values, partition="0", instance="a:9464"):
    return own("partition_last_proof_timestamp_seconds", values, partition=partition, instance=instance)
well = (own("up", "1x300"), owned("1x300"), owned("1x300", "1"), proof("0+60x300"), proof("0+60x300", "1"))
def refused(values, family="receiver_restarts_total", instance="a:9464"):
    return own(family, values, cause="unauthorized", instance=instance, **({"partition": "0"} if "receiver" in family else {}))
case("all is well", {"20m": 0, "40m": 0}, *well, beside=True)
case("the event hub does not answer, and back", {"14m": 0, "16m": 1, "43m": 1, "47m": 0}, own("up", "1x10 0x19 1x300"))
case("one of two replicas has no answer", {"20m": 0}, own("up", "0x300"), own("up", "1x300", instance="b:9464"))
case("it answers after four minutes", {"20m": 0}, own("up", "1x10 0x3 1x300"))
case("refused, again and again", {"20m": 1}, *well, refused("0+1x60"))
case("refused when it looks for partitions", {"20m": 1}, *well, refused("0+1x60", "discovery_failures_total"))
case("refused once, as when a token expires", {"20m": 0, "12m": 0}, *well, refused("0x5 1x60"))
case("each of three replicas refused once", {"20m": 0}, *well, *[refused("0x8 1x60", instance=f"{name}:9464") for name in "abc"])
case("each of three replicas refused every six minutes", {"20m": 0, "30m": 0}, *well, refused("0x5 1x5 2x5 3x5 4x5 5x5"), refused("0x1 1x5 2x5 3x5 4x5 5x5", instance="b:9464"), refused("0x3 1x5 2x5 3x5 4x5 5x5", instance="c:9464"))
case("refused once in five minutes when it looks for partitions", {"20m": 0, "40m": 0}, *well, refused("0+0.25x60", "discovery_failures_total"))
case("refused once in five minutes", {"20m": 0, "40m": 0}, *well, refused("0+0.25x60"))
case("both kinds of refusals", {"20m": 1}, *well, refused("0+0.25x60"), refused("0+0.25x60", "discovery_failures_total"))
case("other causes", {"20m": 0}, *well, own("receiver_restarts_total", "0+1x60", cause="idle", partition="0"), own("discovery_failures_total", "0+1x60", cause="timeout"))
case("nobody reads one of two partitions", {"20m": 1}, own("up", "1x300"), owned("1x60"), proof("0+60x300"), owned("1x10 0x60", "1"), owned("0x60", "1", "b:9464"), proof("0+60x10 stale", "1"))
case("another replica reads it", {"20m": 0}, own("up", "1x300"), owned("1x10 0x60"), owned("0x10 1x60", instance="b:9464"), proof("0+60x60"), proof("0+60x60", instance="b:9464"))
case("a partition is stuck", {"16m": 0, "20m": 1}, own("up", "1x300"), owned("1x300"), owned("1x300", "1"), proof("0+60x300"), proof("0+60x10 600x300", "1"), beside=True)
case("it is verified every minute and a half", {"20m": 0}, own("up", "1x300"), owned("1x300"), proof("-90+60x300"))
case("two replicas, one has released it", {"20m": 0}, own("up", "1x300"), owned("1x10 0x300"), owned("0x10 1x300", instance="b:9464"), proof("0+60x10 600x300"), proof("0+60x300", instance="b:9464"))
case("a new owner that never succeeded", {"13m": 0, "20m": 1}, own("up", "1x300"), owned("0x3 1x300"))
case("a new owner, five minutes ago", {"8m": 0}, own("up", "1x300"), owned("0x3 1x300"))
case("an owner that succeeded before", {"20m": 0, "26m": 1}, own("up", "1x300"), owned("1x300"), proof("0+60x13 stale"), beside=True)
case("owned before, and then by nobody, and forgotten", {"35m": 0}, own("up", "1x300"), owned("1x14 stale"))
case("an event hub that is gone, while another is there", {"16m": 0, "20m": 1, "3h": 1}, own("up", "1x11 stale"), own("up", "1x300", event_hub="other"), apart=G)
case("an installation that is gone", {"20m": 0, "3h": 0}, own("up", "1x11 stale"), beside=True, apart=G)
case("an event hub that is gone for ten hours, and for thirty", {"20h": 1, "40h": 0}, own("up", "1x60 stale"), own("up", "1x300", event_hub="other"), step="10m", apart=G)

alert("AcsRecordingExporterBehind", H, "1m")
case("a quarter of an hour", {"9m": 0, "12m": 1, "40m": 1, "44m": 1, "50m": 0}, owned("1x100"), owned("1x100", "1"), lag("900x30 0x100"), lag("0x100", "1"), own("up", "1x100"), proof("0+60x100"), proof("0+60x100", "1"))
case("a minute", {"20m": 0}, owned("1x100"), lag("70x100"), own("up", "1x100"), proof("0+60x100"), proof("0+60x100", "1"))
case("five minutes", {"20m": 0}, owned("1x100"), lag("300x100"), own("up", "1x100"), proof("0+60x100"), proof("0+60x100", "1"))
case("a partition that is not owned here", {"20m": 0}, owned("0x100"), owned("1x100", instance="b:9464"), proof("0+60x100", instance="b:9464"), lag("900x100"), own("up", "1x100"), proof("0+60x100"), proof("0+60x100", "1"))
case("for nine minutes", {"20m": 0}, owned("1x100"), lag("0x2 900x9 0x100"), own("up", "1x100"), proof("0+60x100"), proof("0+60x100", "1"))
case("the event hub was away", {"45m": 0, "59m": 0, "75m": 1}, owned("1x100"), lag("900x100"), own("up", "1x10 0x22 1x100"), proof("0+60x100"))
case("not reading", {"20m": 0}, owned("1x100"), lag("900x100"), own("up", "0x100"), proof("0+60x100"), beside=True)

alert("AcsRecordingExporterReplicaFailing", I, "1m")
def target(values, instance="a:9464", **labels):
    return {f'up{{instance="{instance}"' + "".join(f',{name}="{value}"' for name, value in labels.items()) + "}": values}
def info(values, instance="a:9464"):
    return own("build_info", values, instance=instance)
there = own("up", "1x300", instance="b:9464") | target("1x300", "b:9464") | info("1x300", "b:9464")
case("one of two cannot be scraped, and half an hour more", {"14m": 0, "16m": 1, "60m": 1, "69m": 1, "77m": 0}, there, target("1x10 0x30 1x300"), info("1x10 stale _x29 1x300"))
case("both can", {"16m": 0, "60m": 0}, there, target("1x300"), info("1x300"))
case("a new one that never could", {"16m": 1}, there, target("_x10 0x300"))
case("a target of something else in a job of many", {"16m": 0}, there, target("0x300"), target("1x300", "y:80"), beside=True)
case("an exporter at that address", {"16m": 0}, there, target("1x300", "y:80"), info("1x300", "y:80"), beside=True)
case("an exporter in a job of many", {"16m": 1}, there, target("1x10 0x300"), info("1x10 stale"), target("1x300", "y:80"), beside=True)
case("an exporter in a job of many, down for ten hours, and for thirty", {"20h": 1, "40h": 0}, there, target("1x60 0x240"), info("1x60 stale"), target("1x300", "y:80"), step="10m")
case("all are gone for thirty hours", {"40h": 0}, target("1x60 0x240"), info("1x60 stale"), own("up", "1x60 stale"), step="10m")
case("a job without an exporter", {"16m": 0}, target("0x300"))
case("all are gone: AcsRecordingExporterDown pages", {"16m": 0}, target("1x10 0x300"), info("1x10 stale"), own("up", "1x10 stale"), beside=True)
case("for four minutes", {"16m": 0}, there, target("1x10 0x4 1x300"), info("1x300"))
born = lambda values, instance="a:9464": {f'process_start_time_seconds{{instance="{instance}"}}': values}
case("it restarts every four minutes", {"50m": 1}, there, info("1x300"), target("1x300"), born("0x3 240x3 480x3 720x3 960x3 1200x3 1440x3 1680x3 1920x3 2160x3 2400x3 2640x3 2880x20"))
case("it is redeployed every ten minutes", {"50m": 0, "70m": 0}, there, info("1x300"), target("1x300"), born("0x9 600x9 1200x9 1800x9 2400x9 3000x9 3600x9 4200x20"))
case("something else restarts", {"50m": 0}, there, target("1x300", "y:80"), born("0+60x80", "y:80"))
case("no token", {"16m": 1}, there, own("token_fetches_total", "0+1x60", result="failed"))
case("tokens come", {"16m": 0}, there, own("token_fetches_total", "0+1x60", result="ok"))
case("no token, once", {"16m": 0, "40m": 0}, there, own("token_fetches_total", "0x5 1x60", result="failed"))
case("no token every four minutes", {"30m": 1}, there, own("token_fetches_total", "0x3 1x3 2x3 3x3 4x3 5x3 6x3 7x3 8x3", result="failed"))
reads = lambda values, instance="a:9464": own("up", values, instance=instance)
case("one of two never reaches the event hub", {"20m": 1}, there, target("1x300"), info("1x300"), reads("0x300"))
case("neither does: AcsRecordingExporterNotReading pages", {"20m": 0}, target("1x300"), info("1x300"), reads("0x300"), reads("0x300", "b:9464"), beside=True)
case("two of three never reach it", {"20m": 2}, there, target("1x300"), info("1x300"), reads("0x300"), reads("0x300", "c:9464"))
case("nor do any reach two others", {"20m": 1}, there, target("1x300"), info("1x300"), reads("0x300"), own("up", "0x300", instance="b:9464", event_hub="other"), own("up", "0x300", instance="b:9464", event_hubs_namespace="other"))
case("both do", {"20m": 0}, there, target("1x300"), info("1x300"), reads("1x300"))
case("no token now and then", {"58m": 0}, there, own("token_fetches_total", "0x9 1x9 2x9 3x9 4x9 5x9", result="failed"))

alert("AcsRecordingExporterNotDelivered", I, "1m")
def scrapes(values, counted="true", instance="a:9464"):
    return own("scrapes_total", values, counted=counted, instance=instance)
def scrapers(found, expected, instance="a:9464"):
    return own("scrapers", found, instance=instance) | own("scrapers_expected", expected, instance=instance)
fine = scrapes("0+4x100") | scrapers("1x100", "1x100")
def store(values, result="failed", instance="a:9464"):
    return own("store_operations_total", values, operation="lease", result=result, instance=instance)
def unwritten(values, instance="a:9464"):
    return own("checkpoint_unwritten_seconds", values, instance=instance)
def positions(reached, stored, instance="a:9464"):
    return own("partition_last_sequence_number", reached, partition="0", instance=instance) | own("checkpoint_sequence_number", stored, partition="0", instance=instance)
case("the store fails, on one of two replicas", {"14m": 0, "20m": 1, "60m": 0}, fine, store("0+2x25 50x100"), store("0+2x100", "ok"), store("0x100", instance="b:9464"))
case("the store works", {"20m": 0}, fine, store("0+2x100", "ok"), store("0x100"), unwritten("5x100"), unwritten("90x100", "b:9464"), beside=True)
case("it fails now and then", {"20m": 0, "50m": 0}, fine, store("0x9 1x9 2x9 3x9 4x9 5x9"))
case("it fails, and stays a quarter of an hour more", {"40m": 1, "43m": 1, "50m": 0}, fine, store("0+2x25 50x100"))
case("positions stay unwritten", {"20m": 1}, fine, store("0+2x100", "ok"), unwritten("90x100"))
case("for half a minute", {"20m": 0}, fine, store("0+2x100", "ok"), unwritten("30x100"))
case("checkpoints cannot be written", {"20m": 1}, fine, own("checkpoint_writes_total", "0+1x100", result="failed"))
case("checkpoints are written", {"20m": 0}, fine, own("checkpoint_writes_total", "0+1x100", result="ok"))
case("checkpoints cannot be written now and then", {"50m": 0}, fine, own("checkpoint_writes_total", "0x9 1x9 2x9 3x9 4x9 5x9", result="failed"))
case("checkpoints cannot be written every four minutes", {"30m": 1}, fine, own("checkpoint_writes_total", "0x3 1x3 2x3 3x3 4x3 5x3 6x3 7x3 8x3", result="failed"))
case("no scrape qualifies, of one of two", {"30m": 1}, scrapes("0x100"), scrapes("0+4x100", "false"), fine, scrapes("0x100", instance="b:9464"))
case("all scrapes qualify", {"30m": 0}, scrapes("0+4x100"), scrapes("0x100", "false"))
case("one every six minutes qualifies", {"40m": 0}, scrapes("0x5 1x5 2x5 3x5 4x5 5x5 6x5 7x5 8x5 9x5"), scrapers("1x100", "1x100"))
case("no scrape qualifies any more", {"50m": 0, "57m": 1}, scrapes("0+4x30 120x40"), scrapers("1x100", "1x100"))
case("one in half an hour qualifies", {"75m": 1}, scrapes("0x30 1x29 2x40"), scrapers("1x100", "1x100"))
case("too few scrapers", {"20m": 1}, scrapes("0+4x100"), scrapers("1x100", "2x100"))
case("too many", {"20m": 1}, scrapes("0+4x100"), scrapers("3x100", "2x100"))
case("none, says the exporter", {"20m": 0}, scrapes("0+4x100"), scrapers("0x100", "2x100"))
case("a Prometheus moved", {"20m": 0}, scrapes("0+4x100"), scrapers("1x2 2x11 1x100", "1x100"))
case("leases are not renewed", {"20m": 1}, fine, own("last_lease_cycle_timestamp_seconds", "0x100"), own("last_lease_cycle_timestamp_seconds", "0+60x100", instance="b:9464"))
case("every minute and a half", {"20m": 0}, fine, own("last_lease_cycle_timestamp_seconds", "-90+60x100"))
case("a checkpoint does not advance any more", {"55m": 1}, fine, positions("100+1x100", "90+1x20 110x80"))
case("it advances", {"40m": 0}, fine, positions("100+1x100", "99+1x100"), positions("100x100", "100x100", "b:9464"))
case("it advances every six minutes", {"40m": 0, "60m": 0}, fine, positions("100+1x100", "90x5 95x5 100x5 105x5 110x5 115x5 120x5 125x5 130x5 135x5 140x5"))
case("nothing came", {"40m": 0}, fine, positions("100x100", "100x100"))
case("it did not advance for 25 minutes, three times", {"70m": 0}, fine, positions("100+1x100", "90x25 95x25 120x5 121x40"))

alert("AcsRecordingExporterNotUnderstood", I, "1m")
def moved(values, family, **labels):
    return own(family, values, **labels)
sums = lambda received, observed, ignored="0x100": own("records_received_total", received) | own("records_total", observed, disposition="observed") | own("records_total", ignored, disposition="ignored")
case("a record was rejected, and six hours more", {"80m": 1, "120m": 1, "480m": 1, "500m": 0}, moved("0x6 1x50", "rejects_total", reason="malformed"), step="10m")
case("nothing was", {"62m": 0}, moved("3x500", "rejects_total", reason="malformed"))
case("records add up", {"62m": 0}, sums("0+3x100", "0+2x100", "0+1x100"))
case("records do not add up", {"62m": 1}, sums("1+3x100", "0+2x100", "0+1x100"))
case("nor on two replicas, one too many and one too few", {"62m": 1}, own("records_received_total", "1x100"), own("records_total", "0x100", disposition="observed"), own("records_received_total", "1x100", instance="b:9464"), own("records_total", "2x100", disposition="observed", instance="b:9464"))
for family, labels in (("poison_events_total", {"partition": "0"}), ("drift_total", {"kind": "category"}), ("unreadable_values_total", {"category": "CallRecordingSummary", "field": "chunkCount"}), ("dead_letters_total", {"result": "dropped"})):
    case(f"{family} rises", {"80m": 1, "120m": 1, "480m": 1, "500m": 0}, moved("0x6 1x50", family, **labels), step="10m")
case("unknown fields", {"62m": 0}, moved("0x60 1x500", "drift_total", kind="field"), moved("0x60 1x500", "dead_letters_total", result="written"))
case("a miscount of a moment", {"62m": 0}, own("records_received_total", "0x60 1 0x100"), own("records_total", "0x200", disposition="observed"))

alert("AcsRecordingExporterEventsMissed", H, "1m")
def lost(values, instance="a:9464"):
    return own("positions_lost_total", values, partition="0", reason="expired", instance=instance)
case("a position was lost, and an hour more", {"62m": 0, "64m": 1, "119m": 1, "178m": 1, "190m": 0}, lost("0x60 1x500"))
case("none was", {"190m": 0}, lost("1x500"))
case("lost at the start, before the first scrape", {"64m": 1, "150m": 1}, lost("_x60 1x500"))
case("lost at the start of a short life", {"64m": 1, "160m": 1}, lost("_x60 1x5 stale"))
case("lost long ago, and not scraped for half an hour", {"190m": 0, "215m": 0}, lost("1x120 _x30 1x200"))
case("lost at the start, at an address that was silent for three hours", {"306m": 1}, lost("1x115 _x184 1x200"))
case("lost at the end of a life", {"64m": 1, "160m": 1}, lost("0x60 1x5 stale"))
case("events expired", {"64m": 1, "150m": 1, "190m": 0}, own("sequence_gaps_total", "0x60 1x500", partition="0"))
def stolen(values, cause="stolen"):
    return own("receiver_restarts_total", values, cause=cause, partition="0")
expired = lambda values, reason="expired": own("lease_moves_total", values, reason=reason)
case("another reader took it", {"64m": 1, "133m": 1, "140m": 0}, stolen("0x60 1x500"))
case("another replica took it, because its lease had expired", {"64m": 0}, stolen("0x60 1x500"), expired("0x60 1x500"), beside=True)
case("a lease had expired before that", {"77m": 1}, stolen("0x70 1x500"), expired("0x50 1x500"))
case("a lease expired just before that", {"77m": 0}, stolen("0x70 1x500"), expired("0x65 1x500"))
case("leases move in order", {"64m": 1}, stolen("0x60 1x500"), expired("0x60 1x500", "balanced"))
case("links are reopened", {"64m": 0}, stolen("0x60 1x500", "idle"))
case("a foreign program holds leases", {"64m": 1}, own("leases", "0x60 2x100", held_by="foreign"))
case("replicas hold leases", {"64m": 0}, own("leases", "2x100", held_by="self"), own("leases", "0x100", held_by="foreign"))
case("a foreign program, for a moment", {"64m": 0}, own("leases", "0x60 1 0x100", held_by="foreign"))

alert("AcsRecordingExporterCountedTwice", I, "1m")
def recounted(values, instance="a:9464"):
    return own("recounted_events_total", values, partition="0", instance=instance)
def twice(duplicates, observed):
    return own("duplicate_records_total", duplicates) | own("records_total", observed, disposition="observed") | own("records_total", "0+1x600", disposition="ignored")
case("a partition moved, and six hours more", {"80m": 0, "95m": 1, "118m": 1, "470m": 1, "485m": 0}, recounted("0x60 5x500"))
case("none did", {"485m": 0}, recounted("5x500"))
case("a series that begins with its loss", {"95m": 1}, recounted("_x60 5x500"))
case("a series that was not scraped for three quarters of an hour", {"640m": 0}, recounted("5x520 _x50 5x200"))
case("a series that begins anew after three hours", {"740m": 1}, recounted("5x520 _x184 5x200"))
case("one that ends soon after that", {"95m": 1}, recounted("_x60 5x5 stale"))
case("one that ends soon after its loss", {"95m": 1}, recounted("0x60 5x5 stale"))
case("a third arrives twice", {"50m": 1}, twice("0+1x100", "0+3x100"), own("replicas", "1x100"))
case("a third, of a store that has no replicas", {"50m": 1}, twice("0+1x100", "0+3x100"), own("build_info", "1x100"))
case("one in ten", {"70m": 0, "100m": 0}, twice("0+4x100", "0+40x100"), own("replicas", "1x100"))
case("one in ten, without replicas", {"70m": 0}, twice("0+4x100", "0+40x100"), own("build_info", "1x100"))
case("a sixth on each of two replicas", {"70m": 1}, twice("0+1x100", "0+6x100"), own("replicas", "2x100"))
case("few", {"70m": 0, "100m": 0}, twice("0+0.4x100", "0+0.8x100"), own("replicas", "1x100"), beside=True)
case("a crash", {"100m": 0}, twice("0x60 30x100", "0+3x60 183x100"))

alert("AcsRecordingExporterCapped", I, "1m")
case("a label", {"62m": 1, "118m": 1, "478m": 1, "490m": 0}, own("label_overflow_total", "0x60 1x500", label="sdk_version"))
case("series", {"62m": 1, "118m": 1, "478m": 1, "490m": 0}, own("series_overflow_total", "0x60 1x500"))
case("neither", {"62m": 0}, own("label_overflow_total", "4x500", label="sdk_version"), own("series_overflow_total", "4x500"))


def equivalent(rule, reason, *mutants):
    """Alterations that no input can tell apart from the rule, and why."""
    for mutant in mutants:
        EQUIVALENT[rule, mutant] = reason


equivalent("AcsRecordingLogsQuiet", "the last three days have only the present silence in them, and it was shorter then",
           "line 4, column 90: offset 3d -> offset 64800s")
NO_RISE = "increase() needs samples of the last hour, so a longer look back adds no series"
equivalent("AcsRecordingExporterEventsMissed", NO_RISE, "line 4, column 68: [1h] -> [14400s]", "line 6, column 74: [1h] -> [14400s]")
equivalent("AcsRecordingExporterCountedTwice", NO_RISE, "line 4, column 70: [1h] -> [14400s]", "line 6, column 76: [1h] -> [14400s]")
