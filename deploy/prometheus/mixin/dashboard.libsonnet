// What the dashboard shows. Each panel helps with an alert, and links to its runbook.
//
// Each expression filters by the variables whose labels its series have: `acs` is for series about ACS, `hub` for those about
// event hubs, `exporter` for all others, and `acsRule`, `hubRule` and `rule` for recording rules.
//
// Sums over replicas are exact. If two installations read one event hub, both count it: choose one of them.
{
  local config = $._config,
  local draw = (import 'panels.libsonnet')(config.runbooks),

  local equal(labels) = std.join(',', ['%s=~"$%s"' % [label, label] for label in labels]),
  local chosen(labels) = equal(config.installation + labels),
  local words = {
    acs: chosen(['resource', 'instance']),
    acsRule: chosen(['resource']),
    hub: chosen(['event_hubs_namespace', 'instance']),
    hubRule: chosen(['event_hubs_namespace']),
    exporter: chosen(['instance']),
    rule: chosen([]),
    installation: std.join(', ', config.installation),
  },

  // A panel whose expressions are filled in.
  local filled(panel) = panel { targets: [target { expr: std.rstripChars(target.expr % words, '\n') } for target in panel.targets] },

  // Each variable offers what those before it leave.
  local variable(name, label, series, before) =
    draw.variable(name, label, 'label_values(%s{%s}, %s)' % [series, equal(before), name]),
  local installation = config.installation,
  local variables = [
    variable(installation[n], installation[n], 'acs_recording_exporter_build_info', installation[:n])
    for n in std.range(0, std.length(installation) - 1)
  ] + [
    variable('event_hubs_namespace', 'Event Hubs namespace', 'acs_recording_exporter_up', installation),
    variable('resource', 'resource', 'acs_log_records_total', installation),
    variable('instance', 'replica', 'acs_recording_exporter_up', installation + ['event_hubs_namespace']),
  ],

  local burns = config.burn.fast + config.burn.slow,
  local seconds(window) =
    local last = std.length(window) - 1;
    std.parseInt(window[:last]) * { s: 1, m: 60, h: 3600, d: 86400, w: 604800 }[window[last]],
  local windows = std.set(std.flattenArrays([[burn.long, burn.short] for burn in burns]), seconds),
  local described(burns) = std.join(', or ', ['%g over %s and %s' % [burn.factor, burn.long, burn.short] for burn in burns]),

  local percentile(by, matchers) =
    'histogram_quantile(0.95, sum by (' + by + ', le) (rate(acs_recording_operation_duration_seconds_bucket{' + matchers + '}[15m])))',
  local outcomes = draw.coloured({ succeeded: 'green', failed: 'red', routine: 'blue' }),
  local eventHub = '{{event_hubs_namespace}} {{event_hub}}',

  local health = [
    draw.stat(
      'Requests that succeeded',
      unit='percentunit',
      alert='AcsRecordingBurnFast',
      description='Of all requests to the Call Recording APIs, without answers that are routine at the end of a call. The objective is %g %%.' % (config.objective * 100),
      expr=|||
        sum(increase(acs_recording_operations_total{outcome="succeeded",%(acs)s}[$__range]))
          / (sum(increase(acs_recording_operations_total{outcome!="routine",%(acs)s}[$__range])) > 0)
      |||
    ) + draw.redBelow(config.objective),

    draw.stat(
      'Recordings that succeeded',
      unit='percentunit',
      alert='AcsRecordingFailed',
      description='Of all recordings that a summary reports. The others failed, ended because something broke, or are empty.',
      expr=|||
        1 - (sum(increase(acs_recording_failures_total{%(acs)s}[$__range])) or vector(0))
          / (sum(increase(acs_recordings_total{%(acs)s}[$__range])) > 0)
      |||
    ) + draw.redBelow(config.objective),

    draw.stat(
      'Failed starts',
      unit='short',
      alert='AcsRecordingStartFailed',
      description='StartRecording requests that failed. The first one pages. Throttled requests (429) and calls that are recorded already (409) do not count here.',
      expr=|||
        sum(increase(acs_recording_operation_failures_total{operation="StartRecording",reason!~"throttled|conflict",%(acs)s}[$__range]))
      |||
    ) + draw.redFrom(0.5) + draw.whole,

    draw.stat(
      'Failed recordings',
      unit='short',
      alert='AcsRecordingFailed',
      description='Recordings that failed, or ended because something broke. The first one pages. Empty recordings do not count here.',
      expr=|||
        sum(increase(acs_recording_failures_total{reason!="empty",%(acs)s}[$__range]))
      |||
    ) + draw.redFrom(0.5) + draw.whole,

    draw.stat(
      'Event hubs not read',
      unit='short',
      alert='AcsRecordingExporterNotReading',
      description='Failures in them go unnoticed. After 5 minutes, an alert pages and names the cause.',
      expr=|||
        count(acs_recording_exporter:not_reading{%(hubRule)s})
          or 0 * count(acs_recording_exporter_up{%(hub)s})
      |||
    ) + draw.redFrom(0.5) + draw.whole,

    draw.stat(
      'Behind by',
      unit='s',
      alert='AcsRecordingExporterBehind',
      description='How long events have been waiting in the event hub. Everything on this dashboard is that late.',
      expr=|||
        max(acs_recording_exporter_partition_lag_seconds{%(hub)s} and acs_recording_exporter_partition_owned{%(hub)s} == 1)
      |||
    ) + draw.redFrom(600),

    draw.lines(
      12,
      'Requests that succeeded, by resource',
      unit='percentunit',
      alert='AcsRecordingBurnFast',
      description='Over 15 minutes. The dashed line is the objective. Throttled requests (429) and calls that are recorded already (409) lower this ratio, but do not spend the error budget.',
      queries=[['{{resource}}', |||
        sum by (resource) (increase(acs_recording_operations_total{outcome="succeeded",%(acs)s}[15m]))
          / (sum by (resource) (increase(acs_recording_operations_total{outcome!="routine",%(acs)s}[15m])) > 0)
      |||]]
    ) + draw.limits([[config.objective, 'orange']]) + draw.ratioFrom(2 * config.objective - 1),

    draw.lines(
      12,
      'How fast the error budget is spent, by window',
      unit='suffix:x',
      alert='AcsRecordingBurnFast',
      description='By the resource that spends it fastest. At 1, the budget of 30 days lasts 30 days. An alert pages above %s; one creates a ticket above %s.'
                  % [described(config.burn.fast), described(config.burn.slow)],
      queries=[
        [window, 'max(acs_recording:failure_ratio:' + window + '{%(acsRule)s}) / ' + std.format('%.10g', 1 - config.objective)]
        for window in windows
      ]
    ) + draw.limits(std.set(
      [[burn.factor, 'red'] for burn in config.burn.fast] + [[burn.factor, 'orange'] for burn in config.burn.slow],
      function(limit) limit[0]
    )),

    draw.bars(
      12,
      'Failed requests, by operation and status',
      alert='AcsRecordingBurnFast',
      description='Answers that are routine at the end of a call are not failures.',
      queries=[['{{operation}} {{result_signature}}', |||
        sum by (operation, result_signature) (increase(acs_recording_operation_failures_total{%(acs)s}[$__rate_interval])) > 0
      |||]]
    ) + draw.totals,

    draw.bars(
      12,
      'Failed recordings, by end reason',
      alert='AcsRecordingFailed',
      description='failed: the result is a failure. ended_badly: only the end reason is one. empty: nothing was recorded.',
      queries=[['{{end_reason}} ({{reason}})', |||
        sum by (end_reason, reason) (increase(acs_recording_failures_total{%(acs)s}[$__rate_interval])) > 0
      |||]]
    ) + draw.totals,
  ],

  local requests = [
    draw.bars(
      12,
      'Requests, by outcome',
      alert='AcsRecordingThrottled',
      description='routine: answers that are normal at the end of a call, for example 404 to a StopRecording request.',
      queries=[['{{outcome}}', 'sum by (outcome) (increase(acs_recording_operations_total{%(acs)s}[$__rate_interval]))']]
    ) + outcomes,

    draw.heatmap(
      12,
      'Latency of requests that succeeded',
      unit='s',
      alert='AcsRecordingSlow',
      description='How long ACS took to answer.',
      expr='sum by (le) (increase(acs_recording_operation_duration_seconds_bucket{outcome="succeeded",%(acs)s}[$__rate_interval]))'
    ),

    draw.lines(
      12,
      '95th percentile of the latency, by outcome',
      unit='s',
      alert='AcsRecordingSlow',
      description='Over 15 minutes. Slow failures are timeouts, fast ones are refusals.',
      queries=[['{{outcome}}', percentile('outcome', '%(acs)s')]]
    ) + outcomes,

    draw.lines(
      12,
      '95th percentile of the latency, by operation',
      unit='s',
      alert='AcsRecordingSlow',
      description='Of the requests that succeeded, over 15 minutes. Everything said before a recording starts is missing from it. Above the dashed line an alert creates a ticket, except for downloads and deletions.',
      queries=[['{{operation}}', percentile('operation', 'outcome="succeeded",%(acs)s')]]
    ) + draw.limits([[config.slow, 'orange']]),
  ],

  local recordings = [
    draw.bars(
      8,
      'Recordings, by end reason',
      alert='AcsRecordingFailed',
      description='As the summaries report them.',
      queries=[['{{end_reason}}', 'sum by (end_reason) (increase(acs_recordings_total{%(acs)s}[$__rate_interval])) > 0']]
    ),

    draw.lines(
      8,
      'Started and reported within a day',
      unit='short',
      alert='AcsRecordingNotReported',
      description='A start that succeeded does not prove that a recording exists; a summary does.',
      queries=[
        ['started', 'sum(acs_recording:started:increase1d{%(acsRule)s})'],
        ['reported', 'sum(acs_recording:reported:increase1d{%(acsRule)s})'],
      ]
    ) + draw.whole,

    draw.lines(
      8,
      'Length of recordings',
      unit='s',
      alert='AcsRecordingEmpty',
      description='Of the recordings that were reported in the last hour.',
      queries=[
        ['median', 'histogram_quantile(0.5, sum by (le) (increase(acs_recording_length_seconds_bucket{%(acs)s}[1h])))'],
        ['95th percentile', 'histogram_quantile(0.95, sum by (le) (increase(acs_recording_length_seconds_bucket{%(acs)s}[1h])))'],
      ]
    ),

    draw.lines(
      8,
      'Time since the last record, by resource and log',
      unit='s',
      alert='AcsRecordingLogsMissing',
      description='If the logs of a busy resource stop for longer than the dashed line, an alert pages.',
      queries=[['{{resource}} {{category}}', |||
        time() - max by (%(installation)s, resource, category) (acs_log_last_record_timestamp_seconds{%(acs)s})
      |||]]
    ) + draw.limits([[config.silence, 'red']]),

    draw.lines(
      8,
      'Delay of Azure, by log',
      unit='s',
      alert='AcsRecordingLogsLate',
      description='The time from the creation of a record to its arrival in the event hub: the mean over 30 minutes.',
      queries=[['{{category}}', 'max by (category) (acs_recording:log_delay_seconds{%(rule)s})']]
    ) + draw.limits([[1800, 'orange']]),

    draw.bars(
      8,
      'Usage, by type',
      alert='AcsRecordingLogsMissing',
      description='As ACS reports it for billing, in the unit in brackets.',
      queries=[['{{usage_type}} ({{unit_type}})', 'sum by (usage_type, unit_type) (increase(acs_usage_quantity_total{%(acs)s}[$__rate_interval])) > 0']]
    ),
  ],

  local exporter = [
    draw.lines(
      8,
      'Lag, by event hub',
      unit='s',
      alert='AcsRecordingExporterBehind',
      description='How long events have been waiting in the event hub. This is the delay of the exporter, not of Azure.',
      queries=[[eventHub, |||
        max by (event_hubs_namespace, event_hub) (
          acs_recording_exporter_partition_lag_seconds{%(hub)s} and acs_recording_exporter_partition_owned{%(hub)s} == 1
        )
      |||]]
    ) + draw.limits([[600, 'red']]),

    draw.lines(
      8,
      'Time since last verified, by event hub',
      unit='s',
      alert='AcsRecordingExporterNotReading',
      description='Of its worst partition: since the last event, or the last answer of the event hub. An alert pages if it stays above the dashed line for 5 minutes.',
      queries=[[eventHub, |||
        max by (event_hubs_namespace, event_hub) (
          time() - max by (%(installation)s, event_hubs_namespace, event_hub, partition) (acs_recording_exporter_partition_last_proof_timestamp_seconds{%(hub)s})
        )
      |||]]
    ) + draw.limits([[120, 'red']]),

    draw.bars(
      8,
      'Reopened links, by cause',
      alert='AcsRecordingExporterEventsMissed',
      description='Links to the event hub that the exporter has opened anew. idle and resized are maintenance, not faults.',
      queries=[['{{cause}}', 'sum by (cause) (increase(acs_recording_exporter_receiver_restarts_total{%(hub)s}[$__rate_interval])) > 0']]
    ),

    draw.bars(
      8,
      'Records, by disposition',
      alert='AcsRecordingExporterNotUnderstood',
      description='ignored: not about recordings, or of a resource that is not listed. rejected: cannot be read.',
      queries=[['{{disposition}}', 'sum by (disposition) (increase(acs_recording_exporter_records_total{%(exporter)s}[$__rate_interval]))']]
    ) + draw.coloured({ observed: 'green', ignored: 'blue', rejected: 'red' }),

    draw.bars(
      8,
      'What the exporter does not understand',
      alert='AcsRecordingExporterNotUnderstood',
      description='Failures may be hidden in it.',
      queries=[
        ['rejected: {{reason}}', 'sum by (reason) (increase(acs_recording_exporter_rejects_total{%(exporter)s}[$__rate_interval])) > 0'],
        ['not documented: {{kind}}', 'sum by (kind) (increase(acs_recording_exporter_drift_total{%(exporter)s}[$__rate_interval])) > 0'],
        ['cannot be read: {{field}}', 'sum by (field) (increase(acs_recording_exporter_unreadable_values_total{%(exporter)s}[$__rate_interval])) > 0'],
        ['cannot be decoded', 'sum(increase(acs_recording_exporter_poison_events_total{%(hub)s}[$__rate_interval])) > 0'],
      ]
    ),

    draw.lines(
      8,
      'Scrapes that qualify in 10 minutes, by replica',
      unit='short',
      alert='AcsRecordingExporterNotDelivered',
      description='At 0, nobody receives what the replica counts, and its checkpoints do not advance.',
      queries=[['{{instance}}', 'sum by (%(installation)s, instance) (increase(acs_recording_exporter_scrapes_total{counted="true",%(exporter)s}[10m]))']]
    ) + draw.whole,
  ],

  // Without a blob store, there is one replica, and these are empty.
  local replicas = [
    draw.lines(
      8,
      'Partitions, by replica',
      unit='short',
      alert='AcsRecordingExporterNotReading',
      description='The leases of each replica. nobody: replicas acquire these in the next cycle. foreign: a program that is not the exporter reads these.',
      queries=[
        ['{{instance}}', 'sum by (%(installation)s, instance) (acs_recording_exporter_leases{held_by="self",%(hub)s})'],
        ['{{held_by}}', |||
          sum by (held_by) (max by (%(installation)s, event_hubs_namespace, event_hub, held_by) (acs_recording_exporter_leases{held_by=~"nobody|foreign",%(hub)s})) > 0
        |||],
      ]
    ) + draw.whole,

    draw.bars(
      8,
      'Requests to the blob store, by operation and result',
      alert='AcsRecordingExporterNotDelivered',
      description='Azure bills these. refused: a condition was not met, for example because two replicas claimed the same partition.',
      queries=[['{{operation}} {{result}}', 'sum by (operation, result) (increase(acs_recording_exporter_store_operations_total{%(exporter)s}[$__rate_interval])) > 0']]
    ),

    draw.lines(
      8,
      'Age of the oldest position not checkpointed',
      unit='s',
      alert='AcsRecordingExporterNotDelivered',
      description='After a crash, the events since then are counted again. An alert creates a ticket if it stays above the dashed line for 15 minutes.',
      queries=[['{{instance}}', |||
        acs_recording_exporter_checkpoint_unwritten_seconds{%(exporter)s}
          and on (%(installation)s, instance) acs_recording_exporter_store_operations_total{%(exporter)s}
      |||]]
    ) + draw.limits([[60, 'orange']]),
  ],

  grafanaDashboards+:: {
    'acs-recording-exporter.json': draw.dashboard(
      'ACS Call Recording',
      uid='acs-recording-exporter',
      description='Call recordings of Azure Communication Services, as acs-recording-exporter counts them. If two installations read one event hub, choose one of them: both count it.',
      variables=variables,
      rows=[
        { title: row[0], panels: [filled(panel) for panel in row[1]] }
        for row in [
          ['Health of recording', health],
          ['Requests', requests],
          ['Recordings', recordings],
          ['Exporter', exporter],
          ['Replicas', replicas],
        ]
      ]
    ),
  },
}
