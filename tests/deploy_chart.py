"""Lints, renders and validates the chart; see tests/deploy-chart."""

import copy, glob, json, os, pathlib, re, shutil, subprocess, sys, tempfile

import helm_python
import kubernetes_validate
import yaml
from helm_python import chart as helm

from deploy_chart_values import BASE, BLOB, IDENTITY, PLAUSIBLE, REFUSED, UPGRADES

CHART = "deploy/helm/acs-recording-exporter"
MANIFESTS = pathlib.Path("deploy/kubernetes")
KUBERNETES = ["1.30", "1.32", "1.34"]
# The plain manifests: their names, their heads, and what they have beside the values of workload-identity.
PLAIN = {
    "exporter.yaml": ("""\
# The chart, rendered by `tests/deploy-chart --update`, for clusters without Helm. It reads an Azure namespace with a workload
# identity. Replace contoso, the client id and the image, then: kubectl apply --namespace monitoring --filename exporter.yaml
""", {}),
    "replicas.yaml": ("""\
# Like exporter.yaml, with two replicas that share the partitions through a container of Azure Blob Storage. They access the
# container with the same identity (docs/replicas.md). Replace contoso, contosorecordings, the client id and the image, then:
# kubectl apply --namespace monitoring --filename replicas.yaml
""", {"checkpoint": {"store": "blob", "containerUrl": "https://contosorecordings.blob.core.windows.net/acs-recording-exporter"}, "replicas": 2}),
}
# Where the classes and types of others' objects are.
MODELS = {
    "monitoring.coreos.com/v1": "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1",
    "keda.sh/v1alpha1": "@kubernetes-models/keda/keda.sh/v1alpha1",
}
# Objects of those that were rendered.
OTHERS = []
# Validates what it is given on standard input as objects of those.
NODE = """
import fs from "node:fs";
for (const object of JSON.parse(fs.readFileSync(0))) {
  const classes = await import(JSON.parse(process.env.MODELS)[object.apiVersion]);
  new classes[object.kind](object).validate();
}
"""


def main(npm, update):
    chart = helm.Chart.load(CHART)
    sets = sorted(glob.glob(f"{CHART}/ci/*-values.yaml"))
    for why, (values, words) in REFUSED.items():
        said = refusal(chart, values)
        if said is None or not all(word in said for word in words):
            sys.exit(f"{why}: should be refused with {words}, and is {'accepted' if said is None else f'refused with: {said}'}")
    print(f"refuses {len(REFUSED)} wrong value sets with a sentence that says what to do")
    for why, values in PLAUSIBLE.items():
        try:
            objects = render(chart, values)
        except helm_python.HelmError as error:
            sys.exit(f"{why}: refused: {error}")
        validate(objects)
        check(objects, values)
        shown(why, values, yaml.dump_all(objects, width=1000))
    print(f"renders {len(PLAUSIBLE)} plausible value sets, valid for Kubernetes {', '.join(KUBERNETES)}")
    if min(len(REFUSED), len(PLAUSIBLE)) < 30:
        sys.exit("fewer than thirty value sets")
    notes(chart)
    ways_out(chart)
    umbrella()
    upgrades(chart)
    readme(update)
    for path in sets:
        values = yaml.safe_load(open(path))
        report = helm.lint(CHART, values, strict=True)
        complaints = [message for message in report["messages"] if message["severity"] > 1] + report["errors"]
        if complaints:
            sys.exit(f"{path}: lint: {complaints}")
        objects = render(chart, values)
        validate(objects)
        check(objects, values)
        print(f"{os.path.basename(path)}: {len(objects)} objects: {', '.join(sorted(o['kind'] for o in objects))}")
    if len(sets) < 9:
        sys.exit("fewer than nine value sets")
    for name, (head, more) in PLAIN.items():
        plain(chart, update, MANIFESTS / name, head, more)
    validate_others(npm)


