"""Servers for the tests, each with its own data directory."""

import contextlib
import json
import re
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def serve(program, *options):
    """Runs a server over the sample corpus; yields its address once it is ready."""
    with tempfile.TemporaryDirectory() as data:
        log = Path(data, "log")
        command = [program, "serve", "--corpus", "corpus", "--listen", "127.0.0.1:0"]
        command += ["--data-dir", str(Path(data, "data")), *options]
        with log.open("w") as out:
            process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT)
        try:
            yield wait_until_ready(process, log)
        finally:
            process.terminate()
            process.wait()


def wait_until_ready(process, log):
    for _ in range(3000):
        if process.poll() is not None:
            raise RuntimeError(f"the server did not start:\n{log.read_text()}")
        found = re.search(r"http://[0-9.:]+", log.read_text())
        if found:
            with contextlib.suppress(urllib.error.HTTPError):
                with urllib.request.urlopen(found[0] + "/readyz"):
                    return found[0]
        time.sleep(0.2)
    raise RuntimeError("the server was not ready in time")


def new_key(program, folder, name, scope):
    """Creates a key; returns it and the file that lists it."""
    keys = Path(folder, "keys.toml")
    command = [program, "keys", "new", "--json", "--name", name, "--scope", scope]
    command += ["--keys-file", str(keys)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(printed)["key"], keys
