"""When each alert fires and when it does not.

case(name, at, series): at which time how many instances fire, and promtool's notation of each series. The labels of an
ordinary installation are added to each series (rules.py).
"""
from rules import parsed, written

R = ("cluster", "namespace", "job", "resource")
I = ("cluster", "namespace", "job")
G = (*I, "event_hubs_namespace")
H = (*G, "event_hub")

APART, NARROW, CASES, BESIDE, ALLOWED = {}, {}, {}, set(), {}


def alert(name, apart, step):
    """The alert that the next cases are about, the labels that tell its instances apart, and the step of its series."""
    global current
    current = name, step
    APART[name], CASES[name] = apart, []


def case(name, at, *series, beside=False, apart=None, step=None):
    """`beside`: in the check, this case also surrounds each other case of the alert. `apart`: fewer labels than those of the
    alert keep this case apart from others."""
    together = {}
    for one in series:
        together |= one
    CASES[current[0]].append((name, step or current[1], at, {written(*parsed(one)): values for one, values in together.items()}))
    if apart is not None:
        NARROW[current[0], name] = apart
    if beside:
        BESIDE.add((current[0], name))


def start(values, status="503", reason="server_error", operation="StartRecording"):
    return {f'acs_recording_operation_failures_total{{operation="{operation}",result_signature="{status}",reason="{reason}"}}': values}


def done(values, operation="StartRecording"):
    return {f'acs_recording_operations_total{{operation="{operation}",result_signature="200",outcome="succeeded"}}': values}


def bad(values, operation="StartRecording"):
    """The same failures in the family of all requests, which the ratios must not count twice."""
    return {f'acs_recording_operations_total{{operation="{operation}",result_signature="503",outcome="failed"}}': values}


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
    case("one partition of two waits", {"6m": 0}, failing("0x20 1x40"), lag("3600x60"), lag("0x60", "1"), last("-3600+15x60", category))


alert("AcsRecordingStartFailed", R, "15s")
failures_in_time(start, (start("0x20 1x40", "429", "throttled"), start("0x20 1x40", "409", "conflict"), start("0x20 1x40", operation="StopRecording")),
                 "CallRecordingOperational", "CallRecordingSummary")
case("one resource, two statuses: one alert", {"6m": 1}, start("0x20 1x40"), start("0x20 1x40", "403", "client_error"))


alert("AcsRecordingFailed", R, "15s")
failures_in_time(lambda values: ended(values, "failed"), (ended("0x20 1x40", "empty"),), "CallRecordingSummary", "CallRecordingOperational")
case("ended badly", {"6m": 1}, ended("0x20 1x40", "ended_badly"))

alert("AcsRecordingEmpty", R, "5m")
def of(recordings, empty="0x500", short="0x500", le="10"):
    """Recordings of which so many are empty, and so many short; so many each 5 minutes."""
    return {'acs_recordings_total{end_reason="CallEnded"}': recordings, 'acs_recording_length_seconds_count{format_type="mp4"}': recordings,
            f'acs_recording_length_seconds_bucket{{format_type="mp4",le="{le}"}}': short, 'acs_recording_length_seconds_bucket{format_type="mp4",le="60"}': recordings,
            **ended(empty, "empty", "CallEnded"), **ended("0+0.5x500", "failed")}
case("a quarter is empty; it ends, and the alert stays", {"6h": 1, "24h": 1, "32h": 1, "38h": 0}, of("0+0.5556x288 160x200", "0+0.1389x288 40x200"))
case("one in twenty is empty", {"6h": 0, "24h": 0}, of("0+2.778x300", "0+0.1389x300"))
case("half of few are empty", {"6h": 0, "24h": 0}, of("0+0.0833x300", "0+0.0417x300"))
case("most are short", {"6h": 1, "24h": 1}, of("0+0.2222x300", "0x300", "0+0.1389x300"), beside=True)
case("most are short, as OpenMetrics writes it", {"6h": 1, "24h": 1}, of("0+0.2222x300", "0x300", "0+0.1389x300", "10.0"))
case("a fifth is short", {"6h": 0, "24h": 0}, of("0+0.6944x300", "0x300", "0+0.1389x300"))
case("most of few are short", {"6h": 0, "24h": 0}, of("0+0.07x300", "0x300", "0+0.0417x300"))

