"""The rules, taken from the mixin, and promtool as a calculator that says what fires when."""
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]

# The labels by which installations, and what is in them, are told apart.
INSTALLATION = {"cluster": "c", "namespace": "n", "job": "j"}
HUB = {"event_hubs_namespace": "contoso-hubs", "event_hub": "logs"}
RESOURCE = {"resource": "contoso"}
ORDINARY = INSTALLATION | HUB | RESOURCE
OF_HUBS = re.compile(r"acs_recording_exporter_(up|discovery|events|event_|partition_|held|unack|checkpoint_seq|leases|replicas|lease_moves|last_lease|"
                     r"recounted|sequence|refused|poison|positions|receiver)")
WITHOUT_RESOURCE = re.compile(r"acs_recording_exporter_|acs_log_record_delay")


def rendered(override="{}"):
    """The groups of the mixin, with a configuration of one's own: records and alerts by name, in their order."""
    source = f"local m = (import 'mixin.libsonnet') + {{ _config+:: {override} }}; {{ a: m.prometheusAlerts, r: m.prometheusRules, c: m._config }}"
    done = subprocess.run(["jsonnet", "-J", str(HERE), "-e", source], cwd=HERE, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    parts = json.loads(done.stdout)
    groups = parts["r"]["groups"] + parts["a"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    records = {rule["record"]: rule["expr"] for rule in rules if "record" in rule}
    alerts = {rule["alert"]: rule for rule in rules if "alert" in rule}
    return groups, records, alerts, parts


def names(expr, records):
    """The recording rules that an expression names."""
    return [record for record in records if replaced(expr, record, "") != expr]


def closure(expr, records):
    """Those and all that they need, in an order in which they can be evaluated."""
    found = []
    for record in names(expr, records):
        found += [needed for needed in closure(records[record], records) if needed not in found]
        if record not in found:
            found.append(record)
    return found


def replaced(expr, old, new):
    return re.sub(rf"(?<![\w:]){re.escape(old)}(?![\w:])", new, expr)


def labels_of(metric, more):
    labels = dict(INSTALLATION, instance="a:9464")
    if OF_HUBS.match(metric):
        labels |= HUB
    elif metric.startswith("acs_") and not WITHOUT_RESOURCE.match(metric):
        labels |= RESOURCE
    return labels | more


def parsed(series):
    """`metric{a="b"}` -> its name and all its labels, those of an ordinary installation included."""
    metric, _, rest = series.partition("{")
    return metric, labels_of(metric, dict(re.findall(r'(\w+)="([^"]*)"', rest)))


def written(metric, labels):
    return metric + "{" + ",".join(f'{name}="{value}"' for name, value in sorted(labels.items()) if value != "") + "}"


def evaluate(rules, step, tests):
    """What fires: for each test (series, times), with a sample and an evaluation each step, by the second, the labels of each
    alert."""
    document = {"rule_files": ["rules.json"], "evaluation_interval": step, "tests": [{
        "interval": step,
        "input_series": [{"series": one, "values": values} for one, values in series.items()],
        "promql_expr_test": [{"expr": f'ALERTS{{alertstate="firing"}} or vector({number})', "eval_time": at, "exp_samples": []} for at in times],
    } for number, (series, times) in enumerate(tests)]}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "rules.json").write_text(json.dumps({"groups": [{"name": "g", "rules": rules}]}))
        Path(folder, "tests.json").write_text(json.dumps(document))
        # GOGC: memory is cheap, and promtool takes a quarter less time with more of it.
        done = subprocess.run(["promtool", "test", "rules", "tests.json"], cwd=folder, env=os.environ | {"GOGC": "1000"}, capture_output=True, text=True)
    output = done.stdout + done.stderr
    answers = [{} for _ in tests]
    # Each query fails, because it expects nothing, so promtool prints what it got.
    for at, got in re.findall(r"vector\(\d+\)\", time: (\w+),\s*exp: ?nil\s*got: ?(.*)", output):
        (number,) = re.findall(r"\{\} ([\d.E+]+)", got)
        firing = [dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels)) for labels in re.findall(r"\{__name__=\"ALERTS\", ([^}]*)\}", got)]
        answers[int(float(number))][in_seconds(at)] = firing
    for (_, times), answer in zip(tests, answers):
        if set(answer) != {in_seconds(at) for at in times}:
            raise SystemExit(f"promtool did not answer:\n{output[:3000]}")
    return answers


def in_seconds(duration):
    return sum(int(amount) * {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}[unit] for amount, unit in re.findall(r"(\d+)([smhdw])", duration))
