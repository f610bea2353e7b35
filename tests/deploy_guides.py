"""Checks what readers copy from docs/guides: that values render with the chart into objects that Kubernetes knows, that the exporter
has each key and variable, and that promtool accepts each scrape configuration. tests/deploy-lint runs it."""

import glob
import re
import shutil
import subprocess
import sys
import tempfile

import kubernetes_validate
import yaml
from helm_python import chart as helm

CHART = "deploy/helm/acs-recording-exporter"
REFERENCE = open("docs/configuration.md").read()


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def keys(section, prefix=""):
    for key, value in section.items():
        yield from keys(value, f"{prefix}{key}.") if isinstance(value, dict) else [prefix + key]


def rendered(values):
    """The kinds that the chart makes of these values; those that Kubernetes itself has are valid."""
    objects = [found for text in helm.Chart.load(CHART).render(values=values, release_name="acs-recording-exporter").values()
               for found in yaml.safe_load_all(text) if found]
    for found in objects:
        if not found["apiVersion"].startswith("monitoring.coreos.com/"):
            kubernetes_validate.validate(found, "1.31", strict=True)
    return sorted({found["kind"] for found in objects})


def promtool(config):
    """Every file that the configuration names is beside it, as on the machine of the guide."""
    with tempfile.TemporaryDirectory() as folder:
        for file in config.get("rule_files", []):
            shutil.copy(f"deploy/prometheus/{file}", folder)
        open(f"{folder}/prometheus.yml", "w").write(yaml.safe_dump(config))
        found = subprocess.run(["promtool", "check", "config", f"{folder}/prometheus.yml"], capture_output=True, text=True)
        if found.returncode:
            sys.exit(found.stdout + found.stderr)


for path in sorted(glob.glob("docs/guides/*.md")):
    page, done = open(path).read(), []
    for block in map(yaml.safe_load, blocks(page, "yaml")):
        if "image" in block:
            done.append("values: " + ", ".join(rendered(block)))
        elif "scrape_configs" in block:
            promtool(block)
            done.append("scrape configuration")
        elif "event_hub" in block:
            unknown = [key for key in keys(block) if f"`{key}`" not in REFERENCE]
            done.append("configuration")
            if unknown:
                sys.exit(f"{path}: the exporter has no {unknown}")
        elif block.get("kind") != "PodMonitor":
            sys.exit(f"{path}: nothing checks this block: {block}")
    variables = set(re.findall(r"ACS_RECORDING_EXPORTER__\w+", page))
    unknown = [name for name in variables if f"`{name}`" not in REFERENCE]
    if unknown:
        sys.exit(f"{path}: the exporter has no {unknown}")
    print(f"{path}: " + "; ".join([*done, f"{len(variables)} variables"]))
