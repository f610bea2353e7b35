"""Reads a scrape with the official parser of OpenMetrics: openmetrics.py URL CORRELATION_ID

Fails unless the parser accepts it, and the failure counter has an exemplar with this id.
"""

import sys
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families

url, correlation_id = sys.argv[1:]
request = urllib.request.Request(
    url, headers={"Accept": "application/openmetrics-text;version=1.0.0"}
)
with urllib.request.urlopen(request) as answer:
    kind = answer.headers["Content-Type"]
    body = answer.read().decode()
assert kind == "application/openmetrics-text; version=1.0.0; charset=utf-8", kind
families = list(text_string_to_metric_families(body))
samples = [sample for family in families for sample in family.samples]
exemplars = {
    sample.exemplar.labels["correlation_id"]
    for sample in samples
    if sample.exemplar and sample.name == "acs_recording_operation_failures_total"
}
assert exemplars == {correlation_id}, exemplars
created = sum(sample.name.endswith("_created") for sample in samples)
assert created > 0
print(f"{len(families)} families, {len(samples)} samples, {created} of them start times")