def refusal(chart, values):
    """What is said against these values; None if they are accepted."""
    try:
        render(chart, values)
        return None
    except helm_python.HelmError as error:
        return str(error)


def render(chart, values, name="acs"):
    chart.validate_schema(chart.merge_values(values))
    rendered = chart.render(values, name=name, namespace="monitoring")
    return [object for path, text in sorted(rendered.items()) if path.endswith(".yaml") for object in yaml.load_all(text, Loader=Strict) if object]


class Strict(yaml.SafeLoader):
    """Refuses a key that is there twice, as many tools do that read the objects."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"a key is there twice: {keys}"
        return super().construct_mapping(node, deep)


def shown(why, values, text):
    """Every value is in what was rendered, and what is null is not: no hook is accepted and dropped."""
    for key, value in values.items() if isinstance(values, dict) else enumerate(values):
        if isinstance(value, (dict, list)):
            shown(why, value, text)
        elif value is None:
            assert f"{key}:" not in text, (why, key)
        elif not isinstance(value, bool) and "{{" not in str(value) and "\n" not in str(value):
            assert str(value) in text, (why, key, value)


def ways_out(chart):
    """DNS, also OpenShift's, and the machine's identity where the exporter asks for it, and only there."""
    connection = {**BASE, "eventHub": {"connectionString": {"secretName": "b"}, "names": ["c"], "consumerGroup": "d"}}
    for values, expected in [
        (BASE, True),
        ({**BASE, "config": {"auth": {"kind": "managed_identity", "client_id": "i"}}}, True),
        ({**connection, "checkpoint": BLOB}, True),
        ({**BASE, "workloadIdentity": IDENTITY}, False),
        ({**BASE, "config": {"auth": {"kind": "client_secret"}}}, False),
        (connection, False),
    ]:
        (policy,) = [o["spec"] for o in render(chart, values) if o["kind"] == "NetworkPolicy"]
        assert {53, 5353} <= {port["port"] for port in policy["egress"][0]["ports"]}, policy
        machine = {"to": [{"ipBlock": {"cidr": "169.254.169.254/32"}}], "ports": [{"port": 80, "protocol": "TCP"}]}
        assert (machine in policy["egress"]) == expected, (values, policy)


def umbrella():
    """A chart around the chart: it turns it on and off, sets what is global, and removes a default with null."""
    name = "acs-recording-exporter"
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(CHART, f"{folder}/charts/{name}")
        dependency = {"name": name, "version": "*", "repository": "", "condition": f"{name}.enabled"}
        pathlib.Path(folder, "Chart.yaml").write_text(yaml.dump({"apiVersion": "v2", "name": "umbrella", "version": "1.0.0", "dependencies": [dependency]}))
        # Rendering removes what is turned off from the chart that was loaded.
        around = lambda values: render(helm.Chart.load(folder), values)
        values = lambda enabled: {"global": {"imageRegistry": "contoso.azurecr.io", "other": 1}, name: {**BASE, "enabled": enabled, "podSecurityContext": {"runAsUser": None}}}
        assert not around(values(False))
        (pod,) = [o["spec"]["template"]["spec"] for o in around(values(True)) if o["kind"] == "StatefulSet"]
        assert pod["containers"][0]["image"].startswith("contoso.azurecr.io/") and "runAsUser" not in pod["securityContext"], pod


def notes(chart):
    """The notes name what is missing, and nothing that is there."""
    said = lambda values: chart.render(values, name="acs", namespace="monitoring")["acs-recording-exporter/templates/NOTES.txt"]
    missing = ["Identity", "Scraper", "Selector of the monitor", "Selector of the rules", "Alerts"]
    monitored = {"podMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}}
    for values, expected in [
        ({"demo": True}, ["Scraper", "Alerts"]),
        (BASE, ["Identity", "Scraper", "Alerts"]),
        ({**BASE, **monitored}, ["Identity", "Selector of the monitor", "Selector of the rules"]),
        ({**BASE, **monitored, "commonLabels": {"release": "stack"}}, ["Identity"]),
        ({**BASE, "serviceMonitor": {"enabled": True, "apiVersion": "azmonitoring.coreos.com/v1"}}, ["Identity", "Alerts"]),
    ]:
        named = [word for word in missing if f"- {word}" in said(values)]
        assert named == expected, (values, named)
    identity = said({**BASE, "workloadIdentity": IDENTITY})
    assert "system:serviceaccount:monitoring:acs-acs-recording-exporter" in identity, identity


def upgrades(chart):
    """Upgrades what one value set renders to another: the chart refuses it, or changes no field that Kubernetes does not let change."""
    folder = pathlib.Path(tempfile.mkdtemp(), "acs-recording-exporter")
    shutil.copytree(CHART, folder)
    helpers = folder / "templates/_helpers.tpl"
    # Instead of a cluster's: the objects that were rendered before.
    asked = "lookup .version .kind .root.Release.Namespace .name"
    text = helpers.read_text()
    assert text.count(asked) == 1
    helpers.write_text(text.replace(asked, 'get .root.Values.global.found (printf "%s/%s" .kind .name) | default dict'))
    on_cluster = helm.Chart.load(str(folder))
    print(f"{'upgrade':<45} outcome")
    for name, (before, after, command) in UPGRADES.items():
        said = refused_upgrade(on_cluster, render(chart, before), after)
        if (said is None) != (command is None) or command and command not in said:
            sys.exit(f"{name}: should {f'be refused with {command}' if command else 'upgrade'}: {said}")
        print(f"{name:<45} {'upgrades' if said is None else 'refused: ' + said}")
    # What a chart before this one left behind.
    (old,) = [object for object in render(chart, UPGRADES["64Mi to 1Gi"][0]) if object["kind"] == "StatefulSet"]
    old["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "state"}}]
    said = refused_upgrade(on_cluster, [old], UPGRADES["64Mi to 1Gi"][0])
    assert "persistence.existingClaim=state-acs-acs-recording-exporter-0" in said, said
    print(f"{'a claim template of an older chart':<45} refused: {said}")
    shutil.rmtree(folder.parent)


def refused_upgrade(on_cluster, before, values):
    """What the chart says against the upgrade; None if it accepts it, and Kubernetes does."""
    for object in before:
        if object["kind"] == "PersistentVolumeClaim":
            object["metadata"]["annotations"]["meta.helm.sh/release-name"] = "acs"
    found = {f"{object['kind']}/{object['metadata']['name']}": object for object in before}
    found["PersistentVolumeClaim/"] = {"items": [object for object in before if object["kind"] == "PersistentVolumeClaim"]}
    values = {**values, "global": {"found": found}}
    said = refusal(on_cluster, values)
    if said is not None:
        return re.sub(r"^.*upgrade\.yaml:[0-9:]+\): ", "", said.strip(), flags=re.DOTALL)
    for object in render(on_cluster, values):
        old = found.get(f"{object['kind']}/{object['metadata']['name']}")
        assert old is None or immutable(old) == immutable(object), f"{object['kind']} would be refused by Kubernetes: {immutable(old)}, {immutable(object)}"
    return None


def immutable(object):
    """The fields that an update may not change."""
    spec = object.get("spec", {})
    names = {
        "StatefulSet": ["serviceName", "podManagementPolicy", "selector", "volumeClaimTemplates"],
        "Deployment": ["selector"],
        "Service": ["clusterIP"],
        "PersistentVolumeClaim": ["accessModes", "storageClassName"],
    }
    return {name: spec.get(name) for name in names.get(object["kind"], [])}


def readme(update):
    """Writes the values with their defaults and comments as a table."""
    rows, path, said = [], [], []
    for line in open(f"{CHART}/values.yaml"):
        if comment := re.match(r" *# ?(.*)", line):
            said.append(comment[1])
        elif value := re.match(r"( *)(\w+):(?: (.*?))??(?: +# (.*))?$", line.rstrip()):
            depth = len(value[1]) // 2
            path[depth:] = [value[2]]
            words = " ".join([*said, *([value[4]] if value[4] else [])]).replace("|", "\\|")
            rows.append(f"| `{'.'.join(path)}` | {f'`{value[3]}`' if value[3] else ''} | {words} |")
            said = []
        elif not line.strip():
            said = []
    text = README + "\n".join(rows) + "\n"
    file = pathlib.Path(CHART, "README.md")
    if update:
        file.write_text(text)
    if not file.exists() or file.read_text() != text:
        sys.exit(f"{file} is not what values.yaml says: tests/deploy-chart --update")
    print(f"{file} has every value")


README = """\
# Chart of acs-recording-exporter

