"""Writes dashboard.json. Run it after a change; `--check` fails if the file is not what this writes."""
import sys
from pathlib import Path

from grafana_foundation_sdk.builders import common, dashboard, heatmap, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync, DashboardLinkType, DataSourceRef, Threshold, ThresholdsMode, VariableOption, VariableRefresh,
    VariableSort,
)
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig

FILE = Path(__file__).with_name("dashboard.json")
RUNBOOKS = "https://runbooks.example.com"  # the placeholder that alerts.yaml has too
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
OURS = 'resource=~"$resource",instance=~"$instance"'
SELF = 'instance=~"$instance"'

# Rows: title, then panels: kind, title, unit, width, queries (expression, legend), description, runbook.
ROWS = [
    ("Health of recording", [
        ("stat", "Failed starts", "short", 4, [(f'sum(increase(acs_recording_operation_failures_total{{{OURS},operation="StartRecording"}}[$__range]))', "")], "StartRecording requests that failed, including throttled ones.", "AcsRecordingStartFailed"),
        ("stat", "Failed recordings", "short", 4, [(f"sum(increase(acs_recording_failures_total{{{OURS}}}[$__range]))", "")], "Recordings that failed, ended because something broke, or have nothing in them.", "AcsRecordingFailed"),
        ("stat", "Recordings", "short", 4, [(f"sum(increase(acs_recordings_total{{{OURS}}}[$__range]))", "")], "Recordings reported by a summary.", "AcsRecordingLogsMissing"),
        ("stat", "Failure ratio", "percentunit", 4, [('max(acs_recording:failure_ratio:1h{resource=~"$resource"})', "")], "The ratio of the worst resource over an hour, without the failures that are routine at the end of a call.", "AcsRecordingBurnFast"),
        ("stat", "Partitions read", "percentunit", 4, [(f"sum(max by (event_hub, partition) (acs_recording_exporter_partition_owned{{{SELF}}})) / count(count by (event_hub, partition) (acs_recording_exporter_partition_owned{{{SELF}}}))", "")], "Below 100 %, failures in the unread partitions go unnoticed.", "AcsRecordingExporterNotReading"),
        ("stat", "Behind by", "s", 4, [(f"max(acs_recording_exporter_partition_lag_seconds{{{SELF}}})", "")], "How long events have been waiting in the event hub.", "AcsRecordingExporterBehind"),
        ("bars", "Failed requests, by operation and status", "short", 12, [(f"sum by (operation, result_signature) (increase(acs_recording_operation_failures_total{{{OURS}}}[$__rate_interval])) > 0", "{{operation}} {{result_signature}}")], "All failures. Answers that are routine at the end of a call are not failures.", "AcsRecordingPauseFailed"),
        ("bars", "Failed recordings, by end reason", "short", 12, [(f"sum by (end_reason, reason) (increase(acs_recording_failures_total{{{OURS}}}[$__rate_interval])) > 0", "{{end_reason}} ({{reason}})")], "failed: the result is a failure. ended_badly: only the end reason is.", "AcsRecordingFailed"),
        ("lines", "Failure ratio, by resource", "percentunit", 12, [('acs_recording:failure_ratio:5m{resource=~"$resource"}', "{{resource}} 5m"), ('acs_recording:failure_ratio:1h{resource=~"$resource"}', "{{resource}} 1h")], "An alert pages above 7.2 % in both windows.", "AcsRecordingBurnFast"),
        ("lines", "Throttled and server errors", "reqps", 12, [(f'sum by (reason) (rate(acs_recording_operation_failures_total{{{OURS},reason=~"throttled|server_error"}}[$__rate_interval]))', "{{reason}}")], "Failures on the side of ACS.", "AcsRecordingThrottled"),
    ]),
    ("Latency", [
        ("heatmap", "Duration of requests", "s", 12, [(f"sum by (le) (increase(acs_recording_operation_duration_seconds_bucket{{{OURS}}}[$__rate_interval]))", "{{le}}")], "How long ACS took to answer.", "AcsRecordingSlow"),
        ("lines", "95th percentile, by operation", "s", 12, [(f"histogram_quantile(0.95, sum by (operation, le) (rate(acs_recording_operation_duration_seconds_bucket{{{OURS}}}[$__rate_interval])))", "{{operation}}")], "", "AcsRecordingSlow"),
        ("lines", "Quantiles of StartRecording", "s", 12, [(f'histogram_quantile({q}, sum by (le) (rate(acs_recording_operation_duration_seconds_bucket{{{OURS},operation="StartRecording"}}[$__rate_interval])))', n) for q, n in ((0.5, "median"), (0.95, "95 %"), (0.99, "99 %"))], "Everything said before a recording starts is missing from it.", "AcsRecordingSlow"),
        ("lines", "Requests, by operation", "reqps", 12, [(f"sum by (operation) (rate(acs_recording_operations_total{{{OURS}}}[$__rate_interval]))", "{{operation}}")], "", "AcsRecordingPauseFailed"),
    ]),
    ("What was recorded", [
        ("bars", "Recordings, by end reason", "short", 12, [(f"sum by (end_reason) (increase(acs_recordings_total{{{OURS}}}[$__rate_interval]))", "{{end_reason}}")], "", "AcsRecordingFailed"),
        ("bars", "Recordings, by content, channels and format", "short", 12, [(f"sum by (content_type, channel_type, format_type) (increase(acs_recordings_total{{{OURS}}}[$__rate_interval]))", "{{content_type}} {{channel_type}} {{format_type}}")], "", "AcsRecordingNotReported"),
        ("lines", "Started and reported", "short", 8, [(f'sum(increase(acs_recording_operations_total{{{OURS},operation="StartRecording",result_type="Succeeded"}}[1h]))', "started"), (f"sum(increase(acs_recordings_total{{{OURS}}}[1h]))", "reported")], "In the last hour. A successful start does not prove that a recording exists; a summary does.", "AcsRecordingNotReported"),
        ("lines", "Length of recordings", "s", 8, [(f"histogram_quantile({q}, sum by (le) (increase(acs_recording_length_seconds_bucket{{{OURS}}}[1h])))", n) for q, n in ((0.5, "median"), (0.95, "95 %"))], "", "AcsRecordingEmpty"),
        ("lines", "From the end of a recording to its summary", "s", 8, [(f"histogram_quantile({q}, sum by (le) (increase(acs_recording_report_delay_seconds_bucket{{{OURS}}}[1h])))", n) for q, n in ((0.5, "median"), (0.95, "95 %"))], "", "AcsRecordingNotReported"),
    ]),
    ("Usage", [
        ("bars", "Usage, by type", "short", 12, [(f"sum by (usage_type, unit_type) (increase(acs_usage_quantity_total{{{OURS}}}[$__rate_interval]))", "{{usage_type}} ({{unit_type}})")], "In the unit in brackets.", "AcsRecordingLogsMissing"),
        ("lines", "Requests, by SDK", "reqps", 6, [(f"sum by (sdk_type, sdk_version) (rate(acs_recording_sdk_operations_total{{{OURS}}}[$__rate_interval]))", "{{sdk_type}} {{sdk_version}}")], "", "AcsRecordingExporterNotUnderstood"),
        ("lines", "Requests, by api-version", "reqps", 6, [(f"sum by (operation_version) (rate(acs_recording_operation_versions_total{{{OURS}}}[$__rate_interval]))", "{{operation_version}}")], "Microsoft retires old versions.", "AcsRecordingExporterNotUnderstood"),
    ]),
    ("Pipeline", [
        ("lines", "Records, by disposition", "short", 8, [(f"sum by (disposition) (rate(acs_recording_exporter_records_total{{{SELF}}}[$__rate_interval]))", "{{disposition}}")], "Per second.", "AcsRecordingExporterNotUnderstood"),
        ("lines", "Lag, by hub", "s", 8, [(f"max by (event_hub) (acs_recording_exporter_partition_lag_seconds{{{SELF}}})", "{{event_hub}}")], "The delay of the exporter: how long events wait in the event hub.", "AcsRecordingExporterBehind"),
        ("lines", "Delay of Azure, by log", "s", 8, [(f"histogram_quantile(0.95, sum by (category, le) (increase(acs_log_record_delay_seconds_bucket{{{SELF}}}[1h])))", "{{category}}")], "95 % of the records reach the event hub within this time.", "AcsRecordingLogsLate"),
        ("lines", "Time since last verified, by partition", "s", 8, [(f"time() - max by (event_hub, partition) (acs_recording_exporter_partition_last_proof_timestamp_seconds{{{SELF}}})", "{{event_hub}} {{partition}}")], "The time since the last liveness check: an event, or an answer from the event hub. An alert pages above 300 s.", "AcsRecordingExporterNotReading"),
        ("lines", "Reopened links, by cause", "short", 8, [(f"sum by (cause) (increase(acs_recording_exporter_receiver_restarts_total{{{SELF}}}[$__rate_interval])) > 0", "{{cause}}")], "idle and resized are maintenance, not faults.", "AcsRecordingExporterEventsMissed"),
        ("lines", "Unacknowledged and held events", "short", 8, [(f"sum(acs_recording_exporter_unacknowledged_events{{{SELF}}})", "unacknowledged"), (f"sum(acs_recording_exporter_held_events{{{SELF}}})", "held")], "", "AcsRecordingExporterNotDelivered"),
        ("lines", "Scrapes", "short", 8, [(f"sum by (counted) (rate(acs_recording_exporter_scrapes_total{{{SELF}}}[$__rate_interval]))", "counted: {{counted}}")], "Per second.", "AcsRecordingExporterNotDelivered"),
        ("lines", "Memory", "bytes", 8, [(f"process_resident_memory_bytes{{{SELF}}} and on (instance) acs_recording_exporter_build_info", "{{instance}}")], "", "AcsRecordingExporterReplicaFailing"),
        ("lines", "Series", "short", 8, [(f"acs_recording_exporter_series{{{SELF}}}", "{{instance}}")], "Series about ACS in a scrape.", "AcsRecordingExporterCapped"),
    ]),
    # Empty if one process stores its checkpoints in a file.
    ("Replicas", [
        ("lines", "Leases, by replica", "short", 8, [(f'sum by (instance) (acs_recording_exporter_leases{{{SELF},held_by="self"}})', "{{instance}}"), (f'max(acs_recording_exporter_leases{{{SELF},held_by="nobody"}})', "nobody"), (f'max(acs_recording_exporter_leases{{{SELF},held_by="foreign"}})', "foreign")], "Partitions that each replica owns. Replicas acquire those of nobody in the next cycle. Nobody counts the events of foreign ones.", "AcsRecordingExporterEventsMissed"),
        ("lines", "Replicas, by hub", "short", 8, [(f"max by (event_hub) (acs_recording_exporter_replicas{{{SELF}}})", "{{event_hub}}")], "Replicas that share the partitions.", "AcsRecordingExporterNotReading"),
        ("bars", "Lease moves, by reason", "short", 8, [(f"sum by (reason) (increase(acs_recording_exporter_lease_moves_total{{{SELF}}}[$__rate_interval]))", "{{reason}}")], "expired: acquired from a replica that did not renew. stolen: lost to another reader. The other reasons are orderly.", "AcsRecordingExporterCountedTwice"),
        ("bars", "Requests to the blob store, by operation and result", "short", 8, [(f"sum by (operation, result) (increase(acs_recording_exporter_store_operations_total{{{SELF}}}[$__rate_interval])) > 0", "{{operation}} {{result}}")], "Azure bills these. refused: a condition was not met, for example because two replicas claimed the same partition.", "AcsRecordingExporterNotDelivered"),
        ("lines", "Age of the oldest position not checkpointed", "s", 8, [(f"max by (instance) (acs_recording_exporter_checkpoint_unwritten_seconds{{{SELF}}})", "{{instance}}")], "Age of the oldest delivered position that is not yet checkpointed. A crash repeats the events since then.", "AcsRecordingExporterNotDelivered"),
        ("lines", "Time since the last lease cycle", "s", 8, [(f"time() - min by (instance, event_hub) (acs_recording_exporter_last_lease_cycle_timestamp_seconds{{{SELF}}})", "{{instance}} {{event_hub}}")], "", "AcsRecordingExporterNotDelivered"),
    ]),
]


