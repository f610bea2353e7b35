"""Given the account's connection string, prints the URL of the container with a shared access signature for an hour, which
lets do all but delete the container."""

import base64
import datetime
import hashlib
import hmac
import sys
import urllib.parse

PARTS = dict(part.split("=", 1) for part in sys.argv[1].split(";") if part)
CONTAINER, VERSION = "leases", "2020-12-06"


def signature():
    """A service SAS of the container; the fields in their order are those of Microsoft's page on it."""
    expiry = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    given = {"sp": "racwdl", "se": expiry.strftime("%Y-%m-%dT%H:%M:%SZ"), "sv": VERSION, "sr": "c"}
    resource = f"/blob/{PARTS['AccountName']}/{CONTAINER}"
    fields = [given["sp"], "", given["se"], resource, "", "", "", VERSION, "c", "", "", "", "", "", "", ""]
    key = base64.b64decode(PARTS["AccountKey"])
    digest = hmac.new(key, "\n".join(fields).encode(), hashlib.sha256).digest()
    return urllib.parse.urlencode({**given, "sig": base64.b64encode(digest).decode()})


print(f"{PARTS['BlobEndpoint']}/{CONTAINER}?{signature()}")
