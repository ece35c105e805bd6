"""A real SMTP server for the tests: aiosmtpd behind STARTTLS, TLS and neither, with a certificate of its own making.

It prints one line of JSON when it listens and one for each mail it took, and ends when its standard input does. What it does
with a mail is said by the recipient's name:

    gone@…    550 to the recipient
    later@…   451 to the content the first time, then taken
    cut@…     taken the first time, and the connection cut without an answer; then taken and answered
"""

import asyncio
import json
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult

USER, PASSWORD = b"desk@example.com", b"p/ss w:rd#"


def certificate(folder):
    """A certificate authority of our own, and a certificate of it for this machine."""
    run = lambda *words: subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)
    (folder / "leaf.ext").write_text("basicConstraints=CA:FALSE\nsubjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    run("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Throughline tests")
    run("req", *new_key, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=localhost")
    run("x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-out", "leaf.pem",
        "-extfile", "leaf.ext")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "leaf.pem", folder / "leaf.key")
    return context


class Handler:
    def __init__(self):
        self.seen = set()
        self.sessions = {}

    def first(self, word, envelope):
        message_id = next((line for line in envelope.content.split(b"\r\n") if line.lower().startswith(b"message-id:")), b"")
        is_first = (word, message_id) not in self.seen
        self.seen.add((word, message_id))
        return is_first

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("gone@"):
            return "550 5.1.1 <%s>: no such user here" % address
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        name = envelope.rcpt_tos[0].split("@")[0]
        if name == "later" and self.first(name, envelope):
            return "451 4.7.1 Greylisted, try again in a minute"
        number = self.sessions.setdefault(id(session), len(self.sessions) + 1)
        print(json.dumps({
            "from": envelope.mail_from, "to": envelope.rcpt_tos, "content": envelope.content.decode("ascii"),
            "tls": server.transport.get_extra_info("sslcontext") is not None, "signed_in": bool(session.authenticated), "session": number,
        }), flush=True)
        if name == "cut" and self.first(name, envelope):
            server.transport.abort()
        return "250 2.0.0 OK: queued"


def authenticate(server, session, envelope, mechanism, data):
    # Not handled: the library answers 535 where it is wrong.
    return AuthResult(success=(data.login, data.password) == (USER, PASSWORD), handled=False)


async def main():
    with tempfile.TemporaryDirectory() as folder:
        context, handler, loop = certificate(Path(folder)), Handler(), asyncio.get_running_loop()
        common = {"hostname": "smtp.test", "ident": "tests", "loop": loop}
        secured = {"authenticator": authenticate, "auth_required": True, **common}

        async def listen(**options):
            tls = options.pop("ssl", None)
            server = await loop.create_server(lambda: SMTP(handler, **options), "127.0.0.1", 0, ssl=tls)
            return server.sockets[0].getsockname()[1]

        ports = {
            "starttls": await listen(tls_context=context, require_starttls=True, **secured),
            "tls": await listen(ssl=context, auth_require_tls=False, **secured),
            "plain": await listen(**common),
        }
        print(json.dumps({**ports, "ca": str(Path(folder) / "ca.pem")}), flush=True)
        await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