def panel(kind, title, unit, width, queries, description, runbook):
    make = {"stat": stat.Panel, "heatmap": heatmap.Panel}.get(kind, timeseries.Panel)
    built = (make().title(title).datasource(SOURCE).unit(unit).span(width).height(4 if kind == "stat" else 8)
             .description(description)
             .links([dashboard.DashboardLink("Runbook").type(DashboardLinkType.LINK).url(f"{RUNBOOKS}/{runbook}.md").target_blank(True)]))
    for number, (expression, legend) in enumerate(queries):
        query = prometheus.Dataquery().expr(expression).legend_format(legend).ref_id("ABC"[number]).datasource(SOURCE)
        if kind == "stat":
            query = query.instant()
        elif kind == "heatmap":
            query = query.format("heatmap").range()
        else:
            query = query.range()
        built = built.with_target(query)
    if kind == "stat" and unit == "short":
        built = built.decimals(0)  # increase() extrapolates
    if kind in ("bars", "lines"):
        built = built.min(0).legend(common.VizLegendOptions().show_legend(True).display_mode(shapes.LegendDisplayMode.LIST).placement(shapes.LegendPlacement.BOTTOM).calcs([]))
        built = built.tooltip(common.VizTooltipOptions().mode(shapes.TooltipDisplayMode.MULTI).sort(shapes.SortOrder.DESCENDING))
    if kind == "bars":
        built = built.draw_style(shapes.GraphDrawStyle.BARS).fill_opacity(80).stacking(common.StackingConfig().mode(shapes.StackingMode.NORMAL).group("A"))
    if kind == "lines":
        built = built.fill_opacity(8).line_width(2)
    if title.startswith("Failed "):
        built = built.thresholds(ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps([Threshold(value=None, color="green"), Threshold(value=0.5, color="red")]))
    return built


