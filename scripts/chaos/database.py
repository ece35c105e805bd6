"""The database under test: where it is, and what stands in it."""

import collections
import os
import sqlite3
import urllib.parse
import uuid

from . import Broken, postgres
from .proxy import Proxy


class Database:
    """A fresh database. On PostgreSQL the program reaches it through a proxy, the test itself does not."""

    def __init__(self, engine, folder):
        self.engine, self.proxy = engine, None
        if engine == "sqlite":
            self.path = os.path.join(folder, "throughline.db")
            self.url = self.program_url = "sqlite:" + self.path
            return
        name = "kill_" + uuid.uuid4().hex[:8]
        server = os.environ["THROUGHLINE_TEST_POSTGRES"]
        postgres.ask(server + "/postgres", "CREATE DATABASE " + name)
        self.url, parts = server + "/" + name, urllib.parse.urlparse(server)
        self.proxy = Proxy(parts.hostname, parts.port)
        self.program_url = f"postgres://{parts.username}@127.0.0.1:{self.proxy.port}/{name}"

    def rows(self, sql):
        """Every row of a question, as text."""
        if self.engine == "postgres":
            return postgres.ask(self.url, sql)
        connection = sqlite3.connect("file:" + self.path + "?mode=ro", uri=True, timeout=30)
        try:
            return [[None if value is None else str(value) for value in row] for row in connection.execute(sql)]
        finally:
            connection.close()

    def leads(self):
        """mail address -> (id, status) of every lead."""
        rows = self.rows("SELECT email, id, status FROM leads")
        addresses = collections.Counter(row[0] for row in rows)
        doubled = [address for address, count in addresses.items() if count > 1]
        if doubled:
            raise Broken(f"{len(doubled)} leads stand twice in the database, for example {doubled[0]}")
        return {row[0]: (row[1], row[2]) for row in rows}

    def counts_by_state(self):
        """How many jobs stand in each state."""
        return {state: int(count) for state, count in self.rows("SELECT state, count(*) FROM jobs GROUP BY state")}

    def rescues(self):
        """How many attempts ended with the process that made them."""
        return int(self.rows("SELECT count(*) FROM job_attempts WHERE outcome = 'rescued'")[0][0])