alert("AcsRecordingPauseFailed", R, "1m")
case("one failed pause, and six hours more", {"6m": 1, "370m": 1, "376m": 1, "390m": 0}, start("0x5 1x500", operation="PauseRecording"))
case("other operations, and throttled", {"6m": 0}, start("0x5 1x20", operation="StopRecording"), start("0x5 1x20", "429", "throttled", "PauseRecording"))

alert("AcsRecordingBurnFast", R, "1m")
def stop(good, failed):
    return done(good, "StopRecording") | start(failed, operation="StopRecording") | bad(failed, "StopRecording")
# Six hours at one request a minute, in which nothing fails, and then.
case("all fail for six minutes", {"6h": 0, "6h8m": 1, "7h": 1, "7h30m": 0}, stop("0+1x360 360x100", "0x360 1+1x5 6x100"))
case("a tenth fails for an hour", {"6h55m": 1}, stop("0+1x360 360.9+0.9x59", "0x360 0.1+0.1x59"))
case("one in twenty fails for six hours, after a day", {"24h": 0, "30h": 1}, stop("0+1x1440 1440.95+0.95x420", "0x1440 0.05+0.05x420"))
case("2 % fail for a day and more", {"7h": 0, "30h": 0}, stop("0+0.98x1860", "0+0.02x1860"))
case("few fail, of few", {"7h": 0, "12h": 0}, stop("0+0.075x800", "0+0.0083x800"))
case("3 fail within an hour", {"6h10m": 0, "6h59m": 0}, stop("0+1x360 360.5+0.5x59", "0x360 0.75+0.75x3 3x60"))
case("a short burst on a busy resource", {"6h6m": 0, "6h30m": 0}, stop("0+10x360 3606+6x4 3630+10x60", "0x360 4+4x4 20x60"))
case("only throttled and conflicts", {"7h": 0}, done("0+1x500"), start("0+1x500", "429", "throttled"), start("0+1x500", "409", "conflict"))
case("throttled starts do not hide it", {"6h8m": 1}, stop("0+1x360 360x100", "0x360 1+1x5 6x100"), start("0+0.1x500", "429", "throttled"))
case("while starts fail, and half an hour after; then it is over", {"6h4m": 0, "6h15m": 0, "6h34m": 0, "6h37m": 0, "6h45m": 0},
     stop("0+1x360 360.64+0.64x24 376.1+1x60", "0x360 0.36+0.36x24 9.01x60"), start("0x360 0.2+0.2x4 1x100"), beside=True)
case("failures go on after the starts, and end just now", {"6h30m": 0, "6h37m": 1},
     stop("0+1x360 360.73+0.73x33 385+1x60", "0x360 0.27+0.27x33 9.18x60"), start("0x360 0.2+0.2x4 1x100"))
case("few fail when the starts are over", {"6h34m": 0, "6h37m": 0, "6h50m": 0}, stop("0+1x360 360.8+0.8x29 384.96+0.96x60", "0x360 0.2+0.2x29 6.04+0.04x60"), start("0x360 0.2+0.2x4 1x100"))
case("it was worse hours ago, and few fail now", {"6h6m": 0}, stop("0+10x220 2200x20 2210+10x119 3405+9x4 3450+10x30", "0x220 10+10x19 200x120 201+1x4 205x30"), start("0x220 1+1x24 25x200"))
case("one in twenty for hours, fewer now", {"6h2m": 0, "7h40m": 0}, stop("0+0.95x361 343.93+0.98x120", "0+0.05x361 18.07+0.02x120"), start("0+1x361 361x200"))
case("a backlog", {"6h8m": 0, "6h30m": 0}, stop("0+1x360 360x100", "0x360 1+1x5 6x100"), lag("3600x500"), last("-3600+60x500"), beside=True)
case("the other log has a backlog", {"6h8m": 1}, stop("0+1x360 360x100", "0x360 1+1x5 6x100"), lag("3600x500"), last("-3600+60x500", "CallRecordingSummary"))
case("a backlog that has ended", {"6h20m": 0, "6h29m": 0}, stop("0+1x360 360.64+0.64x24 376.1+1x60", "0x360 0.36+0.36x24 9.01x60"), lag("3600x380 0x100"), last("-3600+60x380 22800+60x100"))
case("failures long after a backlog", {"6h45m": 1}, stop("0+1x360 360.5+0.5x59", "0x360 0.5+0.5x59"), lag("3600x361 0x100"), last("-3600+60x361 21660+60x100"))
case("nothing waits", {"6h8m": 1}, stop("0+1x360 360x100", "0x360 1+1x5 6x100"), lag("0x500"), last("-3600+60x500"))

