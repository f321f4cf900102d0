"""Sections of the probe about keys and credentials. Runs on the host; secrets are searched for there, never sent."""

from __future__ import annotations

import base64
import contextlib
import http.client
import re
import ssl
import subprocess
from pathlib import Path
from typing import Any

from tests.hosts.probes.common import TIMEOUT_SECONDS, Request, processes, program_of, run, stated

JOURNAL_LINES = "20000"
SHORTEST_SECRET = 8  # shorter words would be found by chance
SECRET = re.compile(r"""(?:"password"\s*:\s*"|://[^:/\s"]+:)([^"@\s]+)["@]""")


def certificates(request: Request) -> dict[str, dict[str, Any]]:
    """Certificate and public key of each service; the private key stays where it is."""
    root = Path(request["tls_directory"])
    found = {}
    for folder in sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []:
        key, certificate = folder / "key.pem", folder / "cert.pem"
        found[folder.name] = {
            "key_file": {name: value for name, value in stated(str(key)).items() if name != "sha1"},
            "certificate": certificate.read_text(),
            "public_key": run("openssl", "pkey", "-in", str(key), "-pubout"),
        }
    return found


def endpoints(request: Request) -> dict[str, dict[str, Any]]:
    """How each TLS service answers a stranger, a host without password, and one with a wrong password."""
    found = {}
    for endpoint in request["endpoints"]:
        folder = Path(request["tls_directory"], endpoint["service"])
        pair = (str(folder / "cert.pem"), str(folder / "key.pem"))
        ask = [
            ("plain_http", None, None),
            ("stranger", False, None),
            ("host_without_password", pair, None),
            ("host_with_wrong_password", pair, "prometheus:no-such-password"),
        ]
        found[endpoint["service"]] = {
            name: _asked(request["authority"], endpoint, identity, login) for name, identity, login in ask
        }
    return found


def _asked(authority: str, endpoint: Request, identity: Any, login: str | None) -> str:
    """The HTTP status of the service's metrics page, or why there was none."""
    address, port = endpoint["address"], endpoint["port"]
    connection: http.client.HTTPConnection
    if identity is None:
        connection = http.client.HTTPConnection(address, port, timeout=TIMEOUT_SECONDS)
    else:
        context = ssl.create_default_context(cafile=authority)
        if identity:
            context.load_cert_chain(*identity)
        connection = http.client.HTTPSConnection(address, port, timeout=TIMEOUT_SECONDS, context=context)
    headers = {"Authorization": "Basic " + base64.b64encode(login.encode()).decode()} if login else {}
    try:
        connection.request("GET", "/metrics", headers=headers)
        return str(connection.getresponse().status)
    except ssl.SSLError as error:
        return f"TLS: {error.reason}"
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}"
    finally:
        connection.close()


def secrecy(request: Request) -> dict[str, Any]:
    """Whether a credential that this host holds stands where others can read it."""
    secrets = {secret for path in request["secret_files"] for secret in _secrets_in(Path(path))}
    wanted = [secret.encode() for secret in secrets]
    leaks = []
    for process in processes():
        for name in ("cmdline", "environ"):
            with contextlib.suppress(OSError):
                content = (process / name).read_bytes()
                if any(secret in content for secret in wanted):
                    leaks.append(f"{name} of {program_of(process)} ({process.name})")
    with subprocess.Popen(
        ["journalctl", "-n", JOURNAL_LINES, "-o", "cat", "--no-pager"], stdout=subprocess.PIPE
    ) as reader:
        assert reader.stdout is not None
        leaks += [
            f"the journal: …{line[:20]!r}…" for line in reader.stdout if any(secret in line for secret in wanted)
        ][:5]
    return {"known": len(secrets), "leaks": leaks}


def _secrets_in(path: Path) -> set[str]:
    """Passwords of a JSON or YAML file, or the whole of a password file."""
    text = path.read_text()
    found = set(SECRET.findall(text))
    if path.suffix == ".password":
        found.add(text.strip())
    return {secret for secret in found if len(secret) >= SHORTEST_SECRET}
