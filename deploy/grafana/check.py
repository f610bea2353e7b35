"""Checks dashboard.json: that it is what the mixin renders, that it fits Grafana's schema, and that every query has an answer on a
real Prometheus that scraped the real `demo`, and two replicas that share a hub through Microsoft's emulator of Blob Storage.

usage: check.py EXPORTER [--seconds 90] [--picture FILE]     the picture is drawn from the answers: see picture.py

Not checked: that Grafana shows it, since there is no Grafana server here.
"""
import argparse
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

HERE = Path(__file__).resolve().parent
STEP = 5
AZURITE = HERE.parents[1] / "tests/interop/azurite/node_modules/.bin/azurite-blob"
# Short, so that the second replica has its share within the time that there is.
REPLICA = {
    "EVENT_HUB__NAMES": "acs-logs", "EVENT_HUB__CONSUMER_GROUP": "check", "EVENT_HUB__START": "earliest",
    "CHECKPOINT__STORE": "blob", "CHECKPOINT__CONTAINER": "recordings", "CHECKPOINT__INTERVAL": "1s",
    "OWNERSHIP__INTERVAL": "2s", "OWNERSHIP__LEASE": "10s",
}
# The account of every emulator; its key is public.
EMULATED = ("DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6"
            "IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;BlobEndpoint=http://127.0.0.1:{}/devstoreaccount1;")
# The mixin with another repository: its links must follow.
ELSEWHERE = "https://git.contoso.com/fork"
MIXIN = """
  local mixin = import 'mixin.libsonnet';
  local elsewhere = mixin + { _config+:: { repository: '%s' } };
  {
    config: mixin._config,
    groups: mixin.prometheusRules.groups + mixin.prometheusAlerts.groups,
    dashboard: mixin.grafanaDashboards['acs-recording-exporter.json'],
    elsewhere: elsewhere.grafanaDashboards['acs-recording-exporter.json'],
  }
""" % ELSEWHERE


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("exporter", type=Path)
    arguments.add_argument("--seconds", type=int, default=90)
    arguments.add_argument("--picture", type=Path)
    arguments = arguments.parse_args()
    if not AZURITE.exists():
        sys.exit(f"no {AZURITE}: tests/deploy-rules installs it")
    rendered = subprocess.run(["jsonnet", "-e", MIXIN], cwd=HERE.parent / "prometheus", check=True, capture_output=True).stdout
    mixin = json.loads(rendered)
    board = json.loads((HERE / "dashboard.json").read_text())
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    if faults := schema(board) or [*structure(board, panels, mixin), *limits(panels, mixin)]:
        sys.exit("\n".join(faults))
    with running(arguments.exporter, mixin["groups"], arguments.seconds) as (ask, began):
        began += (time.time() - began) / 10  # ratios of the first few requests mean nothing
        answers, more = answered(panels, ask, began)
        faults = [*more, *filters(board, panels, ask, mixin["config"]["installation"]), *alerts(ask), *shares(ask)]
    if arguments.picture:
        from picture import draw
        draw(board, answers, began, arguments.picture)
    if faults:
        sys.exit("\n".join(faults))
    print(f"{len(panels)} panels, {sum(len(panel['targets']) for panel in panels)} queries answered")


def structure(board, panels, mixin):
    if board != mixin["dashboard"]:
        yield "dashboard.json is not what the mixin renders: jsonnet -m . render.jsonnet"
    if len({panel["id"] for panel in board["panels"]}) < len(board["panels"]):
        yield "two panels have the same id"
    runbooks = {path.stem for path in (HERE.parent / "runbooks").glob("*.md")}
    for url in urls(board):
        if not url.startswith(mixin["config"]["runbooks"]) or Path(url).stem not in runbooks:
            yield f"no runbook: {url}"
    for url in urls(mixin["elsewhere"]):
        if not url.startswith(ELSEWHERE):
            yield f"a link that does not follow the repository: {url}"
    for panel in panels:
        if not panel["title"] or not panel["description"] or not panel["links"] or not panel["targets"]:
            yield f"{panel['title']}: no title, description, runbook or query"
        if panel["gridPos"]["x"] + panel["gridPos"]["w"] > 24:
            yield f"{panel['title']}: wider than the page"


def urls(board):
    """The links of all runbooks."""
    return [link["url"] for linked in (board, *board["panels"]) for link in linked.get("links", [])]