alert("AcsRecordingBurnSlow", R, "10m")
case("2 % for six hours, after three days", {"72h": 0, "79h": 1, "84h": 1, "92h": 0}, stop("0+10x432 4329.8+9.8x35 4672.8+10x200", "0x432 0.2+0.2x35 7.2x200"))
case("1 % for three days, after three", {"72h": 0, "140h": 1}, stop("0+10x432 4329.9+9.9x420", "0x432 0.1+0.1x420"))
case("0.2 % for six days", {"140h": 0}, stop("0+99.8x860", "0+0.2x860"))
case("few, of few", {"30h": 0, "60h": 0}, stop("0+0.1x860", "0+0.0075x860"))
case("while starts fail, and six hours after", {"79h": 0, "82h": 0}, stop("0+10x432 4329.8+9.8x60", "0x432 0.2+0.2x60"), start("0x432 1+0.01x36 1.36x60"), beside=True)
case("while a backlog is worked off", {"79h": 0}, stop("0+10x432 4329.8+9.8x60", "0x432 0.2+0.2x60"), lag("3600x600"), last("-3600+600x600"), beside=True)
case("after it has burnt fast", {"76h": 0, "80h": 0}, stop("0+10x432 4325+5x5 4360+10x60", "0x432 5+5x5 30x60"), beside=True)

alert("AcsRecordingStartThrottled", R, "1m")
def throttled(values):
    return start(values, "429", "throttled")
case("more than half for more than half an hour", {"25m": 0, "60m": 1, "115m": 1, "121m": 1, "135m": 0}, done("0+0.5x90 45+2x100"), throttled("0+0.9x90 81x100"))
case("a burst of ten minutes", {"60m": 0, "95m": 0}, done("0+0.5x60 30x100"), throttled("0x30 0.9+0.9x9 9x100"))
case("a third", {"60m": 0}, done("0+2x100"), throttled("0+1x100"))
case("few", {"60m": 0}, done("0+0.1x100"), throttled("0+0.3x100"))
case("most starts fail otherwise", {"60m": 0}, start("0+2x100"), throttled("0+1x100"))
case("other operations", {"60m": 0}, done("0+2x100"), start("0+3x100", "429", "throttled", "GetRecording"), done("0+0.1x100", "GetRecording"))
case("other operations succeed", {"60m": 1}, done("0+0.5x100"), throttled("0+0.9x100"), done("0+10x100", "GetRecording"), start("0+10x100", operation="GetRecording"), bad("0+9x100"))

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
case("other operations, and failed starts, do not dilute it", {"6h": 1}, done("0+0.4167x100"), conflicts("0+0.1389x100"), done("0+9x100", "GetRecording"), start("0+9x100", operation="GetRecording"), bad("0+9x100"))

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
case("the buckets are short of a minute", {"12m": 1}, durations("0+2.4x40", "0+3x40"))

alert("AcsRecordingNotReported", R, "10m")
def reported(values):
    return {'acs_recordings_total{end_reason="CallEnded"}': values}
def delay(seconds, count, category="CallRecordingSummary"):
    return {f'acs_log_record_delay_seconds_sum{{category="{category}"}}': seconds, f'acs_log_record_delay_seconds_count{{category="{category}"}}': count}
