// Every value that a user may want to change.
{
  _config+:: {
    // The repository's pages: the default of the links. Set it once, here.
    repository: 'https://github.com/OWNER/acs-recording-exporter',
    // Where the runbooks are.
    runbooks: self.repository + '/blob/main/deploy/runbooks',
    // Where Grafana is, for example 'https://grafana.contoso.com'. If empty, alerts have no annotation `dashboard_url`.
    grafana: '',

    // Matchers of the exporter's targets, for example 'namespace="monitoring"'. With a selector,
    // AcsRecordingExporterDown also fires at once if there is no such target.
    selector: '',
    // The labels of a target that tell installations apart. Labels that a target does not have do no harm.
    installation: ['cluster', 'namespace', 'job'],

    // The names of the two severities.
    severities: { page: 'page', ticket: 'ticket' },

    // This share of the requests must succeed in 30 days. An alert fires if the error budget is spent `factor` times too
    // fast, both over the long and over the short window. The fast ones page, the slow ones create a ticket.
    objective: 0.995,
    burn: {
      fast: [{ factor: 14.4, long: '1h', short: '5m' }, { factor: 6, long: '6h', short: '30m' }],
      slow: [{ factor: 3, long: '6h', short: '30m' }, { factor: 1, long: '3d', short: '6h' }],
    },
    // A ratio of few requests means little: at least so many failures, or conflicts, or empty recordings.
    failures: 5,
    // Over six hours: the share of starts with the reason `conflict`, and of empty recordings.
    conflicts: 0.1,
    empty: 0.1,
    // 95 % of the requests of an operation take at most so many seconds.
    slow: 5,

    // A resource is busy if, in four weeks, its logs were silent for longer than so many seconds in at most 1 % of the time.
    // If such a resource is silent for so long, an alert pages.
    silence: 4 * 3600,
    // For all other resources, so many seconds without logs create a ticket, if they were never silent for longer.
    quiet: 3 * 86400,
    // Days without calls, in UTC: '12-25' is each year, '2027-03-29' one day. They do not count as silence.
    quietDays: [],

    // How long an alert about failures stays after the last one, so that one cause notifies once.
    keep: '1h',
    // An installation that was seen within this time and is gone is down.
    seen: '1d',
    // The same while Prometheus still has a target of its job that it cannot scrape.
    down: '7d',

    // Some managed services accept at most 20 rules in a group.
    groupSize: 20,
  },
}
