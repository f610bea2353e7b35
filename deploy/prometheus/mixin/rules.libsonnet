// What the alerts share: how an expression is filled in, how an alert is made, how rules become groups; and the
// recording rules.
//
// In expressions:  $S  the selector          $I  the labels of an installation
//                  $R  $I and the resource   $H  $I and the event hub
{
  local config = $._config,
  local labels = std.join(', ', config.installation),

  fill(text)::
    local selected =
      if config.selector == ''
      then std.strReplace(std.strReplace(text, ',$S}', '}'), '{$S}', '')
      else std.strReplace(text, '$S', config.selector);
    local lines = std.split(std.foldl(function(filled, token) std.strReplace(filled, token[0], token[1]), [
      ['$R', '$I, resource'],
      ['$H', '$I, event_hubs_namespace, event_hub'],
      ['$I', labels],
    ], selected), '\n');
    std.join('\n', [line for line in lines if std.lstripChars(line, ' ') != '']) + '\n',

  record(name, expr):: { record: name, expr: $.fill(expr) },

  // `timing` is {}, or has `for` or `keep_firing_for`.
  alert(name, severity, timing, expr, summary, description):: {
    alert: name,
    expr: $.fill(expr),
    labels: { severity: config.severities[severity] },
    annotations: {
      summary: summary,
      description: description,
      runbook_url: '%s/%s.md' % [config.runbooks, name],
      [if config.grafana != '' then 'dashboard_url']: config.grafana + '/d/acs-recording-exporter',
    },
  } + timing,

  // The first cause that is true; its number is the value, so that the annotation can name it and no label changes.
  causes(exprs):: std.join('or\n', std.mapWithIndex(
    function(n, expr) '0 * (\n%s) + %d\n' % [$.indent(expr), n + 1],
    exprs
  )),

  indent(text):: std.join('', ['  ' + line + '\n' for line in std.split(std.rstripChars(text, '\n'), '\n')]),

  // The text of each cause, for an annotation.
  cause(texts):: std.join('', std.mapWithIndex(
    function(n, text) '{{ %sif eq $value %d.0 }}%s' % [if n == 0 then '' else 'else ', n + 1, text],
    texts
  )) + '{{ end }}',

  groups(name, rules, more={}):: [
    { name: if n == 0 then name else '%s-%d' % [name, n + 1] }
    + more
    + { rules: rules[n * config.groupSize:(n + 1) * config.groupSize] }
    for n in std.range(0, std.ceil(std.length(rules) / config.groupSize) - 1)
  ],

  local ratio(window) = [
    // Failures that spend the error budget. ACS expects callers to repeat what it throttles, and `conflict` means that
    // the call is recorded already: both have alerts of their own. Routine answers are not failures.
    $.record('acs_recording:failures:increase' + window, |||
      sum by ($R) (increase(acs_recording_operation_failures_total{reason!~"throttled|conflict",$S}[%s]))
    ||| % window),
    $.record('acs_recording:failure_ratio:' + window, |||
      acs_recording:failures:increase%(w)s
        / sum by ($R) (increase(acs_recording_operations_total{outcome!="routine",$S}[%(w)s]))
    ||| % { w: window }),
  ],

  // Whether one of the pairs of windows burns too fast.
  burns(pairs):: std.join('or\n', [
    |||
      (
        acs_recording:failure_ratio:%(long)s > %(limit)s
          and acs_recording:failure_ratio:%(short)s > %(limit)s
          and acs_recording:failures:increase%(long)s > %(failures)s
      )
    ||| % pair { limit: '%.10g' % ((1 - config.objective) * pair.factor), failures: config.failures - 0.5 }
    for pair in pairs
  ]),

  // 1 on a quiet day and for so long after it that a stretch without logs has no quiet day in it.
  local day(text) =
    local parts = [std.parseInt(part) for part in std.split(text, '-')];
    local date = if std.length(parts) == 3 then parts else [0] + parts;
    '(%smonth() == %d and day_of_month() == %d)'
    % [if date[0] == 0 then '' else 'year() == %d and ' % date[0], date[1], date[2]],
  local quietDays = config.quietDays != [],
  quietUnless(seconds)::
    if quietDays then 'unless on () max_over_time(acs_recording:quiet_day[%ds])' % seconds else '',

  local days(windows) = std.flatMap(ratio, windows),
  local long = ['1d', '3d', '7d'],
  local windows = std.set(std.flattenArrays([
    [pair.long, pair.short]
    for pair in config.burn.fast + config.burn.slow
  ])),

  recordings:: days([window for window in windows if !std.member(long, window)]) + [
    // First, since a rule of a group sees what the rules before it recorded at the same time.
    // The age in seconds of the records that are being counted; present only while the exporter works off a backlog. Three
    // conditions must be true: events have waited in the event hub for more than 5 minutes (lag), the newest record of the
    // resource is older than 10 minutes (age), and it arrived within the last 5 minutes: a quiet resource has no backlog. A
    // stuck partition has lag, but other partitions bring fresh records. If Azure is late, the records are old, but there is
    // no lag. In both cases a failure is new, so it must page.
    $.record('acs_recording:backlog_age_seconds', |||
      time() - max by ($R, category) (acs_log_last_record_timestamp_seconds{$S}) > 600
        and max by ($R, category) (
          acs_log_last_record_timestamp_seconds{$S}
            unless acs_log_last_record_timestamp_seconds{$S} == acs_log_last_record_timestamp_seconds{$S} offset 5m
        )
        and on ($I) max by ($I) (acs_recording_exporter_partition_lag_seconds{$S}) > 300
    |||),

    $.record('acs_recording:burns_fast', |||
      (
      %s)
        unless on ($R) sum by ($R) (
          increase(acs_recording_operation_failures_total{operation="StartRecording",reason!~"throttled|conflict",$S}[30m])
        ) > 0
        unless on ($R) max_over_time(acs_recording:backlog_age_seconds{category="CallRecordingOperational"}[30m])
    ||| % $.indent($.burns(config.burn.fast))),

    // How late Azure's records of the last half hour were.
    $.record('acs_recording:log_delay_seconds', |||
      sum by ($I, category) (increase(acs_log_record_delay_seconds_sum{$S}[30m]))
        / sum by ($I, category) (increase(acs_log_record_delay_seconds_count{$S}[30m]))
    |||),
  ],

  // These look back a day or more, so every 2 minutes is enough. (Every 5 would leave gaps: a sample counts for 5 minutes.)
  dayRecordings:: days([window for window in windows if std.member(long, window)]) + [
    $.record('acs_recording:started:increase1d', |||
      sum by ($R) (increase(acs_recording_operations_total{operation="StartRecording",outcome="succeeded",$S}[1d]))
    |||),
    // Recordings reported by a summary, however they ended; 0 if there has never been a summary.
    $.record('acs_recording:reported:increase1d', |||
      sum by ($R) (increase(acs_recordings_total{$S}[1d]))
        or 0 * acs_recording:started:increase1d
    |||),
    // How long a resource has sent no record of a category. Absent while the exporter cannot know.
    $.record('acs_recording:quiet_seconds', |||
      time() - max by ($R, category) (max_over_time(acs_log_last_record_timestamp_seconds{$S}[7d]))
        unless on ($I) max_over_time(acs_recording_exporter:blind[30m])
    |||),
  ] + (if quietDays then [
         $.record('acs_recording:quiet_day', std.join(' or ', [day(date) for date in config.quietDays]) + '\n'),
       ] else []) + [
    // The seconds since the last record of a category that a resource should send. First, it was hardly ever silent for so
    // long in four weeks (1 % of 25 days: one odd pause of up to ten hours), of which two are known. The offset leaves out the
    // present silence, so the alert stays for days.
    // Second, recordings were started more than three hours ago, and no summary has come for six hours,
    // although the other log has.
    $.record('acs_recording:logs_missing', |||
      (
        max by ($R) (
          acs_recording:quiet_seconds > %(silence)d
            and quantile_over_time(0.99, acs_recording:quiet_seconds[25d] offset 3d) <= %(silence)d
            and last_over_time(acs_recording:quiet_seconds[1d] offset 13d)
        )
          or 21600 + 0 * (
            sum by ($R) (
              increase(acs_recording_operations_total{operation="StartRecording",outcome="succeeded",$S}[3h] offset 3h)
            ) > 9.5
              and on ($R) acs_recording:quiet_seconds{category="CallRecordingOperational"} <= 21600
              unless on ($R) acs_recording:quiet_seconds{category="CallRecordingSummary"} <= 21600
          )
      )
      %(days)s
    ||| % { silence: config.silence, days: $.quietUnless(config.silence) }),
  ],

  prometheusRules+:: {
    groups+:
      $.groups('acs-recording', $.recordings)
      + $.groups('acs-recording-exporter', $.exporterRecordings)
      + $.groups('acs-recording-day', $.dayRecordings, { interval: '2m' }),
  },
}