fresh = last("0+600x600", "CallRecordingSummary")
case("a fifth is not reported, for hours", {"6h": 0, "26h": 1, "70h": 0}, done("0+0.5x288 144+0.5x288"), reported("0+0.4x220 88+0.5x300"), fresh)
case("all are reported", {"26h": 0}, done("0+0.5x300"), reported("0+0.5x300"), fresh)
case("one in twenty", {"40h": 0}, done("0+2x300"), reported("0+1.9x300"), fresh)
case("few", {"40h": 0, "60h": 0}, done("0+0.02x400"), reported("0+0.01x400"), fresh)
case("none ever was", {"26h": 1}, done("0+0.05x300"), last("0+600x600", "CallRecordingSummary"))
case("other requests, and failed starts, are not recordings", {"26h": 0}, done("0+0.5x300"), reported("0+0.5x300"), done("0+2x300", "StopRecording"), bad("0+2x300"), fresh)
case("summaries are late", {"26h": 0}, done("0+0.5x300"), reported("0+0.4x300"), fresh, delay("0+3600x300", "0+1x300"), beside=True, apart=I)
case("summaries were late yesterday", {"26h": 0}, done("0+0.5x300"), reported("0+0.4x300"), fresh, delay("0+3600x60 216000x300", "0+1x60 60x300"), apart=I)
case("they were late long ago", {"60h": 1}, done("0+0.5x400"), reported("0+0.4x400"), fresh, delay("0+3600x30 108000x400", "0+1x30 30x400"), apart=I)
case("not late enough", {"26h": 1}, done("0+0.5x300"), reported("0+0.4x300"), fresh, delay("0+600x300", "0+1x300"), apart=I)
case("other logs are late", {"26h": 1}, done("0+0.5x300"), reported("0+0.4x300"), fresh, delay("0+3600x300", "0+1x300", "CallRecordingOperational"), apart=I)
case("no summaries at all: AcsRecordingLogsMissing pages", {"15h": 0, "26h": 0}, done("0+0.6x300"), reported("0x300"), last("0x300", "CallRecordingSummary"), beside=True)
case("the exporter does not read", {"26h": 0}, done("0+0.5x300"), reported("0+0.4x300"), fresh, own("up", "0x300"), beside=True, apart=I)
case("it did not, five hours ago", {"26h": 0}, done("0+0.5x300"), reported("0+0.4x300"), fresh, own("up", "0x126 1x300"), apart=I)
case("it did not, nine hours before", {"40h": 1}, done("0+0.5x300"), reported("0+0.4x300"), fresh, own("up", "0x6 1x300"), apart=I)
case("it is behind", {"26h": 0}, done("0+0.5x300"), reported("0+0.4x300"), fresh, own("up", "1x300"), lag("400x300"), own("partition_owned", "1x300", partition="0"), own("partition_last_proof_timestamp_seconds", "0+600x300", partition="0"), apart=I)
case("it is hardly behind", {"26h": 1}, done("0+0.5x300"), reported("0+0.4x300"), fresh, own("up", "1x300"), lag("200x300"), own("partition_owned", "1x300", partition="0"), own("partition_last_proof_timestamp_seconds", "0+600x300", partition="0"), apart=I)
case("another partition's lag is out of date", {"26h": 1}, done("0+0.5x300"), reported("0+0.4x300"), fresh, own("up", "1x300"), lag("4000x300"), own("partition_owned", "0x300", partition="0"), own("partition_owned", "1x300", instance="b:9464", partition="0"), own("partition_last_proof_timestamp_seconds", "0+600x300", instance="b:9464", partition="0"), apart=I)

