"""Draws the pictures of this folder: the page of a real exporter, in four states, as Chromium shows it.

usage: pictures.py EXPORTER [--minutes 5] [--state STATE]

Each state has a local Event Hub, simulated calls, an exporter and a scraper of its own, and all run at the same time. Needs
the programs `chromium` and `pngquant`.
"""
import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
WIDTHS = {1280: 1250, 390: 1700}
SCHEMES = {"light": 1, "dark": 0}
VARIABLES = {
    "EVENT_HUB__NAMES": "insights-logs-callrecording", "EVENT_HUB__CONSUMER_GROUP": "exporter",
    "EVENT_HUB__START": "earliest", "METRICS__RESOURCES": "contoso-contact-center", "DELIVERY__START_GATE": "30s",
    "WATCHDOG__INTERVAL": "5s", "WATCHDOG__DEAD_AFTER": "30s", "HTTP__RUNBOOKS_URL": "https://wiki.contoso.com/runbooks",
}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("exporter", type=Path)
    arguments.add_argument("--minutes", type=float, default=5)
    arguments.add_argument("--state", choices=STATES, action="append", dest="states")
    arguments = arguments.parse_args()
    scenes = [scene for scene in STATES if not arguments.states or scene in arguments.states]
    faults = []

    def run(name):
        try:
            with Scene(arguments.exporter, name) as scene:
                STATES[name](scene, arguments.minutes * 60)
        except Exception as fault:  # of any thread: the others go on
            faults.append(f"{name}: {fault!r}")

    threads = [threading.Thread(target=run, args=[name]) for name in scenes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.exit("\n".join(faults) or 0)


def healthy(scene, seconds):
    scene.simulate(4)
    time.sleep(seconds)
    scene.pictures("reading")


def stuck(scene, seconds):
    scene.simulate(4)
    time.sleep(seconds)
    scene.fault("event-hubs/insights-logs-callrecording/partitions/2/freeze?on=true")
    time.sleep(60)
    scene.pictures("not_ready")


def unauthorized(scene, seconds):
    scene.simulate(4)
    time.sleep(seconds)
    scene.fault("refuse-tokens?status=401")
    scene.fault("sever-connections")
    time.sleep(10)
    scene.pictures("not_ready")


def behind(scene, seconds):
    """The exporter is paused, as a machine that sleeps is, and catches up."""
    scene.simulate(4)
    time.sleep(seconds - 150)
    scene.exporter.send_signal(signal.SIGSTOP)
    scene.simulate(80)
    time.sleep(150)
    scene.exporter.send_signal(signal.SIGCONT)
    scene.pictures("behind")


STATES = {"healthy": healthy, "stuck": stuck, "unauthorized": unauthorized, "behind": behind}


class Scene:
    def __init__(self, program, name):
        self.program, self.name, self.processes = program, name, []
        self.port, self.hub, self.admin = free_port(), free_port(), free_port()

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.log = open(Path(self.folder.name, "log"), "w+")
        self.start("hub", "--listen", f"127.0.0.1:{self.hub}", "--event-hub", VARIABLES["EVENT_HUB__NAMES"],
                   "--partitions", "4", "--admin", f"127.0.0.1:{self.admin}")
        self.connection = wait(self.connection_string)
        variables = {**VARIABLES, "EVENT_HUB__CONNECTION_STRING": self.connection}
        environment = {f"ACS_RECORDING_EXPORTER__{key}": value for key, value in variables.items()}
        self.exporter = self.start("run", "--listen", f"127.0.0.1:{self.port}", **environment)
        self.ends = threading.Event()
        threading.Thread(target=self.scrape, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        for process in self.processes:
            process.kill()
            process.wait()

    def start(self, *arguments, **environment):
        process = subprocess.Popen([self.program, *arguments], stdout=self.log, stderr=subprocess.STDOUT,
                                   env={**os.environ, **environment})
        self.processes.append(process)
        return process

    def connection_string(self):
        written = Path(self.folder.name, "log").read_text()
        return re.search("^connection string: (.*)$", written, re.MULTILINE).group(1)

    def simulate(self, calls_per_second):
        self.start("simulate", "--event-hub", VARIABLES["EVENT_HUB__NAMES"], "--calls-per-second", str(calls_per_second),
                   ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING=self.connection)

    def fault(self, path):
        post = urllib.request.Request(f"http://127.0.0.1:{self.admin}/{path}", method="POST",
                                      headers={"X-Event-Hub-Emulator": "1"})
        urllib.request.urlopen(post).read()

    def scrape(self):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/metrics",
                                         headers={"X-Prometheus-Scrape-Timeout-Seconds": "5"})
        while not self.ends.wait(5):
            try:
                urllib.request.urlopen(request, timeout=5).read()
            except OSError:
                pass  # as Prometheus does: it comes again

    def status(self):
        return json.load(urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/status", timeout=5))

    def pictures(self, state):
        """Keeps the page once the exporter is in a state, and draws it."""
        def kept():
            assert self.status()["state"] == state
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5).read()

        page = Path(self.folder.name, "page.html")
        page.write_bytes(wait(kept))
        for width, height in WIDTHS.items():
            for scheme, number in SCHEMES.items():
                draw(page, HERE / f"{self.name}-{width}-{scheme}.png", width, height, number)


def draw(page, picture, width, height, scheme):
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
                        "--disable-background-networking", "--disable-component-update", "--disable-sync",
                        f"--user-data-dir={profile}", f"--blink-settings=preferredColorScheme={scheme}",
                        f"--window-size={width},{height}", f"--screenshot={picture}", page.as_uri()],
                       check=True, capture_output=True, timeout=120)
    subprocess.run(["pngquant", "--force", "--ext", ".png", "64", str(picture)], check=True)


def wait(ask, seconds=120):
    """Asks again until there is an answer."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return ask()
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


if __name__ == "__main__":
    main()