Written from [values.yaml](values.yaml) by `tests/deploy-chart --update`. How to install: [deploy.md](../../../docs/deploy.md).

| value | default | meaning |
| --- | --- | --- |
"""


def validate(objects):
    """The objects of Kubernetes; those of others are validated together, at the end."""
    for object in objects:
        group = object["apiVersion"].removeprefix("az")  # AKS has the same kinds in a group of its own
        if group in MODELS:
            OTHERS.append({**object, "apiVersion": group})
            continue
        for version in KUBERNETES:
            kubernetes_validate.validate(object, version, strict=True)


def validate_others(npm):
    complaint = complaint_of_models(OTHERS, npm)
    if complaint:
        sys.exit(complaint)
    misspelt = copy.deepcopy(list({object["kind"]: object for object in OTHERS}.values()))
    for object in misspelt:
        deepest(object["spec"])["misspelt"] = 1
    complaint = complaint_of_models(misspelt, npm)
    # The compiler names lines: first one for each kind, then one for each object.
    passed = [object["kind"] for n, object in enumerate(misspelt, len(misspelt) + 1) if f"objects.mts({n}," not in complaint]
    if passed:
        sys.exit(f"{passed}: a misspelt field passes, so that the check proves nothing")
    print(f"{len(OTHERS)} objects of {len(misspelt)} other kinds are valid, and a misspelt field of each kind is not")


def deepest(spec):
    """The first endpoint, trigger, secret or rule: what is written most."""
    for name in ["podMetricsEndpoints", "endpoints", "triggers", "secretTargetRef"]:
        if name in spec:
            return spec[name][0]
    return spec["podIdentity"] if "podIdentity" in spec else spec["groups"][0]["rules"][0]


def complaint_of_models(objects, npm):
    """By the schemas of those who made the kinds, which let unknown fields pass; and by types, which do not, of a literal."""
    models = {**os.environ, "MODELS": json.dumps(MODELS)}
    validated = subprocess.run(["node", "--input-type=module", "--eval", NODE], input=json.dumps(objects), text=True, capture_output=True, cwd=npm, env=models)
    if validated.returncode:
        return validated.stderr
    kinds = sorted({(object["kind"], object["apiVersion"]) for object in objects})
    lines = [f'import type {{ I{kind} }} from "{MODELS[version]}";' for kind, version in kinds]
    lines += [f"export const object{n}: I{object['kind']} = {json.dumps(object)};" for n, object in enumerate(objects)]
    pathlib.Path(npm, "objects.mts").write_text("\n".join(lines))
    command = [f"{npm}/node_modules/.bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "objects.mts"]
    typed = subprocess.run(command, text=True, capture_output=True, cwd=npm)
    return typed.stdout if typed.returncode else ""


def check(objects, values):
    """What must hold of any rendering, whatever the schemas say."""
    (workload,) = [o for o in objects if o["kind"] in ["StatefulSet", "Deployment"]]
    pod = workload["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    mounts = {mount["name"] for mount in container.get("volumeMounts", [])}
    volumes = {volume["name"] for volume in pod["spec"].get("volumes", [])}
    claims = {claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", [])}
    assert mounts == volumes | claims, (mounts, volumes, claims)
    assert "containerSecurityContext" in values or container["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert container["livenessProbe"]["httpGet"]["path"] == "/-/healthy" and container["readinessProbe"]["httpGet"]["path"] == "/-/ready"
    for o in objects:
        if o["kind"] == "Pod":
            assert not workload["spec"]["selector"]["matchLabels"].items() <= o["metadata"]["labels"].items(), "the test would be taken for the exporter"
        if o["kind"] == "HorizontalPodAutoscaler":
            assert o["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": workload["kind"], "name": workload["metadata"]["name"]}
        selector = o["spec"].get("selector", o["spec"].get("podSelector", {})) if "spec" in o else {}
        selector = selector.get("matchLabels", selector)
        assert selector.items() <= pod["metadata"]["labels"].items(), (o["kind"], selector)
        if o["kind"] == "PrometheusRule":
            assert o["spec"]["groups"] == shipped_groups(values["prometheusRule"]), "the rules are not those of deploy/prometheus"
        if o["kind"] == "ConfigMap" and "acs-recording-exporter.json" in o["data"]:
            assert json.loads(o["data"]["acs-recording-exporter.json"]) == shipped_dashboard(values.get("prometheusRule", {}))
    if not values.get("demo"):
        (config,) = [o["data"]["exporter.yaml"] for o in objects if o["kind"] == "ConfigMap" and "exporter.yaml" in o["data"]]
        config = yaml.safe_load(config)
        if values.get("checkpoint", {}).get("store") == "blob":
            check_replicas(objects, values, workload, config)
        else:
            assert workload["kind"] == "StatefulSet" and workload["spec"]["replicas"] <= 1
            assert workload["spec"]["podManagementPolicy"] == "Parallel", "a pod that is never ready would never be replaced"


def check_replicas(objects, values, workload, config):
    """What must hold where replicas share the partitions."""
    spec, pod = workload["spec"], workload["spec"]["template"]["spec"]
    assert workload["kind"] == "Deployment" and spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert pod["securityContext"]["fsGroup"] == 65532
    modes = [volume["secret"]["defaultMode"] for volume in pod["volumes"] if "secret" in volume]
    assert all(mode == 0o440 for mode in modes), "the group of volumes reads the files of Secrets, nobody else"
    assert pod["topologySpreadConstraints"] and any(o["kind"] == "PodDisruptionBudget" for o in objects)
    # The container: in the file, or in a variable from a Secret; and never a secret in the file.
    checkpoint = config["checkpoint"]
    assert checkpoint["store"] == "blob" and "connection_string" not in checkpoint and "?" not in checkpoint.get("container_url", "")
    variables = {variable["name"] for variable in pod["containers"][0]["env"]}
    ways = ["container_url" in checkpoint, "connection_string_file" in checkpoint and "container" in checkpoint, "ACS_RECORDING_EXPORTER__CHECKPOINT__CONTAINER_URL" in variables]
    assert ways.count(True) == 1, ways
    scaled = [o for o in objects if o["kind"] in ["ScaledObject", "HorizontalPodAutoscaler"]]
    assert ("replicas" in spec) == (not scaled), "a scaler and an upgrade would set the number of replicas by turns"
    for o in scaled:
        if o["kind"] == "ScaledObject":
            check_keda(o["spec"], values, workload, objects)


def check_keda(spec, values, workload, objects):
    hub = values["eventHub"]
    assert spec["scaleTargetRef"]["name"] == workload["metadata"]["name"] and spec["minReplicaCount"] <= spec["maxReplicaCount"]
    assert len(spec["triggers"]) == len(hub["names"]), "a trigger for each hub"
    (authentication,) = [o["metadata"]["name"] for o in objects if o["kind"] == "TriggerAuthentication"]
    for name, trigger in zip(hub["names"], spec["triggers"]):
        asked = dict(trigger["metadata"])
        assert trigger["authenticationRef"]["name"] == authentication
        assert asked.pop("checkpointStrategy") == "blobMetadata" and int(asked.pop("unprocessedEventThreshold")) > 0
        # What KEDA makes the name of a blob of: in lower case, as the exporter writes it.
        assert asked.pop("eventHubName") == name.lower() and asked.pop("consumerGroup") == hub["consumerGroup"].lower()
        if "namespace" in hub:
            namespace, _, suffix = hub["namespace"].lower().partition(".")
            assert asked.pop("eventHubNamespace") == namespace
            assert asked.pop("cloud", None) == {"servicebus.usgovcloudapi.net": "AzureUSGovernmentCloud"}.get(suffix)
            account, container = asked.pop("storageAccountName"), asked.pop("blobContainer")
            host = values["checkpoint"]["containerUrl"].removeprefix("https://")
            assert host.startswith(f"{account}.blob.") and host.endswith(f"/{container}")
        else:
            assert asked.pop("blobContainer") == values["checkpoint"]["container"]
        assert not asked, f"more than was expected: {asked}"


def shipped_groups(values):
    groups = [group for name in ["rules.yaml", "alerts.yaml"] for group in yaml.safe_load(pathlib.Path("deploy/prometheus", name).read_text())["groups"]]
    for annotations in [rule["annotations"] for group in groups for rule in group["rules"] if "alert" in rule]:
        if values.get("runbookUrl"):
            annotations["runbook_url"] = f"{values['runbookUrl']}/{annotations['runbook_url'].rsplit('/', 1)[1]}"
        if values.get("dashboardUrl"):
            annotations["dashboard_url"] = f"{values['dashboardUrl']}/d/acs-recording-exporter"
    for rule in [rule for group in groups for rule in group["rules"] if "alert" in rule]:
        rule["labels"].update(values.get("additionalRuleLabels", {}))
    return groups


def shipped_dashboard(values):
    board = json.load(open("deploy/grafana/dashboard.json"))
    if values.get("runbookUrl"):
        for link in [link for linked in [board, *board["panels"]] for link in linked.get("links", [])]:
            link["url"] = f"{values['runbookUrl']}/{link['url'].rsplit('/', 1)[1]}"
    return board


def plain(chart, update, path, head, more):
    values = yaml.safe_load(open(f"{CHART}/ci/workload-identity-values.yaml"))
    # These two are large, and files of their own: deploy/prometheus, deploy/grafana.
    values.update(fullnameOverride="acs-recording-exporter", prometheusRule={"enabled": False}, dashboard={"enabled": False}, **more)
    objects = [object for object in render(chart, values, name="acs-recording-exporter") if object["kind"] != "Pod"]  # of `helm test`
    validate(objects)
    check(objects, values)
    for object in objects:
        drop_helm(object)
    text = head + "".join("---\n" + yaml.dump(object, Dumper=Readable, sort_keys=False, width=120) for object in objects)
    if update:
        path.write_text(text)
    if not path.exists() or path.read_text() != text:
        sys.exit(f"{path} is not what the chart renders: tests/deploy-chart --update")
    print(f"{path} is what the chart renders")


class Readable(yaml.SafeDumper):
    """Text of several lines as several lines."""


Readable.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None))


def drop_helm(object):
    """What only Helm cares for, and the namespace, which `kubectl apply` is told."""
    object["metadata"].pop("namespace", None)
    for metadata in [object["metadata"], object.get("spec", {}).get("template", {}).get("metadata", {}) if object["kind"] in ["StatefulSet", "Deployment"] else {}]:
        for label in ["helm.sh/chart", "app.kubernetes.io/managed-by"]:
            metadata.get("labels", {}).pop(label, None)


main(sys.argv[1], "--update" in sys.argv)