def variable(name, label, query):
    return (dashboard.QueryVariable(name).label(label).datasource(SOURCE).query(query).refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(VariableSort.ALPHABETICAL_ASC).multi(True).include_all(True).all_value(".*")
            .current(VariableOption(selected=True, text="All", value="$__all")))


def build():
    board = (dashboard.Dashboard("ACS Call Recording").uid("acs-recording-exporter").tags(["acs", "call-recording"])
             .refresh("30s").time("now-1h", "now").timezone("browser").tooltip(DashboardCursorSync.CROSSHAIR).readonly()
             .link(dashboard.DashboardLink("Runbooks").type(DashboardLinkType.LINK).url(f"{RUNBOOKS}/README.md").target_blank(True))
             .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
             .with_variable(variable("resource", "Resource", "label_values(acs_recording_operation_failures_total, resource)"))
             .with_variable(variable("instance", "Exporter", "label_values(acs_recording_exporter_build_info, instance)")))
    number = 0
    for title, panels in ROWS:
        number += 1
        board = board.with_row(dashboard.Row(title).id(number))
        for each in panels:
            number += 1
            board = board.with_panel(panel(*each).id(number))
    return JSONEncoder(sort_keys=True, indent=2).encode(board.build()) + "\n"


if __name__ == "__main__":
    text = build()
    if "--check" in sys.argv:
        if FILE.read_text() != text:
            sys.exit("dashboard.json is not what generate.py writes: run deploy/grafana/generate.py")
    else:
        FILE.write_text(text)
