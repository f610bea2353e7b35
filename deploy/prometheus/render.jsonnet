// Renders the files that are shipped: jsonnet -S -m . render.jsonnet
local mixin = import 'mixin.libsonnet';
local rendered(groups) =
  '# Rendered from mixin.libsonnet, which has the reasons: do not edit. docs/alerts.md describes the alerts.\n'
  + std.manifestYamlDoc(groups, indent_array_in_object=true, quote_keys=false) + '\n';
{
  'alerts.yaml': rendered(mixin.prometheusAlerts),
  'rules.yaml': rendered(mixin.prometheusRules),
}
