"""Serves a folder over connections that stay open, as servers of tiles do: what scripts/slow-link.sh compares with.

    slow_link_site.py PORT FOLDER
"""

import functools
import http.server
import pathlib
import sys


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one piece, at once.
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *_):
        pass


def main():
    port, folder = int(sys.argv[1]), pathlib.Path(sys.argv[2])
    http.server.ThreadingHTTPServer(("127.0.0.1", port), functools.partial(Handler, directory=folder)).serve_forever()


main()