alert("AcsRecordingLogsMissing", R, "15m")
silent = lambda category="CallRecordingOperational": last("0+900x1536 1382400x300", category)
case("a busy resource falls silent on the sixteenth day", {"388h": 0, "389h": 1, "400h": 1}, silent())
case("it does not", {"388h": 0, "389h": 0, "400h": 0}, last("0+900x1700"))
case("it did so before, within four weeks", {"389h": 0, "400h": 0}, last("0+900x800 720000x39 756000+900x696 1382400x300"))
case("two weeks are not known yet", {"250h": 0}, last("0+900x900 810000x300"))
case("no summaries, although recordings are started", {"17h": 1, "20h": 1}, done("0+1x200"), last("0+900x36 32400x200", "CallRecordingSummary"))
case("there was never a summary", {"17h": 1}, done("0+1x200"))
case("summaries come", {"17h": 0}, done("0+1x200"), last("0+900x200", "CallRecordingSummary"))
case("few recordings", {"17h": 0}, done("0+0.5x200"), last("0+900x36 32400x200", "CallRecordingSummary"))
case("no starts, but other requests", {"17h": 0}, done("0+9x200", "StopRecording"), bad("0+9x200"), last("0+900x36 32400x200", "CallRecordingSummary"))
case("the exporter does not read", {"17h": 0, "20h": 0}, done("0+1x200"), last("0+900x36 32400x200", "CallRecordingSummary"), own("up", "0x200"))
case("it did not, hours ago", {"17h": 0}, done("0+1x200"), own("up", "1x50 0x3 1x200"))

alert("AcsRecordingLogsQuiet", R, "30m")
def logged(values, category="CallRecordingOperational"):
    return {f'acs_log_records_total{{category="{category}",level="Informational"}}': values}
case("no log for three days, after a week", {"230h": 0, "245h": 1}, last("0+1800x336 604800x300"), logged("0+1x336 336x300"))
case("a few records a week", {"245h": 0}, last("0+1800x336 604800x300"), logged("0+0.1x336 34x300"))
case("logs come", {"245h": 0}, last("0+1800x600"), logged("0+1x600"))
case("it was silent for longer before", {"440h": 0}, last("0+1800x96 172800x200 534600+1800x420 1290600x300"), logged("0+1x96 96x200 97+1x420 517x300"))
case("another log comes", {"245h": 1}, last("0+1800x336 604800x300"), logged("0+1x336 336x300"), last("0+1800x600", "CallRecordingSummary"), logged("0+1x600", "CallRecordingSummary"))
case("the exporter does not read", {"245h": 0}, last("0+1800x336 604800x300"), logged("0+1x336 336x300"), own("up", "0x600"), apart=I)

alert("AcsRecordingLogsLate", I, "1m")
case("an hour late, and two hours more", {"10m": 0, "40m": 1, "190m": 1, "230m": 0}, delay("0+3600x60 216000+60x300", "0+1x60 60+1x300"))
case("five minutes late", {"60m": 0}, delay("0+300x200", "0+1x200"))
case("a few late ones", {"60m": 0}, delay("0x28 18000x200", "0+1x200"))
case("one of two logs", {"40m": 1}, delay("0+3600x60", "0+1x60"), delay("0+60x60", "0+100x60", "CallRecordingOperational"))
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
case("it ended a while ago", {"6m": 1}, start("0x20 1x60"), ended("0x20 1x60", "failed"), lag("3600x10 0x60"), last("-3600+15x10 150+15x60"), last("-3600+15x10 150+15x60", "CallRecordingSummary"))
case("it ended longer ago", {"11m": 0}, start("0x40 1x60"), ended("0x40 1x60", "failed"), lag("3600x10 0x90"), last("-3600+15x10 150+15x90"), last("-3600+15x10 150+15x90", "CallRecordingSummary"))

alert("AcsRecordingExporterDown", G, "1m")
case("gone, for hours, and back", {"59m": 0, "61m": 0, "65m": 1, "3h": 1, "184m": 1, "190m": 0}, own("up", "1x60 stale _x118 1x60"))
case("there", {"65m": 0, "3h": 0}, own("up", "1x300"))
case("one of two replicas is gone", {"65m": 0}, own("up", "1x60 stale"), own("up", "1x300", instance="b:9464"))
case("one of two event hubs is gone", {"65m": 0}, own("up", "1x60 stale"), own("up", "1x300", event_hub="other"))
case("a restart", {"62m": 0, "65m": 0}, own("up", "1x60 stale 1x60"))
case("never there", {"65m": 1}, {"unrelated": "1x300"}, apart=())
case("gone for ten hours, and for thirty", {"20h": 1, "40h": 0}, own("up", "1x60 stale"), own("up", "1x300", job="other"), step="10m", apart=())

