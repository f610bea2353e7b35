// How the dashboard is drawn, in Grafana's words.
//
// Schema version 41 is the newest that every Grafana 12 knows: 12.0 and 12.1 write it, later ones write 42 and read 41.
function(runbooks) {
  local draw = self,
  local source = { type: 'prometheus', uid: '${datasource}' },

  link(title, page):: {
    title: title,
    type: 'link',
    url: '%s/%s.md' % [runbooks, page],
    targetBlank: true,
    asDropdown: false,
    icon: '',
    includeVars: false,
    keepTime: false,
    tags: [],
    tooltip: '',
  },

  // "All" matches everything, also series without the label.
  variable(name, label, query):: {
    type: 'query',
    name: name,
    label: label,
    datasource: source,
    query: query,
    refresh: 2,  // when the time range changes
    sort: 1,  // alphabetical
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { selected: true, text: ['All'], value: ['$__all'] },
    options: [],
    hide: 0,
    skipUrlSync: false,
  },

  dashboard(title, uid, description, variables, rows):: {
    title: title,
    uid: uid,
    description: description,
    schemaVersion: 41,
    tags: ['acs', 'call-recording'],
    editable: false,
    graphTooltip: 1,  // a crosshair in all panels
    refresh: '1m',
    time: { from: 'now-6h', to: 'now' },
    timezone: 'browser',
    annotations: { list: [] },
    links: [draw.link('Runbooks', 'README')],
    templating: { list: [{
      type: 'datasource',
      name: 'datasource',
      label: 'Data source',
      query: 'prometheus',
      options: [],
      refresh: 1,  // when the dashboard loads
      multi: false,
      includeAll: false,
      hide: 0,
      skipUrlSync: false,
    }] + variables },
    panels: draw.placed(std.flattenArrays([[draw.row(row.title)] + row.panels for row in rows])),
  },

  row(title):: { type: 'row', title: title, collapsed: false, panels: [], gridPos: { w: 24, h: 1 } },

  // From left to right. A panel that does not fit begins a new line.
  placed(panels):: std.foldl(
    function(done, panel)
      local fits = done.x + panel.gridPos.w <= 24;
      local x = if fits then done.x else 0;
      local y = if fits then done.y else done.y + done.height;
      {
        x: x + panel.gridPos.w,
        y: y,
        height: panel.gridPos.h,
        panels: done.panels + [panel { id: std.length(done.panels) + 1, gridPos+: { x: x, y: y } }],
      },
    panels,
    { x: 0, y: 0, height: 0, panels: [] }
  ).panels,

  // Each query is the name of its series and an expression.
  local panel(type, width, height, title, unit, alert, description, queries, query) = {
    type: type,
    title: title,
    description: description,
    datasource: source,
    gridPos: { w: width, h: height },
    links: [draw.link('Runbook', alert)],
    fieldConfig: { defaults: { unit: unit }, overrides: [] },
    targets: std.mapWithIndex(function(n, named) query {
      refId: std.char(65 + n),  // A, B, C
      datasource: source,
      legendFormat: named[0],
      expr: named[1],
    }, queries),
  },

  // One number over the time range.
  stat(title, unit, alert, description, expr)::
    panel('stat', 4, 4, title, unit, alert, description, [['', expr]], { instant: true, range: false }) {
      options: {
        reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
        colorMode: 'value',
        graphMode: 'none',
        justifyMode: 'center',
        orientation: 'auto',
        percentChangeColorMode: 'standard',
        showPercentChange: false,
        textMode: 'value',
        wideLayout: true,
      },
    },

  local chart(width, title, unit, alert, description, queries, query, style) =
    panel('timeseries', width, 8, title, unit, alert, description, queries, { instant: false, range: true } + query) {
      fieldConfig+: { defaults+: { min: 0, custom: style } },
      options: {
        legend: { showLegend: true, displayMode: 'list', placement: 'bottom', calcs: [] },
        tooltip: { mode: 'multi', sort: 'desc' },
      },
    },

  lines(width, title, unit, alert, description, queries)::
    chart(width, title, unit, alert, description, queries, {}, {
      drawStyle: 'line',
      lineWidth: 2,
      fillOpacity: 8,
    }),

  // How many in each interval. An interval lasts at least 5 minutes: then `$__rate_interval` is longer by one scrape, so that
  // everything is shown, and nothing twice.
  bars(width, title, alert, description, queries)::
    chart(width, title, 'short', alert, description, queries, { interval: '5m' }, {
      drawStyle: 'bars',
      lineWidth: 0,
      fillOpacity: 80,
      stacking: { mode: 'normal', group: 'A' },
    }) + draw.whole,

  heatmap(width, title, unit, alert, description, expr)::
    panel('heatmap', width, 8, title, unit, alert, description, [['{{le}}', expr]], {
      instant: false,
      range: true,
      format: 'heatmap',
      interval: '5m',
    }) {
      options: {
        calculate: false,
        cellGap: 1,
        color: {
          mode: 'scheme',
          scheme: 'Inferno',
          steps: 64,
          exponent: 0.5,
          fill: 'dark-orange',
          reverse: false,
        },
        exemplars: { color: 'rgba(255,0,255,0.7)' },
        filterValues: { le: 1e-9 },
        legend: { show: false },
        rowsFrame: { layout: 'auto' },
        showValue: 'never',
        tooltip: { mode: 'single', showColorScale: false, yHistogram: false },
        yAxis: { axisPlacement: 'left', unit: unit },
      },
    },

  // What can be added to a panel.

  // The legend as a table with totals, the largest first.
  totals:: { options+: { legend+: {
    displayMode: 'table',
    placement: 'right',
    calcs: ['sum'],
    sortBy: 'Total',
    sortDesc: true,
  } } },

  // Counts: increase() extrapolates, so they are not whole.
  whole:: { fieldConfig+: { defaults+: { decimals: 0 } } },

  // A ratio whose axis begins at a value, or below it.
  ratioFrom(value):: { fieldConfig+: { defaults+: { min:: 0, max: 1, custom+: { axisSoftMin: value, axisSoftMax:: 1 } } } },

  local steps(base, from) = {
    fieldConfig+: { defaults+: { thresholds: {
      mode: 'absolute',
      steps: [{ color: base, value: null }] + [{ color: step[1], value: step[0] } for step in from],
    } } },
  },
  redFrom(value):: steps('green', [[value, 'red']]),
  redBelow(value):: steps('red', [[value, 'green']]),

  // Dashed lines where alerts begin, always in sight.
  limits(from):: steps('transparent', from) {
    fieldConfig+: { defaults+: { custom+: {
      thresholdsStyle: { mode: 'dashed' },
      axisSoftMax: from[std.length(from) - 1][0],
    } } },
  },

  // The colours of series.
  coloured(colours):: { fieldConfig+: { overrides: [
    { matcher: { id: 'byName', options: name }, properties: [{ id: 'color', value: { mode: 'fixed', fixedColor: colours[name] } }] }
    for name in std.objectFields(colours)
  ] } },
}
