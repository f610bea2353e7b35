// The alerts, the recording rules and the dashboard as a monitoring mixin. Set your own values in `_config`:
//
//   (import 'mixin.libsonnet') + { _config+:: { objective: 0.999, severities+: { page: 'critical', ticket: 'warning' } } }
//
// The shipped files: render.jsonnet renders alerts.yaml and rules.yaml, ../grafana/render.jsonnet renders dashboard.json.
(import 'mixin/config.libsonnet') +
(import 'mixin/rules.libsonnet') +
(import 'mixin/recordings.libsonnet') +
(import 'mixin/exporter.libsonnet') +
(import 'mixin/dashboard.libsonnet')