alert("AcsRecordingExporterNotReading", H, "1m")
def owned(values, partition="0", instance="a:9464"):
    return own("partition_owned", values, partition=partition, instance=instance)
def proof(values, partition="0", instance="a:9464"):
    return own("partition_last_proof_timestamp_seconds", values, partition=partition, instance=instance)
well = (own("up", "1x300"), owned("1x300"), owned("1x300", "1"), proof("0+60x300"), proof("0+60x300", "1"))
def refused(values, family="receiver_restarts_total", instance="a:9464"):
    return own(family, values, cause="unauthorized", instance=instance, **({"partition": "0"} if "receiver" in family else {}))
case("all is well", {"20m": 0, "40m": 0}, *well, beside=True)
case("the event hub does not answer, and back", {"14m": 0, "16m": 1, "33m": 1, "37m": 0}, own("up", "1x10 0x19 1x300"))
case("one of two replicas has no answer", {"20m": 0}, own("up", "0x300"), own("up", "1x300", instance="b:9464"))
case("it answers after four minutes", {"20m": 0}, own("up", "1x10 0x3 1x300"))
case("refused, again and again", {"20m": 1}, *well, refused("0+1x60"))
case("refused when it looks for partitions", {"20m": 1}, *well, refused("0+1x60", "discovery_failures_total"))
case("refused once, as when a token expires", {"20m": 0, "12m": 0}, *well, refused("0x5 1x60"))
case("each of three replicas refused once", {"20m": 0}, *well, *[refused("0x8 1x60", instance=f"{name}:9464") for name in "abc"])
case("refused once in five minutes", {"20m": 0, "40m": 0}, *well, refused("0+0.25x60"))
case("both kinds of refusals", {"20m": 1}, *well, refused("0+0.25x60"), refused("0+0.25x60", "discovery_failures_total"))
case("other causes", {"20m": 0}, *well, own("receiver_restarts_total", "0+1x60", cause="idle", partition="0"), own("discovery_failures_total", "0+1x60", cause="timeout"))
case("nobody reads one of two partitions", {"20m": 1}, own("up", "1x300"), owned("1x60"), proof("0+60x300"), owned("1x10 0x60", "1"), owned("0x60", "1", "b:9464"))
case("another replica reads it", {"20m": 0}, own("up", "1x300"), owned("1x10 0x60"), owned("0x10 1x60", instance="b:9464"), proof("0+60x60"), proof("0+60x60", instance="b:9464"))
case("a partition is stuck", {"16m": 0, "20m": 1}, own("up", "1x300"), owned("1x300"), owned("1x300", "1"), proof("0+60x300"), proof("0+60x10 600x300", "1"), beside=True)
case("it is verified every minute and a half", {"20m": 0}, own("up", "1x300"), owned("1x300"), proof("-90+60x300"))
case("two replicas, one has released it", {"20m": 0}, own("up", "1x300"), owned("1x10 0x300"), owned("0x10 1x300", instance="b:9464"), proof("0+60x10 600x300"), proof("0+60x300", instance="b:9464"))
case("a new owner that never succeeded", {"13m": 0, "20m": 1}, own("up", "1x300"), owned("0x3 1x300"))
case("a new owner, five minutes ago", {"8m": 0}, own("up", "1x300"), owned("0x3 1x300"))
case("a new owner that succeeded before", {"20m": 0}, own("up", "1x300"), owned("1x300"), proof("0+60x13 stale"), beside=True)
case("owned before, and then by nobody, and forgotten", {"20m": 0}, own("up", "1x300"), owned("1x14 stale"))
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
case("something else restarts", {"50m": 0}, there, target("1x300", "x:80"), born("0+60x80", "x:80"))
case("no token", {"16m": 1}, there, own("token_fetches_total", "0+1x60", result="failed"))
case("tokens come", {"16m": 0}, there, own("token_fetches_total", "0+1x60", result="ok"))
case("no token, once", {"16m": 0, "40m": 0}, there, own("token_fetches_total", "0x5 1x60", result="failed"))
case("no token every four minutes", {"30m": 1}, there, own("token_fetches_total", "0x3 1x3 2x3 3x3 4x3 5x3 6x3 7x3 8x3", result="failed"))
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
case("no scrape qualifies, of one of two", {"30m": 1}, scrapes("0x100"), scrapes("0+4x100", "false"), fine, scrapes("0x100", instance="b:9464"))
case("all scrapes qualify", {"30m": 0}, scrapes("0+4x100"), scrapes("0x100", "false"))
case("one every six minutes qualifies", {"40m": 0}, scrapes("0x5 1x5 2x5 3x5 4x5 5x5 6x5 7x5 8x5 9x5"), scrapers("1x100", "1x100"))
case("one in half an hour qualifies", {"75m": 1}, scrapes("0x30 1x29 2x40"), scrapers("1x100", "1x100"))
case("too few scrapers", {"20m": 1}, scrapes("0+4x100"), scrapers("1x100", "2x100"))
case("too many", {"20m": 1}, scrapes("0+4x100"), scrapers("3x100", "2x100"))
case("none, says the exporter", {"20m": 0}, scrapes("0+4x100"), scrapers("0x100", "2x100"))
case("a Prometheus moved", {"20m": 0}, scrapes("0+4x100"), scrapers("1x2 2x11 1x100", "1x100"))
case("leases are not renewed", {"20m": 1}, fine, own("last_lease_cycle_timestamp_seconds", "0x100"), own("last_lease_cycle_timestamp_seconds", "0+60x100", instance="b:9464"))
case("every half minute", {"20m": 0}, fine, own("last_lease_cycle_timestamp_seconds", "-30+60x100"))
case("a checkpoint does not advance", {"40m": 1}, fine, positions("100+1x100", "90x100"))
case("it advances", {"40m": 0}, fine, positions("100+1x100", "99+1x100"), positions("100x100", "100x100", "b:9464"))
case("it advances every six minutes", {"40m": 0, "60m": 0}, fine, positions("100+1x100", "90x5 95x5 100x5 105x5 110x5 115x5 120x5 125x5 130x5 135x5 140x5"))
case("nothing came", {"40m": 0}, fine, positions("100x100", "100x100"))
case("it did not advance for 25 minutes, three times", {"70m": 0}, fine, positions("100+1x100", "90x25 95x25 120x5 121x40"))

