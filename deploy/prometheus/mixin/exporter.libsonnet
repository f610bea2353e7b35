// Alerts about the exporter. The value of an alert with several causes is the number of the cause.
{
  local config = $._config,
  // Releases before the label do not count, or an upgrade from one of them would look like an installation that is gone.
  local seen(labels, window=config.seen) =
    'max by (%s) (max_over_time(acs_recording_exporter_up{event_hubs_namespace!="",$S}[%s]))' % [labels, window],
  local behind(labels, seconds) = |||
    max by (%s) (
      acs_recording_exporter_partition_lag_seconds{$S} and acs_recording_exporter_partition_owned{$S} == 1
    ) > %d
  ||| % [labels, seconds],
  // The increase of a counter that may begin with its first rise: a new series that begins above 0 counts too, but
  // not one that was missing for a moment.
  local risen(family, labels, window) = |||
    sum by (%(labels)s) (
      increase(%(family)s{$S}[%(window)s])
        + (last_over_time(%(family)s{$S}[%(window)s])
            unless last_over_time(%(family)s{$S}[%(window)s] offset %(window)s)
          or 0 * last_over_time(%(family)s{$S}[%(window)s]))
    ) > 0
  ||| % { family: family, labels: labels, window: window },

  exporterRecordings:: [
    // Installations that were seen and are gone. One that Prometheus still tries to scrape is remembered for longer.
    $.record('acs_recording_exporter:gone', |||
      (
        %s
          or %s
            and on ($I) up{$S} == 0
      )
        unless max by ($I, event_hubs_namespace) (acs_recording_exporter_up{$S})
    ||| % [seen('$I, event_hubs_namespace'), seen('$I, event_hubs_namespace', config.down)]),

    $.record('acs_recording_exporter:not_reading', $.causes([
      // When a token expires, each replica is refused once. More refusals mean that the right is missing.
      |||
        max by ($H) (
          sum by ($H, instance) (
            increase(acs_recording_exporter_receiver_restarts_total{cause="unauthorized",$S}[5m])
              or increase(acs_recording_exporter_discovery_failures_total{cause="unauthorized",$S}[5m])
          )
        ) > 1.5
      |||,
      // With several instances, one that reaches the event hub is enough.
      |||
        max by ($H) (acs_recording_exporter_up{$S}) == 0
      |||,
      |||
        min by ($H) (max by ($H, partition) (acs_recording_exporter_partition_owned{$S})) == 0
      |||,
      // An idle partition is verified every 30 s. After `watchdog.dead_after` (300 s) the exporter opens the link anew,
      // so the alert (120 s, for 5 minutes) comes later. The second part covers a new owner that never succeeded.
      |||
        max by ($H) (
          time() - max by ($H, partition) (acs_recording_exporter_partition_last_proof_timestamp_seconds{$S})
        ) > 120
          or max by ($H) (
            max by ($H, partition) (acs_recording_exporter_partition_owned{$S} offset 5m) == 1
              and max by ($H, partition) (acs_recording_exporter_partition_owned{$S}) == 1
              unless max by ($H, partition) (last_over_time(acs_recording_exporter_partition_last_proof_timestamp_seconds{$S}[5m]))
          )
      |||,
      // An installation that is gone as a whole has an alert of its own.
      |||
        %s
          unless max by ($H) (acs_recording_exporter_up{$S})
          unless on ($I, event_hubs_namespace) acs_recording_exporter:gone
      ||| % seen('$H'),
    ])),

    // The exporter does not see everything: what is missing may still come. One failed scrape and a short restart do not
    // count: it must have been so 3 minutes before, too.
    $.record('acs_recording_exporter:blind', |||
      count by ($I) (
        acs_recording_exporter:gone and max_over_time(acs_recording_exporter:gone[1h] offset 3m)
          or acs_recording_exporter:not_reading and max_over_time(acs_recording_exporter:not_reading[1h] offset 3m)
          or %s
      )
    ||| % std.lstripChars($.indent($.indent($.indent(behind('$I', 300)))), ' ')),
  ],

  prometheusAlerts+:: {
    groups+: $.groups('acs-recording-exporter-alerts', [
      // A restart takes less than 3 minutes.
      $.alert('AcsRecordingExporterDown', 'page', { 'for': '3m', keep_firing_for: '15m' }, |||
        acs_recording_exporter:gone
          or (%s unless on () acs_recording_exporter:gone)
      ||| % (local never = 'absent_over_time(acs_recording_exporter_up{$S}[%s])' % config.seen;
             if config.selector == '' then never else '(%s or absent(up{$S}))' % never),
      'No exporter {{ with $labels.event_hubs_namespace }}of {{ . }} {{ end }}is scraped: failures of recordings go unnoticed',
      'For 3 minutes, no target{{ with $labels.job }} of job {{ . }}{{ end }}{{ with $labels.namespace }} in namespace {{ . }}{{ end }} has served the metrics of acs-recording-exporter.'),

      $.alert('AcsRecordingExporterNotReading', 'page', { 'for': '5m', keep_firing_for: '15m' }, |||
        acs_recording_exporter:not_reading
      |||,
      'Event hub {{ $labels.event_hub }} is not read: failures of recordings go unnoticed',
      'For 5 minutes: ' + $.cause([
        'the event hub has refused access: the exporter lacks the right to read.',
        'the event hub has not answered, or has refused to be read.',
        'no exporter has read one of the partitions.',
        'a partition was not verified, although an exporter reads it.',
        'no exporter is configured with this event hub, although one was within the last day.',
      ]) + ' /-/ready of the exporter names the cause, and what to do.'),

      // The lag of a partition that is not owned is out of date. After an outage, give the exporter time to catch up.
      $.alert('AcsRecordingExporterBehind', 'page', { 'for': '10m', keep_firing_for: '15m' }, |||
        %s
          unless on ($H) max_over_time(acs_recording_exporter:not_reading[30m])
      ||| % behind('$H', 600),
      'Event hub {{ $labels.event_hub }} is read {{ $value | humanizeDuration }} late',
      'Events have been waiting in the event hub for {{ $value | humanizeDuration }}. Failures of recordings show up that much later.'),

      // A target that cannot be scraped is the exporter's if it served the exporter's metrics within the last day, or if
      // its job serves them and no healthy target of its job is something else.
      $.alert('AcsRecordingExporterReplicaFailing', 'ticket', { 'for': '5m', keep_firing_for: '30m' }, |||
        (
        %s)
          unless on ($I) acs_recording_exporter:gone
      ||| % $.indent($.causes([
        |||
          max by ($I, instance) (up{$S}) == 0
            and on ($I, instance) max by ($I, instance) (max_over_time(acs_recording_exporter_build_info{$S}[1d]))
            or (
              max by ($I, instance) (up{$S}) == 0
                and on ($I) acs_recording_exporter_build_info{$S}
                unless on ($I) (up{$S} == 1 unless on ($I, instance) acs_recording_exporter_build_info{$S})
            )
        |||,
        // More restarts than deployments explain.
        |||
          max by ($I, instance) (changes(process_start_time_seconds{$S}[30m])) > 4.5
            and on ($I, instance) acs_recording_exporter_build_info{$S}
        |||,
        |||
          sum by ($I) (increase(acs_recording_exporter_token_fetches_total{result="failed",$S}[5m])) > 0
        |||,
        // The others reach the event hub.
        |||
          max by ($I, instance) (acs_recording_exporter_up{$S} == 0 unless on ($H) acs_recording_exporter:not_reading)
        |||,
      ])),
      $.cause([
        '{{ $labels.instance }} cannot be scraped',
        '{{ $labels.instance }} keeps restarting',
        'The exporter gets no token from Microsoft Entra ID',
        '{{ $labels.instance }} does not reach an event hub',
      ]),
      $.cause([
        'Prometheus cannot scrape one of the exporters. What it reads is not counted.',
        'The process was started at least five times in 30 minutes.',
        'Requests for a token fail. Open links work until the last token expires; then the exporter cannot read.',
        'The other replicas reach this event hub, and read all of it. /-/ready of this one names the cause.',
      ])),

      // A scraper that moves counts twice until its old address has been silent for 10 minutes.
      $.alert('AcsRecordingExporterNotDelivered', 'ticket', { 'for': '15m', keep_firing_for: '15m' }, $.causes([
        |||
          sum by ($I) (increase(acs_recording_exporter_store_operations_total{result="failed",$S}[5m])) > 0
            or max by ($I) (
              acs_recording_exporter_checkpoint_unwritten_seconds{$S} and on ($I, instance) acs_recording_exporter_store_operations_total{$S}
            ) > 60
        |||,
        |||
          sum by ($I) (increase(acs_recording_exporter_checkpoint_writes_total{result="failed",$S}[5m])) > 0
        |||,
        |||
          min by ($I) (increase(acs_recording_exporter_scrapes_total{counted="true",$S}[10m])) == 0
        |||,
        |||
          count by ($I) (
            acs_recording_exporter_scrapers{$S} != acs_recording_exporter_scrapers_expected{$S}
              and acs_recording_exporter_scrapers{$S} > 0
          )
        |||,
        |||
          max by ($I) (time() - acs_recording_exporter_last_lease_cycle_timestamp_seconds{$S}) > 120
        |||,
        |||
          count by ($I) (
            acs_recording_exporter_checkpoint_sequence_number{$S} < acs_recording_exporter_partition_last_sequence_number{$S}
              and changes(acs_recording_exporter_checkpoint_sequence_number{$S}[15m]) == 0
          )
        |||,
      ]),
      'The exporter\'s counts are not checkpointed: ' + $.cause([
        'the blob store fails',
        'checkpoints cannot be written',
        'no scrape qualifies',
        'the number of scrapers is not `delivery.scrapers`',
        'leases are not renewed',
        'a checkpoint does not advance',
      ]),
      'This has lasted for 15 minutes. Reading continues, but after a crash the events since then are counted again.'),

      // Both sides of the first come from one scrape, which is a consistent snapshot. Of what Microsoft does not document,
      // these four can hide failures.
      $.alert('AcsRecordingExporterNotUnderstood', 'ticket', { 'for': '1m', keep_firing_for: '6h' }, $.causes([
        |||
          count by ($I) (
            acs_recording_exporter_records_received_total{$S} - sum without (disposition) (acs_recording_exporter_records_total{$S}) != 0
          )
        |||,
        |||
          sum by ($I) (increase(acs_recording_exporter_rejects_total{$S}[1h])) > 0
        |||,
        |||
          sum by ($I) (increase(acs_recording_exporter_poison_events_total{$S}[1h])) > 0
        |||,
        |||
          sum by ($I) (increase(acs_recording_exporter_drift_total{kind=~"category|operation|result_type|end_reason",$S}[1h])) > 0
        |||,
        |||
          sum by ($I) (increase(acs_recording_exporter_unreadable_values_total{$S}[1h])) > 0
        |||,
        |||
          sum by ($I) (increase(acs_recording_exporter_dead_letters_total{result!="written",$S}[1h])) > 0
        |||,
      ]),
      'The exporter does not understand what ACS logs: ' + $.cause([
        'it has lost count of records',
        'records were rejected',
        'an event cannot be decoded',
        'a category or value is not in the documentation',
        'values cannot be read',
        'events with rejected records were not kept',
      ]),
      'Failures may be hidden in what is not understood.'),

      // A replica that takes over an expired lease ends the link of the previous owner: this is expected. A foreign program
      // that shares the leases shows up in them. One that does not shows up by the links that it ends.
      $.alert('AcsRecordingExporterEventsMissed', 'ticket', { 'for': '2m', keep_firing_for: '1h' }, $.causes([
        risen('acs_recording_exporter_positions_lost_total', '$H', '1h'),
        |||
          sum by ($H) (increase(acs_recording_exporter_sequence_gaps_total{$S}[1h])) > 0
        |||,
        |||
          sum by ($H) (increase(acs_recording_exporter_receiver_restarts_total{cause="stolen",$S}[15m])) > 0
            unless sum by ($H) (increase(acs_recording_exporter_lease_moves_total{reason="expired",$S}[15m])) > 0
            or max by ($H) (acs_recording_exporter_leases{held_by="foreign",$S}) > 0
        |||,
      ]),
      'Events of {{ $labels.event_hub }} are missed: ' + $.cause([
        'a position was lost',
        'events expired before they were read',
        'another program reads in the consumer group of the exporter',
      ]),
      'Failures in these events are not counted.'),

      // A crash repeats a few records; two diagnostic settings repeat half of them. Duplicates are detected per replica:
      // with N replicas, the metric shows about 1/N of them.
      $.alert('AcsRecordingExporterCountedTwice', 'ticket', { 'for': '30m', keep_firing_for: '6h' }, $.causes([
        risen('acs_recording_exporter_recounted_events_total', '$I', '1h'),
        |||
          sum by ($I) (increase(acs_recording_exporter_duplicate_records_total{$S}[30m]))
            * (max by ($I) (acs_recording_exporter_replicas{$S}) or group by ($I) (acs_recording_exporter_build_info{$S}))
            / sum by ($I) (increase(acs_recording_exporter_records_total{disposition="observed",$S}[30m])) > 0.2
            and sum by ($I) (increase(acs_recording_exporter_duplicate_records_total{$S}[30m])) > 19.5
        |||,
      ]),
      'Records are counted twice: ' + $.cause([
        'a partition moved before its events were checkpointed',
        'they arrive more than once',
      ]),
      'Counts are too high. No failure is missed.'),

      $.alert('AcsRecordingExporterCapped', 'ticket', { keep_firing_for: '6h' }, |||
        sum by ($I) (
          increase(acs_recording_exporter_label_overflow_total{$S}[1h])
            or increase(acs_recording_exporter_series_overflow_total{$S}[1h])
        ) > 0
      |||,
      'Label values are counted as `other`',
      '{{ $value | printf "%.0f" }} values were replaced in the last hour, because their label has too many, or because they do not match its grammar. Totals stay correct, but details are missing.'),
    ]),
  },
}
