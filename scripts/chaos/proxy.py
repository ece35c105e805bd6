"""A proxy between the program and PostgreSQL that can turn into a black hole: it goes on accepting, keeps every socket open,
and drops what comes. A connection that was swallowed stays so for ever; one made after the hole has closed works."""

import select
import socket
import threading


class Proxy:
    """Forwards to (host, port) from a port of its own."""

    def __init__(self, host, port):
        self.target, self.is_hole, self.swallowed = (host, port), False, 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def open_hole(self):
        """From now on nothing passes, either way."""
        self.is_hole = True

    def close_hole(self):
        """New connections work again."""
        self.is_hole = False

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        # Held open, so that nobody learns of it by a closed socket.
        server = None
        try:
            if not self.is_hole:
                server = socket.create_connection(self.target)
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.forward(client, server)
        except OSError:
            pass
        finally:
            for end in filter(None, (client, server)):
                end.close()

    def forward(self, client, server):
        swallowed = server is None
        while True:
            for end in select.select([end for end in (client, server) if end], [], [], 0.2)[0]:
                read = end.recv(1 << 16)
                if not read and (end is client or not swallowed):
                    return
                if self.is_hole and not swallowed:
                    swallowed = True
                    self.swallowed += 1
                if not swallowed:
                    (server if end is client else client).sendall(read)
                elif not read:
                    # The server has given up; the program must find out by itself.
                    server = None
