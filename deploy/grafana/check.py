"""Runs every query of dashboard.json on a real Prometheus that scraped the real `demo`, and two replicas that share a hub
through Microsoft's emulator of Blob Storage; and draws docs/dashboard.png.

usage: check.py EXPORTER [--seconds 90] [--picture FILE]

Not checked: that Grafana shows it. No Grafana server is used; the dashboard is checked for its structure.
"""
import argparse
import json
import os
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

HERE = Path(__file__).resolve().parent
# Panels that are empty while all is well -> why.
EMPTY = {"Reopened links, by cause": "a healthy demo loses no link"}
STEP = 5
AZURITE = HERE.parents[1] / "tests/interop/azurite/node_modules/.bin/azurite-blob"
# Short, so that the second replica has its share within the time that there is.
REPLICA = {
    "EVENT_HUB__NAMES": "acs-logs", "EVENT_HUB__CONSUMER_GROUP": "check", "EVENT_HUB__START": "earliest",
    "CHECKPOINT__STORE": "blob", "CHECKPOINT__CONTAINER": "recordings", "CHECKPOINT__INTERVAL": "1s",
    "OWNERSHIP__INTERVAL": "2s", "OWNERSHIP__LEASE": "10s",
}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("exporter", type=Path)
    arguments.add_argument("--seconds", type=int, default=90)
    arguments.add_argument("--picture", type=Path)
    arguments = arguments.parse_args()
    if not AZURITE.exists():
        sys.exit(f"no {AZURITE}: tests/deploy-rules installs it")
    board = json.loads((HERE / "dashboard.json").read_text())
    panels = [panel for row in board["panels"] for panel in (row, *row.get("panels", [])) if panel["type"] != "row"]
    faults = list(structure(board, panels))
    answers = {}
    with tempfile.TemporaryDirectory() as folder:
        exporter, prometheus, hub, blobs, *replicas = [free_port() for _ in range(6)]
        config = Path(folder, "prometheus.yaml")
        config.write_text(json.dumps({
            "global": {"scrape_interval": f"{STEP}s", "scrape_timeout": f"{STEP}s", "evaluation_interval": f"{STEP}s"},
            "rule_files": [str(HERE.parent / "prometheus" / name) for name in ("rules.yaml", "alerts.yaml")],
            "scrape_configs": [{"job_name": "acs-recording-exporter",
                                "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in (exporter, *replicas)]}]}]}))
        log = open(Path(folder, "log"), "w")
        processes = []

        def start(*command, **variables):
            environment = {**os.environ, **{f"ACS_RECORDING_EXPORTER__{name}": value for name, value in variables.items()}}
            processes.append(subprocess.Popen(command, stdout=log, stderr=log, env=environment))

        try:
            start(AZURITE, "--blobHost", "127.0.0.1", "--blobPort", str(blobs), "--inMemoryPersistence", "--silent",
                  "--skipApiVersionCheck", "--loose", "--disableTelemetry")
            start(arguments.exporter, "hub", "--listen", f"127.0.0.1:{hub}", "--event-hub", "acs-logs", "--partitions", "4")
            ways_in = {"EVENT_HUB__CONNECTION_STRING": connection_string(Path(folder, "log")),
                       "CHECKPOINT__CONNECTION_STRING": EMULATED.format(blobs)}
            began = time.time()
            start("prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
                  f"--web.listen-address=127.0.0.1:{prometheus}")
            start(arguments.exporter, "demo", "--listen", f"127.0.0.1:{exporter}")
            start(arguments.exporter, "simulate", "--event-hub", "acs-logs", **ways_in)
            start(arguments.exporter, "run", "--listen", f"127.0.0.1:{replicas[0]}", **REPLICA, **ways_in)
            time.sleep(arguments.seconds / 3)
            start(arguments.exporter, "run", "--listen", f"127.0.0.1:{replicas[1]}", **REPLICA, **ways_in)
            time.sleep(began + arguments.seconds - time.time())
            if any(process.poll() is not None for process in processes):
                sys.exit("ended early:\n" + Path(folder, "log").read_text()[-3000:])
            ask = lambda path, **query: get(f"http://127.0.0.1:{prometheus}/api/v1/{path}?{urllib.parse.urlencode(query)}")
            now = time.time()
            for panel in panels:
                for target in panel["targets"]:
                    query = filled(target["expr"], arguments.seconds)
                    try:
                        result = (ask("query", query=query, time=now) if target.get("instant") else
                                  ask("query_range", query=query, start=began, end=now, step=STEP))["data"]["result"]
                    except ValueError as error:
                        faults.append(f"{panel['title']}: {error}\n  {query}")
                        continue
                    answers.setdefault(panel["title"], []).append((target.get("legendFormat", ""), result))
                    if not any(sample for series in result for sample in numbers(series)) and panel["title"] not in EMPTY:
                        faults.append(f"{panel['title']}: an empty answer\n  {query}")
            firing = ask("alerts")["data"]["alerts"]
            broken = [alert for alert in firing if "error expanding" in str(alert["annotations"])]
            faults += [f"annotations of {alert['labels']['alertname']}: {alert['annotations']}" for alert in broken]
            pages = {alert["labels"]["alertname"] for alert in firing if alert["state"] == "firing"}
            if "AcsRecordingStartFailed" not in pages:
                faults.append(f"the demo fails starts, and AcsRecordingStartFailed does not fire; what does: {pages}")
            wrong = {name for name in pages if "Exporter" in name and name != "AcsRecordingExporterNotUnderstood"}
            faults += [f"{name} fires on a healthy exporter" for name in wrong]
            held = "acs_recording_exporter_leases{held_by='self'}"
            shares = sorted(value for series in ask("query", query=held, time=now)["data"]["result"] for _, value in numbers(series))
            if shares != [2, 2]:
                faults.append(f"two replicas share four partitions as {shares}")
        finally:
            # Those that others depend on go last.
            for process in reversed(processes):
                process.send_signal(signal.SIGTERM)
                process.wait(30)
    if arguments.picture:
        draw(panels, answers, arguments.picture)
    if faults:
        sys.exit("\n".join(faults))
    print(f"{len(panels)} panels, {sum(len(panel['targets']) for panel in panels)} queries answered; firing: {', '.join(sorted(pages))}")


# The account of every emulator; its key is public.
EMULATED = ("DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6"
            "IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;BlobEndpoint=http://127.0.0.1:{}/devstoreaccount1;")


def connection_string(log):
    """What the hub prints when it listens."""
    for _ in range(300):
        for line in log.read_text().splitlines():
            if line.startswith("connection string: "):
                return line.removeprefix("connection string: ")
        time.sleep(0.1)
    sys.exit("the hub does not start:\n" + log.read_text()[-3000:])


def structure(board, panels):
    ids = [panel["id"] for row in board["panels"] for panel in (row, *row.get("panels", [])) if "id" in panel]
    if len(ids) != len(set(ids)):
        yield "two panels have the same id"
    names = {variable["name"] for variable in board["templating"]["list"]}
    if names != {"datasource", "resource", "instance"}:
        yield f"variables are {names}"
    runbooks = {path.stem for path in (HERE.parent / "runbooks").glob("*.md")}
    for panel in panels:
        if not panel.get("targets") or not panel.get("gridPos") or panel["gridPos"]["x"] + panel["gridPos"]["w"] > 24:
            yield f"{panel['title']}: no query, or no place"
        if panel["datasource"] != {"type": "prometheus", "uid": "${datasource}"}:
            yield f"{panel['title']}: another data source"
        for link in panel.get("links", []):
            if link["url"].rsplit("/", 1)[1].removesuffix(".md") not in runbooks:
                yield f"{panel['title']}: no runbook {link['url']}"


def filled(expression, seconds):
    for name, value in (("$__rate_interval", "20s"), ("$__range", f"{seconds}s"), ("$resource", ".*"), ("$instance", ".*")):
        expression = expression.replace(name, value)
    return expression


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


SHOWN = ["Failed requests, by operation and status", "Failed recordings, by end reason", "Failure ratio, by resource",
         "Duration of requests", "95th percentile, by operation", "Recordings, by content, channels and format",
         "Usage, by type", "Records, by disposition", "Time since last verified, by partition"]
COLOURS = ["#73bf69", "#f2cc0c", "#5794f2", "#ff780a", "#f2495c", "#b877d9", "#8ab8ff", "#37872d", "#e0b400", "#c4162a", "#806eb7", "#96d98d"]
BACK, CARD, INK, FAINT = "#111217", "#181b1f", "#ccccdc", "#8e8e9a"


def draw(panels, answers, file):
    """The dashboard's first sight, from what the queries answered; drawn here, not by Grafana."""
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    plt.rcParams.update({"font.family": "DejaVu Sans", "text.color": INK, "axes.labelcolor": INK, "xtick.color": FAINT,
                         "ytick.color": FAINT, "font.size": 9})
    by_title = {panel["title"]: panel for panel in panels}
    figure = plt.figure(figsize=(16, 12.6), facecolor=BACK, dpi=110)
    figure.text(0.02, 0.977, "ACS Call Recording", size=17, weight="bold", va="center")
    figure.text(0.98, 0.977, "resource: All    exporter: All", size=10, color=FAINT, ha="right", va="center")
    every = [pairs for queries in answers.values() for _, result in queries for one in result if "values" in one for pairs in [numbers(one)] if pairs]
    start, end = min(pairs[0][0] for pairs in every), max(pairs[-1][0] for pairs in every)
    stats = [panel for panel in panels if panel["type"] == "stat"]
    for number, panel in enumerate(stats):
        axes = figure.add_axes([0.02 + number * 0.1617, 0.865, 0.1517, 0.085], facecolor=CARD)
        value = numbers(answers[panel["title"]][0][1][0])[0][1] if answers.get(panel["title"]) and answers[panel["title"]][0][1] else 0
        bad = value >= 0.5 if panel["title"].startswith("Failed ") else panel["title"] == "Failure ratio" and value > 0.072
        axes.text(0.5, 0.42, told(round(value) if unit_of(panel) == "short" else value, unit_of(panel)), size=25, weight="bold", color="#f2495c" if bad else "#73bf69", ha="center", va="center")
        axes.text(0.04, 0.83, panel["title"], size=9.5, va="center")
        bare(axes)
    for number, title in enumerate(SHOWN):
        column, row = number % 3, number // 3
        left, bottom = 0.02 + column * 0.3233, 0.59 - row * 0.286
        card = figure.add_axes([left, bottom, 0.3133, 0.262], facecolor=CARD)
        bare(card)
        card.text(0.02, 0.94, title, size=10.5, weight="bold", va="center")
        panel, queries = by_title[title], answers.get(title, [])
        axes = figure.add_axes([left + 0.03, bottom + 0.062, 0.2733, 0.165], facecolor=CARD)
        series = [(named(legend, one["metric"]), numbers(one)) for legend, result in queries for one in result]
        series = sorted((one for one in series if one[1]), key=lambda one: -sum(value for _, value in one[1]))
        if panel["type"] == "heatmap":
            heat(axes, queries[0][1], start)
        elif panel.get("fieldConfig", {}).get("defaults", {}).get("custom", {}).get("drawStyle") == "bars":
            times = sorted({at for _, pairs in series for at, _ in pairs})
            base = dict.fromkeys(times, 0.0)
            for (name, pairs), colour in zip(series, COLOURS * 9):
                axes.bar([at - start for at, _ in pairs], [value for _, value in pairs], STEP * 0.8, [base[at] for at, _ in pairs], color=colour, label=name)
                for at, value in pairs:
                    base[at] += value
        else:
            for (name, pairs), colour in zip(series, COLOURS * 9):
                axes.plot([at - start for at, _ in pairs], [value for _, value in pairs], color=colour, lw=1.6, label=name)
                if len(series) <= 3:
                    axes.fill_between([at - start for at, _ in pairs], [value for _, value in pairs], color=colour, alpha=0.07, lw=0)
            axes.set_ylim(bottom=0)
        for side in axes.spines.values():
            side.set_visible(False)
        axes.grid(axis="y", color="#2c3036", lw=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(length=0, labelsize=8)
        axes.set_xlim(-STEP / 2, end - start + STEP)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: f"{at:.0f} s"))
        if panel["type"] != "heatmap":
            unit = unit_of(panel)
            axes.yaxis.set_major_locator(MaxNLocator(4))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _, unit=unit: told(value, unit)))
            shown = min(len(series), 6)
            handles, labels = axes.get_legend_handles_labels()
            labels = [label if len(label) < 30 else "…" + label[-28:] for label in labels[:shown]]
            if len(series) > shown and labels:
                labels[-1] += f"   (+ {len(series) - shown} more)"
            card.legend(handles[:shown], labels, loc="lower left", ncols=3 if max(map(len, labels), default=0) < 24 else 2,
                        frameon=False, fontsize=7.2, handlelength=1, labelcolor=INK, columnspacing=1.2, bbox_to_anchor=(0, -0.02))
    figure.savefig(file, facecolor=BACK)


def heat(axes, result, start):
    """Buckets hold what is below them; a cell shows what is new in its bucket."""
    bounds = sorted(result, key=lambda one: float(one["metric"]["le"].replace("+Inf", "inf")))
    times = [at for at, _ in numbers(bounds[-1])]
    rows, below = [], dict.fromkeys(times, 0.0)
    for one in bounds:
        values = dict(numbers(one))
        rows.append([max(values.get(at, 0) - below[at], 0) or float("nan") for at in times])
        below = {at: values.get(at, 0) for at in times}
    edges = [at - start for at in times] + [times[-1] - start + STEP]
    axes.pcolormesh(edges, range(len(rows) + 1), rows, cmap="inferno", edgecolors=CARD, linewidth=1)
    axes.set_yticks([n + 0.5 for n in range(len(rows))], [one["metric"]["le"].replace("+Inf", "∞") for one in bounds])


def bare(axes):
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_color("#2c3036")


def unit_of(panel):
    return panel.get("fieldConfig", {}).get("defaults", {}).get("unit", "short")


def told(value, unit):
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    suffix = {"s": " s", "reqps": "/s"}.get(unit, "")
    return f"{value:.0f}{suffix}" if value >= 10 or value == int(value) else f"{value:.2g}{suffix}"


def named(legend, metric):
    for label, value in metric.items():
        legend = legend.replace("{{" + label + "}}", value)
    return legend or "value"


main()
