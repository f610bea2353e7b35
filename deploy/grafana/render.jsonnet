// Renders the file that is shipped: jsonnet -m . render.jsonnet
local mixin = import '../prometheus/mixin.libsonnet';
{ 'dashboard.json': mixin.grafanaDashboards['acs-recording-exporter.json'] }
