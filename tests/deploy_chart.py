"""Lints, renders and validates the chart; see tests/deploy-chart."""

import copy, glob, json, os, pathlib, subprocess, sys

import helm_python
import kubernetes_validate
import yaml
from helm_python import chart as helm

CHART = "deploy/helm/acs-recording-exporter"
PLAIN = pathlib.Path("deploy/kubernetes/exporter.yaml")
KUBERNETES = ["1.30", "1.34"]
PLAIN_HEAD = """\
# The chart, rendered by `tests/deploy-chart --update`, for those who use no Helm: a namespace of Azure's, read by a workload
# identity. Replace contoso, the client id and the image, then: kubectl apply --namespace monitoring --filename exporter.yaml
"""
# Values that must be refused, and why.
REFUSED = {
    "nothing to read": {},
    "two ways in": {"eventHub": {"namespace": "a", "connectionString": {"secretName": "b"}, "names": ["c"], "consumerGroup": "d"}},
    "no consumer group": {"eventHub": {"namespace": "a", "names": ["c"]}},
    "no name of a hub": {"eventHub": {"namespace": "a", "consumerGroup": "d"}},
    "a grace period that cuts off the last scrape": {"demo": True, "terminationGracePeriodSeconds": 25},
    "a secret in a ConfigMap": {"eventHub": {"connectionString": {"secretName": "b"}, "consumerGroup": "d"}, "config": {"event_hub": {"connection_string": "x"}}},
    "a key that is misspelt": {"demo": True, "podMonitors": {}},
    "a workload identity without its id": {"demo": True, "workloadIdentity": {"enabled": True}},
}
# Validates what it is given on standard input as objects of the Prometheus operator.
NODE = """
import * as classes from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";
import fs from "node:fs";
for (const object of JSON.parse(fs.readFileSync(0))) new classes[object.kind](object).validate();
"""


def main(npm, update):
    chart = helm.Chart.load(CHART)
    sets = sorted(glob.glob(f"{CHART}/ci/*-values.yaml"))
    failed = [why for why, values in REFUSED.items() if accepts(chart, values)]
    if failed:
        sys.exit(f"accepted: {failed}")
    print(f"refuses {len(REFUSED)} wrong value sets")
    for path in sets:
        values = yaml.safe_load(open(path))
        report = helm.lint(CHART, values, strict=True)
        complaints = [message for message in report["messages"] if message["severity"] > 1] + report["errors"]
        if complaints:
            sys.exit(f"{path}: lint: {complaints}")
        objects = render(chart, values)
        validate(objects, npm)
        check(objects, values)
        print(f"{os.path.basename(path)}: {len(objects)} objects: {', '.join(sorted(o['kind'] for o in objects))}")
    if len(sets) < 5:
        sys.exit("fewer than five value sets")
    plain(chart, npm, update)


def accepts(chart, values):
    try:
        chart.validate_schema(chart.merge_values(values))
        return True
    except helm_python.HelmError:
        return False


def render(chart, values, name="acs"):
    chart.validate_schema(chart.merge_values(values))
    rendered = chart.render(values, name=name, namespace="monitoring")
    return [object for path, text in sorted(rendered.items()) if path.endswith(".yaml") for object in yaml.safe_load_all(text) if object]


def validate(objects, npm):
    operator = []
    for object in objects:
        if object["apiVersion"].startswith("monitoring.coreos.com/"):
            operator.append(object)
            continue
        for version in KUBERNETES:
            kubernetes_validate.validate(object, version, strict=True)
    if not operator:
        return
    complaint = complaint_of_operator(operator, npm)
    if complaint:
        sys.exit(complaint)
    for object in operator:
        misspelt = copy.deepcopy(object)
        deepest(misspelt["spec"])["misspelt"] = 1
        if not complaint_of_operator([misspelt], npm):
            sys.exit(f"{object['kind']}: a misspelt field passes, so that the check proves nothing")


def deepest(spec):
    """The first endpoint, or the first rule: what is written most."""
    if "podMetricsEndpoints" in spec:
        return spec["podMetricsEndpoints"][0]
    return spec["groups"][0]["rules"][0]


