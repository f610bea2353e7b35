// Alerts about recordings. Each has one instance for a resource of an installation: statuses and end reasons are in the
// annotation, because several of them are usually one cause.
//
// increase() extrapolates, so counts are not whole numbers. `> 0` is exact; other thresholds lie between two numbers.
{
  local config = $._config,
  local stay = { keep_firing_for: config.keep },
  local atLeast = config.failures - 0.5,
  // The labels that the failures of a resource have, as the template of an annotation.
  local listed(family, matchers, by, window) =
    '{{ range query (printf "topk(3, sum by (%s) (increase(%s{resource=%%q%s}[%s]))) > 0" $labels.resource) }} {{ .Labels.%s }}{{ end }}'
    % [by, family, matchers, window, by],

  local startFailures(window) =
    'sum by ($R) (increase(acs_recording_operation_failures_total{operation="StartRecording",reason!~"throttled|conflict",$S}[%s]))' % window,
  local recordingFailures = 'sum by ($R) (increase(acs_recording_failures_total{reason!="empty",$S}[5m]))',
  local backlog(category, window) =
    'max by ($R) (max_over_time(acs_recording:backlog_age_seconds{category="%s"}[%s]))' % [category, window],

  prometheusAlerts+:: {
    groups+: $.groups('acs-recording-alerts', [
      // The first failure pages: its series was at 0 before.
      $.alert('AcsRecordingStartFailed', 'page', stay, |||
        %s > 0
          unless on ($R) %s
      ||| % [startFailures('5m'), backlog('CallRecordingOperational', '5m')],
      'Recordings could not be started on {{ $labels.resource }}:' +
      listed('acs_recording_operation_failures_total', ',operation=\\"StartRecording\\",reason!~\\"throttled|conflict\\"', 'result_signature', '5m'),
      'StartRecording requests failed. These calls are not recorded, unless a later attempt succeeded. The alert stays for an hour after the last failure.'),

      // The result is a failure, or the end reason means that something broke.
      $.alert('AcsRecordingFailed', 'page', stay, |||
        %s > 0
          unless on ($R) %s
      ||| % [recordingFailures, backlog('CallRecordingSummary', '5m')],
      'Recordings failed or ended too early on {{ $labels.resource }}:' +
      listed('acs_recording_failures_total', ',reason!=\\"empty\\"', 'end_reason', '5m'),
      'The summaries of recordings have a failed result, or an end reason that means that something broke: these recordings do not exist, or are incomplete. The alert stays for an hour after the last one.'),

      // A recording may be started paused and never resumed, so one is nothing. OpenMetrics and Prometheus 3 write `10.0`.
      $.alert('AcsRecordingEmpty', 'ticket', { keep_firing_for: '6h' }, |||
        (
          sum by ($R) (increase(acs_recording_failures_total{reason="empty",$S}[6h]))
            / sum by ($R) (increase(acs_recordings_total{$S}[6h])) > %(ratio)s
            and on ($R) sum by ($R) (increase(acs_recording_failures_total{reason="empty",$S}[6h])) > %(atLeast)s
        ) or (
          sum by ($R) (increase(acs_recording_length_seconds_bucket{le=~"10|10.0",$S}[6h]))
            / sum by ($R) (increase(acs_recording_length_seconds_count{$S}[6h])) > 0.5
            and on ($R) sum by ($R) (increase(acs_recording_length_seconds_bucket{le=~"10|10.0",$S}[6h])) > %(atLeast)s
        )
      ||| % { ratio: config.empty, atLeast: atLeast },
      '{{ $value | humanizePercentage }} of the recordings of {{ $labels.resource }} are empty or at most 10 seconds long',
      'In the last six hours, too many recordings had nothing in them, or were very short, although their result is not a failure.'),

      // A failed pause records what it should not, and somebody has to delete that.
      $.alert('AcsRecordingPauseFailed', 'ticket', { keep_firing_for: '6h' }, |||
        sum by ($R) (increase(acs_recording_operation_failures_total{operation="PauseRecording",reason!="throttled",$S}[15m])) > 0
      |||,
      'A recording of {{ $labels.resource }} could not be paused',
      'PauseRecording requests failed in the last 15 minutes. The recordings contain what they should not.'),

      // Not while failed starts page already, and not for failures of a backlog.
      $.alert('AcsRecordingBurnFast', 'page', stay, |||
        acs_recording:burns_fast
      |||,
      '{{ $value | humanizePercentage }} of the recording requests of {{ $labels.resource }} fail',
      'Requests to the Call Recording APIs fail so often that the error budget of 30 days is spent within five days. Answers that are routine at the end of a call do not count.'),

      // It waits, so that an outage that burns fast has paged before.
      $.alert('AcsRecordingBurnSlow', 'ticket', { 'for': '30m', keep_firing_for: '6h' }, |||
        (
        %s)
          unless on ($R) max_over_time(acs_recording:burns_fast[6h])
          unless on ($R) %s > 0
          unless on ($R) %s
      ||| % [$.indent($.burns(config.burn.slow)), startFailures('6h'), backlog('CallRecordingOperational', '6h')],
      '{{ $value | humanizePercentage }} of the recording requests of {{ $labels.resource }} have failed for hours',
      'Requests to the Call Recording APIs fail slowly but steadily: the error budget of 30 days will not last.'),

      // More than half of the starts, for longer than a burst takes: repeating does not help any more.
      $.alert('AcsRecordingStartThrottled', 'page', { 'for': '30m', keep_firing_for: '30m' }, |||
        sum by ($R) (increase(acs_recording_operation_failures_total{operation="StartRecording",reason="throttled",$S}[10m]))
          / sum by ($R) (increase(acs_recording_operations_total{operation="StartRecording",outcome!="routine",$S}[10m])) > 0.5
          and on ($R) sum by ($R) (increase(acs_recording_operation_failures_total{operation="StartRecording",reason="throttled",$S}[10m])) > %s
      ||| % atLeast,
      'ACS has throttled {{ $value | humanizePercentage }} of the starts on {{ $labels.resource }} for half an hour',
      'StartRecording requests are answered with 429. Calls whose start is not retried successfully are not recorded.'),

      // The SDKs repeat throttled requests, so a few are harmless.
      $.alert('AcsRecordingThrottled', 'ticket', stay, |||
        sum by ($R) (increase(acs_recording_operation_failures_total{reason="throttled",$S}[10m])) > %s
      ||| % atLeast,
      'ACS throttles requests of {{ $labels.resource }}',
      'In 10 minutes, ACS answered {{ $value | printf "%.0f" }} requests with 429 (too many requests).'),

      $.alert('AcsRecordingStartConflict', 'ticket', { keep_firing_for: '6h' }, |||
        sum by ($R) (increase(acs_recording_operation_failures_total{reason="conflict",$S}[6h]))
          / sum by ($R) (increase(acs_recording_operations_total{operation="StartRecording",outcome!="routine",$S}[6h])) > %s
          and on ($R) sum by ($R) (increase(acs_recording_operation_failures_total{reason="conflict",$S}[6h])) > %s
      ||| % [config.conflicts, atLeast],
      'Recordings of {{ $labels.resource }} are started twice',
      '{{ $value | humanizePercentage }} of the StartRecording requests of six hours were answered with 409: the call is recorded already, or another operation is running.'),

      // Without Download and Delete: they move files, which takes longer.
      $.alert('AcsRecordingSlow', 'ticket', { 'for': '5m', keep_firing_for: config.keep }, |||
        max by ($R) (
          histogram_quantile(0.95,
            sum by ($R, operation, le) (rate(acs_recording_operation_duration_seconds_bucket{operation=~"(Start|Stop|Pause|Resume|Get)Recording",outcome="succeeded",$S}[15m]))
          )
            and sum by ($R, operation) (increase(acs_recording_operation_duration_seconds_count{outcome="succeeded",$S}[15m])) > 19.5
        ) > %s
      ||| % config.slow,
      'Recording requests of {{ $labels.resource }} are slow',
      'One in twenty requests of an operation took {{ $value | printf "%.1f" }} s or more in the last 15 minutes. Everything said before a recording starts is missing from it.'),

      // A 202 does not prove that a recording exists; only a summary does. Within six hours, running recordings end.
      $.alert('AcsRecordingNotReported', 'ticket', { 'for': '6h', keep_firing_for: '6h' }, |||
        (
          acs_recording:started:increase1d - acs_recording:reported:increase1d > 2.5
            and (acs_recording:started:increase1d - acs_recording:reported:increase1d) / acs_recording:started:increase1d > 0.1
        )
          unless on ($R) acs_recording:logs_missing
          unless on ($I) max by ($I) (max_over_time(acs_recording:log_delay_seconds{category="CallRecordingSummary"}[1d])) > 1800
          unless on ($I) max_over_time(acs_recording_exporter:blind[6h])
      |||,
      '{{ $value | printf "%.0f" }} recordings of {{ $labels.resource }} were started but not reported',
      '{{ $value | printf "%.0f" }} recordings of the last day have no summary, and this has been so for six hours. They may not exist.'),

      $.alert('AcsRecordingLogsMissing', 'page', { 'for': '15m', keep_firing_for: '15m' }, |||
        acs_recording:logs_missing
      |||,
      'Logs of {{ $labels.resource }} are missing: failures of recordings go unnoticed',
      'No record of a log that should arrive has come for at least {{ $value | humanizeDuration }}. Either the diagnostic setting does not send it any more, or nothing is recorded.'),

      // Three days are longer than a weekend.
      $.alert('AcsRecordingLogsQuiet', 'ticket', { 'for': '1h' }, |||
        max by ($R) (
          acs_recording:quiet_seconds > %(quiet)d
            and sum by ($R, category) (increase(acs_log_records_total{$S}[7d] offset 3d)) > 50
            unless acs_recording:quiet_seconds <= max_over_time(acs_recording:quiet_seconds[25d] offset 3d)
        )
          unless on ($R) acs_recording:logs_missing
        %(days)s
      ||| % { quiet: config.quiet, days: $.quietUnless(config.quiet) },
      'A log of {{ $labels.resource }} has not arrived for {{ $value | humanizeDuration }}',
      'This log was never silent for so long in the last four weeks. The diagnostic setting may have been removed, or may have lost a category.'),

      // Azure Monitor usually takes minutes. This is its delay, not the lag of the exporter. Other categories hold
      // no failures, and usage records are late by design.
      $.alert('AcsRecordingLogsLate', 'ticket', { 'for': '15m', keep_firing_for: '2h' }, |||
        max by ($I) (acs_recording:log_delay_seconds{category=~"CallRecording(Operational|Summary)"}) > 1800
      |||,
      'Azure sends logs {{ $value | humanizeDuration }} late',
      'The records of the last 30 minutes reached the event hub {{ $value | humanizeDuration }} after they were created. Failures show up that much later.'),

      // Failures that do not page because the exporter works off old records: they are real, but in the past.
      $.alert('AcsRecordingFailuresInBacklog', 'ticket', stay, |||
        (
          %s > 0
            and on ($R) %s
        ) or (
          %s > 0
            and on ($R) %s
        )
      ||| % [startFailures('5m'), backlog('CallRecordingOperational', '5m'), recordingFailures, backlog('CallRecordingSummary', '5m')],
      'Recordings of {{ $labels.resource }} failed some time ago and are counted only now',
      'The exporter works off a backlog. The failures happened at the time of their records, not now.'),
    ]),
  },
}