def schema(board):
    """Nulls, on which Grafana 12 stumbles; and what Grafana's own types do not know."""
    if faults := list(nulls(board, "dashboard.json")):
        return faults
    plugins.register_default_plugins()
    return list(unknown(board, json.loads(JSONEncoder().encode(Dashboard.from_json(board))), "dashboard.json"))


def nulls(value, path):
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
    for key, one in inside:
        yield from nulls(one, f"{path}.{key}")
    if value is None and not path.endswith(".steps.0.value"):  # the first threshold begins at minus infinity
        yield f"{path} is null"


def unknown(ours, known, path):
    """What is lost or changed if Grafana's types read it. What they add are defaults."""
    if isinstance(ours, dict) and isinstance(known, dict):
        yield from (f"{path}.{key}: Grafana does not know it" for key in ours.keys() - known.keys())
        for key in ours.keys() & known.keys():
            yield from unknown(ours[key], known[key], f"{path}.{key}")
    elif isinstance(ours, list) and isinstance(known, list) and len(ours) == len(known):
        for number, (one, other) in enumerate(zip(ours, known)):
            yield from unknown(one, other, f"{path}.{number}")
    elif ours != known:
        yield f"{path}: {ours}, which Grafana reads as {known}"


def limits(panels, mixin):
    """A limit that a panel draws must be one of its alert, or a value of the configuration."""
    rules = {rule.get("alert") or rule["record"]: rule["expr"] for group in mixin["groups"] for rule in group["rules"]}
    config = mixin["config"]
    known = {config["objective"], *(burn["factor"] for speed in config["burn"].values() for burn in speed)}
    for panel in panels:
        alert = Path(panel["links"][0]["url"]).stem
        if alert not in rules:
            yield f"{panel['title']}: no alert {alert}"
            continue
        exprs = [rules[alert]] + [rules[name] for name in re.findall(r"acs_\w+(?::\w+)+", rules[alert])]
        compared = {float(number) for expr in exprs for number in re.findall(r"[<>]=? ([\d.]+)", expr)}
        for step in panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", [])[1:]:
            if step["value"] not in known | compared and (step["value"], panel["type"]) != (0.5, "stat"):
                yield f"{panel['title']}: a limit of {step['value']}, and {alert} compares with {sorted(compared)}"


def answered(panels, ask, began):
    """What the queries of each panel answer, by title; and what is wrong with it."""
    answers, faults, now = {}, [], time.time()
    width = max(15, round((now - began) / 60))
    for panel in panels:
        for target in panel["targets"]:
            step = width if "interval" in target else STEP
            query = filled(target["expr"], {"__range": f"{now - began:.0f}s", "__rate_interval": f"{step + STEP}s"})
            try:
                result = (ask("query", query=query, time=now) if target["instant"] else
                          ask("query_range", query=query, start=began, end=now, step=step))["data"]["result"]
            except ValueError as error:
                faults.append(f"{panel['title']}: {error}\n  {query}")
                continue
            answers.setdefault(panel["title"], []).append((target["legendFormat"], result))
            # Faults that the demo does not have are hidden while they are 0.
            hidden = query.removesuffix(" > 0")
            if not any(numbers(series) for series in ask("query", query=hidden, time=now)["data"]["result"]):
                faults.append(f"{panel['title']}: an empty answer\n  {hidden}")
    return answers, faults


def filled(expression, times):
    """With "All" in every variable."""
    return re.sub(r"\$(\w+)", lambda name: times.get(name[1], ".*"), expression)


def filters(board, panels, ask, installation):
    """Every query must filter by each variable whose label its series have, or may have."""
    variables = {variable["name"] for variable in board["templating"]["list"]} - {"datasource"}
    for panel in panels:
        for target in panel["targets"]:
            for name, matchers in re.findall(r"\b(acs_\w+(?::\w+)*)(\{[^}]*\})?", target["expr"]):
                found = ask("series", **{"match[]": name})["data"]
                labels = {label for series in found for label in series} | set(installation)
                for label in variables & labels:
                    if f'{label}=~"${label}"' not in matchers:
                        yield f"{panel['title']}: {name} is not filtered by {label}"


