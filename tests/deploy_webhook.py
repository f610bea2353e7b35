"""Alertmanager's webhook: prints every alert of every notification with its time, and adds it to a file as a line of JSON.

usage: deploy_webhook.py PORT FILE
"""
import http.server
import json
import sys
import time


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open(sys.argv[2], "a") as lines:
            for alert in message["alerts"]:
                lines.write(json.dumps({"at": time.time(), **alert}) + "\n")
                print(f"{time.strftime('%H:%M:%S')} {alert['status']} {alert['labels']}\n  {alert['annotations']['summary']}", flush=True)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
