"""Clients that post one lead after another and write down what they were told."""

import collections
import http.client
import json
import socket
import threading
import time
import uuid

from . import Broken

# Thousands of leads that read alike come from one address: without the seller's own key they would be held as spam.
INTAKE_KEY = "the-load-of-kill-test"


def connect(port):
    """A connection that is kept, and whose requests leave at once."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


class Load:
    """Posts until it is stopped. Keeps what was acknowledged, what broke off, and what should never be answered."""

    def __init__(self, port, clients, pause_s):
        self.port, self.pause_s = port, pause_s
        self.acknowledged, self.broken, self.answers, self.odd = {}, {}, collections.Counter(), []
        self.latencies, self.lock, self.stopping = [], threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.client, daemon=True) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def client(self):
        connection = None
        while not self.stopping.is_set():
            address = uuid.uuid4().hex + "@example.com"
            body = json.dumps({"name": "Ada Lovelace", "email": address, "message": "x" * 200, "source": "kill-test"})
            began = time.monotonic()
            try:
                if connection is None:
                    connection = connect(self.port)
            except OSError:
                # Nobody listens: nothing was sent.
                connection = None
                time.sleep(0.05)
                continue
            try:
                connection.request("POST", "/api/store-lead", body, {"Content-Type": "application/json", "X-Intake-Key": INTAKE_KEY})
                answer = connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException) as cause:
                with self.lock:
                    self.broken[address] = repr(cause)
                connection.close()
                connection = None
                continue
            self.note(address, answer, text, time.monotonic() - began)
            if answer.will_close:
                connection.close()
                connection = None
            time.sleep(self.pause_s if answer.status == 201 else 0.2)

    def note(self, address, answer, text, seconds):
        with self.lock:
            self.answers[answer.status] += 1
            if answer.status == 201:
                try:
                    self.acknowledged[address] = str(json.loads(text)["id"])
                    self.latencies.append(seconds)
                except (ValueError, KeyError) as cause:
                    self.odd.append(f"201 with a broken body ({cause}): {text[:200]}")
            elif answer.status != 503 or not answer.headers.get("Retry-After"):
                self.odd.append(f"{answer.status}, Retry-After {answer.headers.get('Retry-After')}: {text[:200]}")

    def count(self):
        with self.lock:
            return len(self.acknowledged)

    def refused(self):
        """How often 503 with Retry-After was answered so far."""
        with self.lock:
            return self.answers[503]

    def forget_broken(self):
        with self.lock:
            self.broken.clear()

    def broken_so_far(self):
        with self.lock:
            return dict(self.broken)

    def none_may_be_broken(self, during):
        broken = self.broken_so_far()
        if broken:
            raise Broken(f"{during} {len(broken)} clients saw no answer at all: {next(iter(broken.values()))}")

    def wait_for_more(self, more, seconds=60):
        wanted, began = self.count() + more, time.monotonic()
        while self.count() < wanted:
            if time.monotonic() > began + seconds:
                raise Broken(f"no {more} leads were acknowledged within {seconds} s")
            time.sleep(0.02)
        return time.monotonic() - began

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(timeout=70)