def alerts(ask):
    firing = ask("alerts")["data"]["alerts"]
    for alert in firing:
        if "error expanding" in str(alert["annotations"]):
            yield f"annotations of {alert['labels']['alertname']}: {alert['annotations']}"
    names = {alert["labels"]["alertname"] for alert in firing if alert["state"] == "firing"}
    if "AcsRecordingStartFailed" not in names:
        yield f"the demo fails starts, and AcsRecordingStartFailed does not fire; what does: {names}"
    for name in names:
        if "Exporter" in name:
            yield f"{name} fires on a healthy exporter"


def shares(ask):
    held = ask("query", query="acs_recording_exporter_leases{held_by='self'}")["data"]["result"]
    partitions = sorted(value for series in held for _, value in numbers(series))
    if partitions != [2, 2]:
        yield f"two replicas share four partitions as {partitions}"


@contextlib.contextmanager
def running(exporter, groups, seconds):
    """A Prometheus that has scraped everything for so many seconds: how to ask it, and when it began."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        demo, prometheus, hub, blobs, *replicas = [free_port() for _ in range(6)]
        output = Path(folder, "log")
        log = stack.enter_context(output.open("w"))
        processes = []

        def start(*command, **variables):
            environment = {**os.environ, **{f"ACS_RECORDING_EXPORTER__{name}": value for name, value in variables.items()}}
            processes.append(subprocess.Popen(command, stdout=log, stderr=log, env=environment))
            # Those that others depend on go last.
            stack.callback(lambda process: process.wait(30), processes[-1])
            stack.callback(processes[-1].send_signal, signal.SIGTERM)

        config = written(folder, groups, [f"127.0.0.1:{port}" for port in (demo, *replicas)])
        start(AZURITE, "--blobHost", "127.0.0.1", "--blobPort", str(blobs), "--inMemoryPersistence", "--silent",
              "--skipApiVersionCheck", "--loose", "--disableTelemetry")
        start(exporter, "hub", "--listen", f"127.0.0.1:{hub}", "--event-hub", "acs-logs", "--partitions", "4")
        ways_in = {"EVENT_HUB__CONNECTION_STRING": connection_string(output),
                   "CHECKPOINT__CONNECTION_STRING": EMULATED.format(blobs)}
        began = time.time()
        start("prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
              f"--web.listen-address=127.0.0.1:{prometheus}")
        start(exporter, "demo", "--listen", f"127.0.0.1:{demo}")
        start(exporter, "simulate", "--event-hub", "acs-logs", **ways_in)
        start(exporter, "run", "--listen", f"127.0.0.1:{replicas[0]}", **REPLICA, **ways_in)
        time.sleep(min(seconds / 3, 60))
        start(exporter, "run", "--listen", f"127.0.0.1:{replicas[1]}", **REPLICA, **ways_in)
        time.sleep(began + seconds - time.time())
        if any(process.poll() is not None for process in processes):
            sys.exit("ended early:\n" + output.read_text()[-3000:])
        yield (lambda path, **query: get(f"http://127.0.0.1:{prometheus}/api/v1/{path}?{urllib.parse.urlencode(query)}")), began


def written(folder, groups, targets):
    """The configuration of Prometheus. All groups of rules are evaluated often, so that each has a value in time."""
    rules, config = Path(folder, "rules.json"), Path(folder, "prometheus.json")
    rules.write_text(json.dumps({"groups": [{"name": group["name"], "rules": group["rules"]} for group in groups]}))
    config.write_text(json.dumps({
        "global": {"scrape_interval": f"{STEP}s", "scrape_timeout": f"{STEP}s", "evaluation_interval": f"{STEP}s"},
        "rule_files": [str(rules)],
        "scrape_configs": [{"job_name": "acs-recording-exporter", "static_configs": [{"targets": targets}]}]}))
    return config


def connection_string(log):
    """What the hub prints when it listens."""
    for _ in range(300):
        for line in log.read_text().splitlines():
            if line.startswith("connection string: "):
                return line.removeprefix("connection string: ")
        time.sleep(0.1)
    sys.exit("the hub does not start:\n" + log.read_text()[-3000:])


def numbers(series):
    pairs = series.get("values") or [series["value"]]
    return [(at, float(value)) for at, value in pairs if value not in ("NaN", "+Inf", "-Inf")]


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise ValueError(error.read().decode()) from None


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


if __name__ == "__main__":
    main()
