"""Just enough of PostgreSQL's protocol (version 3, trust authentication, simple queries) to need no package and no psql:
while every connection is taken, a client must already be inside."""

import socket
import struct
import urllib.parse


class Refused(Exception):
    """What the server said instead of an answer."""


class Connection:
    """One connection. It stands open and idle until it is closed."""

    def __init__(self, url, timeout_s=10):
        parts = urllib.parse.urlparse(url)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=timeout_s)
        words = ["user", parts.username, "database", parts.path.lstrip("/"), "application_name", "kill-test"]
        body = struct.pack("!i", 196608) + b"".join(word.encode() + b"\0" for word in words) + b"\0"
        self.socket.sendall(struct.pack("!i", len(body) + 4) + body)
        self.read_until_ready()

    def query(self, sql):
        """The rows of a statement, each value as text or None."""
        body = sql.encode() + b"\0"
        self.socket.sendall(b"Q" + struct.pack("!i", len(body) + 4) + body)
        return self.read_until_ready()

    def close(self):
        self.socket.close()

    def read_until_ready(self):
        rows, refusal = [], None
        while True:
            kind, body = self.read_message()
            if kind == b"E":
                refusal = next(field[1:].decode() for field in body.split(b"\0") if field[:1] == b"M")
                # A refused start is followed by nothing.
                if refusal.startswith(("sorry, too many clients", "remaining connection slots", "the database system")):
                    raise Refused(refusal)
            elif kind == b"D":
                rows.append(values(body))
            elif kind == b"Z":
                if refusal:
                    raise Refused(refusal)
                return rows

    def read_message(self):
        head = self.read_exactly(5)
        return head[:1], self.read_exactly(struct.unpack("!i", head[1:])[0] - 4)

    def read_exactly(self, count):
        read = b""
        while len(read) < count:
            more = self.socket.recv(count - len(read))
            if not more:
                raise Refused("the server closed the connection")
            read += more
        return read


def values(body):
    found, place = [], 2
    for _ in range(struct.unpack("!h", body[:2])[0]):
        length = struct.unpack("!i", body[place:place + 4])[0]
        place += 4
        found.append(None if length < 0 else body[place:place + length].decode())
        place += max(length, 0)
    return found


def ask(url, sql):
    """One statement on a connection of its own."""
    connection = Connection(url)
    try:
        return connection.query(sql)
    finally:
        connection.close()
