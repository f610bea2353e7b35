"""Checks what readers copy from docs/guides: that values render with the chart, and that the exporter has each key and variable.
tests/deploy-lint runs it."""

import glob
import re
import sys

import yaml
from helm_python import chart as helm

CHART = "deploy/helm/acs-recording-exporter"
REFERENCE = open("docs/configuration.md").read()
SECTIONS = set(re.findall(r"^### `(\w+)\.", REFERENCE, re.MULTILINE))


def blocks(page):
    return [first or second for first, second in re.findall(r"```yaml\n(.*?)```|<<VALUES\n(.*?)VALUES", page, re.DOTALL)]


def keys(section, prefix=""):
    for key, value in section.items():
        yield from keys(value, f"{prefix}{key}.") if isinstance(value, dict) else [prefix + key]


def rendered(values):
    """The kinds that the chart makes of these values. tests/deploy-chart checks the objects themselves."""
    chart = helm.Chart.load(CHART)
    chart.validate_schema(chart.merge_values(values))
    texts = chart.render(values, name="acs-recording-exporter", namespace="monitoring").items()
    return sorted(found["kind"] for path, text in texts if path.endswith(".yaml") for found in yaml.safe_load_all(text) if found)


for path in sorted(glob.glob("docs/guides/*.md")):
    page, done = open(path).read(), []
    for block in map(yaml.safe_load, blocks(page)):
        if "eventHub" in block:
            done.append("values: " + ", ".join(rendered(block)))
        elif block.keys() <= SECTIONS:
            unknown = [key for key in keys(block) if f"`{key}`" not in REFERENCE]
            if unknown:
                sys.exit(f"{path}: the exporter has no {unknown}")
            done.append("keys: " + ", ".join(keys(block)))
    variables = set(re.findall(r"ACS_RECORDING_EXPORTER__\w+", page))
    unknown = [name for name in variables if f"`{name}`" not in REFERENCE]
    if unknown:
        sys.exit(f"{path}: the exporter has no {unknown}")
    print(f"{path}: " + "; ".join([*done, f"{len(variables)} variables"]))