alert("AcsRecordingExporterNotUnderstood", I, "1m")
def moved(values, family, **labels):
    return own(family, values, **labels)
sums = lambda received, observed, ignored="0x100": own("records_received_total", received) | own("records_total", observed, disposition="observed") | own("records_total", ignored, disposition="ignored")
case("a record was rejected, and six hours more", {"62m": 1, "118m": 1, "478m": 1, "490m": 0}, moved("0x60 1x500", "rejects_total", reason="malformed"))
case("nothing was", {"62m": 0}, moved("3x500", "rejects_total", reason="malformed"))
case("records add up", {"62m": 0}, sums("0+3x100", "0+2x100", "0+1x100"))
case("records do not add up", {"62m": 1}, sums("1+3x100", "0+2x100", "0+1x100"))
case("nor on two replicas, one too many and one too few", {"62m": 1}, own("records_received_total", "1x100"), own("records_total", "0x100", disposition="observed"), own("records_received_total", "1x100", instance="b:9464"), own("records_total", "2x100", disposition="observed", instance="b:9464"))
for family, labels in (("poison_events_total", {"partition": "0"}), ("drift_total", {"kind": "category"}), ("unreadable_values_total", {"category": "CallRecordingSummary", "field": "chunkCount"}), ("dead_letters_total", {"result": "dropped"})):
    case(f"{family} rises", {"62m": 1, "118m": 1, "478m": 1, "490m": 0}, moved("0x60 1x500", family, **labels))
