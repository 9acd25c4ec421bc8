"""The proxy that a real site has before its controller: HTTPS outside, HTTP inside."""

import http.client
import http.server
import ssl
import threading
from pathlib import Path


class HttpsDoor:
    """Answers in TLS what a plain port answers, to all that a gateway fetches.

    Args:
        host: Address that it listens on, at a port of its own, and that the controller has.
        inner_port: The controller's.
        certificate: PEM file with the chain.
        key: Of the certificate.
    """

    def __init__(self, host: str, inner_port: int, certificate: Path, key: Path) -> None:
        self.fetched: list[str] = []
        """Paths of all requests that were answered."""
        door = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                inner = http.client.HTTPConnection(host, inner_port, timeout=30)
                try:
                    inner.request("GET", self.path, headers=dict(self.headers.items()))
                    answer = inner.getresponse()
                    body = answer.read()
                finally:
                    inner.close()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in {"connection", "date", "server", "transfer-encoding"}:
                        self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
                door.fetched.append(self.path)

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server = http.server.ThreadingHTTPServer((host, 0), Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
