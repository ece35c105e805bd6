"""The real programs: the processes under test, and the sandbox that stands in for Zoho."""

import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import time

from . import Broken
from .load import INTAKE_KEY

CRON_SECRET = "kill-test-cron-secret-0123456789"
EXIT_SECONDS_MAX = 20


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def call(port, method, path, body=None, headers=None, timeout=60):
    """One request on a connection of its own: (status, headers, body)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


class Process:
    """One process of the program, by its roles; None: all of them."""

    def __init__(self, programs, roles):
        self.programs, self.roles, self.running = programs, roles, None

    @property
    def name(self):
        return self.roles or "serve"

    def start(self):
        command = [self.programs.binary, "serve"] + (["--role", self.roles] if self.roles else [])
        self.running = subprocess.Popen(command, cwd=self.programs.folder, env=self.programs.environment,
                                        stdout=self.programs.log, stderr=self.programs.log)
        if self.roles is None or "web" in self.roles:
            wait_until(lambda: call(self.programs.port, "GET", "/readyz", timeout=5)[0] == 200, self.running, "the server")

    def kill(self):
        self.must_run()
        self.running.send_signal(signal.SIGKILL)
        self.running.wait()

    def terminate(self):
        """SIGTERM: ends within 20 s, with exit code 0. Tells how long it took."""
        self.must_run()
        began = time.monotonic()
        self.running.send_signal(signal.SIGTERM)
        try:
            code = self.running.wait(timeout=EXIT_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            raise Broken(f"after SIGTERM `{self.name}` still runs after {EXIT_SECONDS_MAX} s")
        if code != 0:
            raise Broken(f"after SIGTERM `{self.name}` ended with exit code {code}")
        return time.monotonic() - began

    def must_run(self):
        if self.running.poll() is not None:
            raise Broken(f"`{self.name}` ended by itself, with exit code {self.running.returncode}")


class Programs:
    """Everything that runs, and where to reach it."""

    def __init__(self, binary, folder, database, fleet):
        self.binary, self.folder, self.port, self.sandbox_port = binary, folder, free_port(), free_port()
        sandbox = f"http://127.0.0.1:{self.sandbox_port}"
        foreign = ("ROCKET_", "THROUGHLINE_", "ZOHO_", "STRIPE_", "DATABASE_")
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        self.environment.update(
            DATABASE_URL=database.program_url, ROCKET_ADDRESS="127.0.0.1", ROCKET_PORT=str(self.port),
            THROUGHLINE_PUBLIC_URL=f"http://127.0.0.1:{self.port}", THROUGHLINE_INTAKE_LIMIT="off", THROUGHLINE_INTAKE_KEY=INTAKE_KEY,
            THROUGHLINE_ENCRYPTION_KEY=base64.b64encode(os.urandom(32)).decode(), THROUGHLINE_CRON_SECRET=CRON_SECRET,
            ZOHO_CLIENT_ID="kill-test", ZOHO_CLIENT_SECRET="kill-test", ZOHO_ACCOUNTS_URL=sandbox, ZOHO_API_URL=sandbox)
        self.log = open(os.path.join(folder, "serve.log"), "ab")
        self.sandbox = None
        roles = ["web", "worker", "worker", "scheduler"] if fleet else [None]
        self.processes = [Process(self, one) for one in roles]
        self.web = self.processes[0]

    @property
    def workers(self):
        return [process for process in self.processes if process.roles is None or process.roles == "worker"]

    def start(self):
        self.start_sandbox()
        subprocess.run([self.binary, "migrate"], cwd=self.folder, env=self.environment, check=True, stdout=self.log, stderr=self.log)
        for process in self.processes:
            process.start()
        self.connect_zoho()

    def start_sandbox(self):
        log = open(os.path.join(self.folder, "sandbox.log"), "ab")
        self.sandbox = subprocess.Popen([self.binary, "sandbox", "--port", str(self.sandbox_port)], cwd=self.folder, env=self.environment,
                                        stdin=subprocess.PIPE, stdout=log, stderr=log)
        wait_until(lambda: call(self.sandbox_port, "GET", "/__health")[0] == 200, self.sandbox, "the sandbox")

    def connect_zoho(self):
        body = json.dumps({"client_id": "kill-test", "client_secret": "kill-test", "refresh_token": "sandbox"})
        status, _, answer = call(self.port, "POST", "/api/zoho-auth", body, self.cron_headers())
        if status not in (200, 201):
            raise Broken(f"/api/zoho-auth answered {status}: {answer[:300]}")

    def ledger(self):
        return json.loads(call(self.sandbox_port, "GET", "/__ledger/zoho/crm/leads")[2])

    def sweep(self):
        """Asks for what is left to be delivered; the schedules would do so by themselves, later."""
        try:
            call(self.port, "POST", "/api/outbox/run", "{}", self.cron_headers(), timeout=70)
        except (OSError, http.client.HTTPException):
            pass

    @staticmethod
    def cron_headers():
        return {"Content-Type": "application/json", "Authorization": "Bearer " + CRON_SECRET}

    def all_must_run(self):
        for process in self.processes:
            process.must_run()

    def end(self):
        for program in [process.running for process in self.processes] + [self.sandbox]:
            if program and program.poll() is None:
                program.kill()
                program.wait()


def wait_until(is_so, program, name, seconds=60):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if program.poll() is not None:
            raise Broken(f"{name} ended with exit code {program.returncode} instead of starting")
        try:
            if is_so():
                return
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.05)
    raise Broken(f"{name} was not ready within {seconds} s")