case("unknown fields", {"62m": 0}, moved("0x60 1x500", "drift_total", kind="field"), moved("0x60 1x500", "dead_letters_total", result="written"))
case("a miscount of a moment", {"62m": 0}, own("records_received_total", "0x60 1 0x100"), own("records_total", "0x200", disposition="observed"))

alert("AcsRecordingExporterEventsMissed", H, "1m")
def lost(values, instance="a:9464"):
    return own("positions_lost_total", values, partition="0", reason="expired", instance=instance)
case("a position was lost, and an hour more", {"62m": 0, "64m": 1, "119m": 1, "178m": 1, "190m": 0}, lost("0x60 1x500"))
case("none was", {"190m": 0}, lost("1x500"))
case("lost at the start, before the first scrape", {"64m": 1, "119m": 1}, lost("_x60 1x500"))
case("events expired", {"64m": 1, "119m": 1, "190m": 0}, own("sequence_gaps_total", "0x60 1x500", partition="0"))
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
case("a third arrives twice", {"50m": 1}, twice("0+1x100", "0+3x100"), own("replicas", "1x100"))
case("a third, of a store that has no replicas", {"50m": 1}, twice("0+1x100", "0+3x100"))
case("one in twenty", {"70m": 0, "100m": 0}, twice("0+2x100", "0+40x100"), own("replicas", "1x100"))
case("one in twenty, without replicas", {"70m": 0}, twice("0+2x100", "0+40x100"))
case("a sixth on each of two replicas", {"70m": 1}, twice("0+1x100", "0+6x100"), own("replicas", "2x100"))
case("few", {"70m": 0, "100m": 0}, twice("0+0.4x100", "0+0.8x100"), beside=True)
case("a crash", {"100m": 0}, twice("0x60 30x100", "0+3x60 183x100"))

alert("AcsRecordingExporterCapped", I, "1m")
case("a label", {"62m": 1, "118m": 1, "478m": 1, "490m": 0}, own("label_overflow_total", "0x60 1x500", label="sdk_version"))
case("series", {"62m": 1, "118m": 1, "478m": 1, "490m": 0}, own("series_overflow_total", "0x60 1x500"))
case("neither", {"62m": 0}, own("label_overflow_total", "4x500", label="sdk_version"), own("series_overflow_total", "4x500"))


# The alerts whose mutants are not all killed yet: the check prints them, and does not fail for them.
UNFINISHED = {
    "AcsRecordingEmpty", "AcsRecordingBurnFast", "AcsRecordingBurnSlow", "AcsRecordingStartConflict", "AcsRecordingSlow", "AcsRecordingNotReported",
    "AcsRecordingLogsMissing", "AcsRecordingLogsQuiet", "AcsRecordingLogsLate", "AcsRecordingFailuresInBacklog",
    "AcsRecordingExporterDown", "AcsRecordingExporterBehind", "AcsRecordingExporterReplicaFailing", "AcsRecordingExporterNotDelivered",
    "AcsRecordingExporterNotUnderstood", "AcsRecordingExporterEventsMissed", "AcsRecordingExporterCountedTwice",
    "acs_recording:failures:increase1h", "acs_recording:failure_ratio:1h", "acs_recording:failures:increase30m", "acs_recording:failure_ratio:30m",
    "acs_recording:failures:increase5m", "acs_recording:failure_ratio:5m", "acs_recording:failures:increase6h", "acs_recording:failure_ratio:6h",
    "acs_recording:failures:increase3d", "acs_recording:failure_ratio:3d", "acs_recording:burns_fast", "acs_recording:backlog_age_seconds",
    "acs_recording:log_delay_seconds", "acs_recording:started:increase1d", "acs_recording:reported:increase1d", "acs_recording:quiet_seconds",
    "acs_recording:logs_missing", "acs_recording_exporter:gone", "acs_recording_exporter:not_reading", "acs_recording_exporter:blind",
}
