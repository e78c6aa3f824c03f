"""A proxy on loopback in front of a store: counts requests and bytes, and answers later if told so."""

import http.client
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Proxy:
    """`port` leads to `upstream`. `seen` has method, path and bytes of the reply's body, in the order of the replies."""

    def __init__(self, upstream, delay=0.0):
        self.upstream, self.delay, self.lock, self.entries = upstream, delay, threading.Lock(), []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def seen(self, ending=""):
        """The requests since the last call, of objects whose path ends like this."""
        with self.lock:
            entries, self.entries = self.entries, []
        return [entry for entry in entries if entry[1].split("?")[0].endswith(ending)]

    def handler(proxy):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def forward(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                time.sleep(proxy.delay)
                connection = http.client.HTTPConnection("127.0.0.1", proxy.upstream, timeout=60)
                try:
                    connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                    for name, value in self.headers.items():
                        if name.lower() != "connection":
                            connection.putheader(name, value)
                    connection.endheaders(body or None)
                    reply = connection.getresponse()
                    data = reply.read()
                except OSError:
                    # The store is gone, and so is this connection.
                    self.close_connection = True
                    return
                finally:
                    connection.close()
                with proxy.lock:
                    proxy.entries.append((self.command, self.path, len(data)))
                self.send_response_only(reply.status, reply.reason)
                for name, value in reply.getheaders():
                    if name.lower() not in ("connection", "keep-alive", "transfer-encoding", "content-length"):
                        self.send_header(name, value)
                length = reply.getheader("Content-Length") if self.command == "HEAD" else len(data)
                self.send_header("Content-Length", str(length or 0))
                self.end_headers()
                self.wfile.write(b"" if self.command == "HEAD" else data)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = forward

            def log_message(self, *_):
                pass

        return Handler

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