def complaint_of_operator(objects, npm):
    """By the operator's schemas, which let unknown fields pass; and by its types, which do not, of a literal."""
    validated = subprocess.run(["node", "--input-type=module", "--eval", NODE], input=json.dumps(objects), text=True, capture_output=True, cwd=npm)
    if validated.returncode:
        return validated.stderr
    kinds = sorted({object["kind"] for object in objects})
    lines = [f'import type {{ {", ".join("I" + kind for kind in kinds)} }} from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";']
    lines += [f"export const object{n}: I{object['kind']} = {json.dumps(object)};" for n, object in enumerate(objects)]
    pathlib.Path(npm, "objects.mts").write_text("\n".join(lines))
    command = [f"{npm}/node_modules/.bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "objects.mts"]
    typed = subprocess.run(command, text=True, capture_output=True, cwd=npm)
    return typed.stdout if typed.returncode else ""


def check(objects, values):
    """What must hold of any rendering, whatever the schemas say."""
    (pod,) = [o["spec"]["template"] for o in objects if o["kind"] == "StatefulSet"]
    (container,) = pod["spec"]["containers"]
    mounts = {mount["name"] for mount in container.get("volumeMounts", [])}
    volumes = {volume["name"] for volume in pod["spec"].get("volumes", [])}
    claims = {c["metadata"]["name"] for o in objects if o["kind"] == "StatefulSet" for c in o["spec"].get("volumeClaimTemplates", [])}
    assert mounts == volumes | claims, (mounts, volumes, claims)
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert container["livenessProbe"]["httpGet"]["path"] == "/-/healthy" and container["readinessProbe"]["httpGet"]["path"] == "/-/ready"
    for o in objects:
        selector = o["spec"].get("selector", o["spec"].get("podSelector", {})) if "spec" in o else {}
        selector = selector.get("matchLabels", selector)
        assert selector.items() <= pod["metadata"]["labels"].items(), (o["kind"], selector)
        if o["kind"] == "PrometheusRule":
            assert o["spec"]["groups"] == shipped_groups(values["prometheusRule"]), "the rules are not those of deploy/prometheus"
        if o["kind"] == "ConfigMap" and "acs-recording-exporter.json" in o["data"]:
            assert json.loads(o["data"]["acs-recording-exporter.json"]) == json.load(open("deploy/grafana/dashboard.json"))
    if not values.get("demo"):
        (config,) = [o["data"]["exporter.yaml"] for o in objects if o["kind"] == "ConfigMap" and "exporter.yaml" in o["data"]]
        yaml.safe_load(config)


def shipped_groups(values):
    text = [pathlib.Path("deploy/prometheus", name).read_text() for name in ["rules.yaml", "alerts.yaml"]]
    for placeholder, key in [("https://grafana.example.com", "dashboardUrl"), ("https://runbooks.example.com", "runbookUrl")]:
        text = [part.replace(placeholder, values.get(key, placeholder)) for part in text]
    return [group for part in text for group in yaml.safe_load(part)["groups"]]


def plain(chart, npm, update):
    values = yaml.safe_load(open(f"{CHART}/ci/workload-identity-values.yaml"))
    # These two are large, and files of their own: deploy/prometheus, deploy/grafana.
    values.update(fullnameOverride="acs-recording-exporter", prometheusRule={"enabled": False}, dashboard={"enabled": False})
    objects = render(chart, values, name="acs-recording-exporter")
    validate(objects, npm)
    for object in objects:
        drop_helm(object)
    text = PLAIN_HEAD + "".join("---\n" + yaml.dump(object, Dumper=Readable, sort_keys=False, width=120) for object in objects)
    if update:
        PLAIN.write_text(text)
    if PLAIN.read_text() != text:
        sys.exit(f"{PLAIN} is not what the chart renders: tests/deploy-chart --update")
    print(f"{PLAIN} is what the chart renders")


class Readable(yaml.SafeDumper):
    """Text of several lines as several lines."""


Readable.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None))


def drop_helm(object):
    """What only Helm cares for, and the namespace, which `kubectl apply` is told."""
    object["metadata"].pop("namespace", None)
    for metadata in [object["metadata"], object.get("spec", {}).get("template", {}).get("metadata", {}) if object["kind"] == "StatefulSet" else {}]:
        for label in ["helm.sh/chart", "app.kubernetes.io/managed-by"]:
            metadata.get("labels", {}).pop(label, None)


main(sys.argv[1], "--update" in sys.argv)
