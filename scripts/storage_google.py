"""A stand-in on loopback for Google's XML API, as far as the program speaks it, written after
https://cloud.google.com/storage/docs/xml-api/reference-methods. It holds objects in memory.

PUT with x-goog-if-generation-match and x-goog-copy-source; uploads in parts (POST ?uploads, PUT ?partNumber&uploadId, POST ?uploadId,
DELETE ?uploadId), where all parts but the last have 5 MiB at least; GET with Range and If-Match, HEAD, DELETE; listings
(?list-type=2 with prefix, delimiter, start-after, continuation-token). Nobody is asked for credentials.
"""

import email.utils
import hashlib
import itertools
import threading
import time
import urllib.parse
import xml.etree.ElementTree as ElementTree
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

LEAST_PART = 5 << 20
PAGE_KEYS = 1000


class Object:
    def __init__(self, data, generation):
        self.data, self.generation, self.written = data, generation, time.time()
        self.etag = f'"{hashlib.md5(data).hexdigest()}"'


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status, code):
        super().__init__(code)
        self.status, self.code = status, code


class Store:
    """Buckets with objects, uploads that are under way, and a count of requests by what they are."""

    def __init__(self):
        self.lock = threading.Lock()
        self.objects, self.uploads, self.counts = {}, {}, {}
        self.generations, self.ids = itertools.count(1), itertools.count(1)

    def count(self, what):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1

    def find(self, name):
        if name not in self.objects:
            raise Refused(404, "NoSuchKey")
        return self.objects[name]

    def write(self, name, data, match=None):
        """Writes an object if its generation is `match`: 0 where there must be none."""
        with self.lock:
            known = self.objects.get(name)
            if match is not None and int(match) != (known.generation if known else 0):
                raise Refused(412, "PreconditionFailed")
            self.objects[name] = Object(data, next(self.generations))
            return self.objects[name]

    def begin(self, name):
        with self.lock:
            upload = f"upload-{next(self.ids)}"
            self.uploads[upload] = (name, {})
            return upload

    def parts(self, name, upload):
        of, parts = self.uploads.get(upload, (None, None))
        if of != name:
            raise Refused(404, "NoSuchUpload")
        return parts

    def complete(self, name, upload, body):
        """Joins the parts that the body lists, by ascending number and with the ETags that were given for them."""
        parts, wanted, last = self.parts(name, upload), [], 0
        for part in ElementTree.fromstring(body):
            number, etag = int(part.find("PartNumber").text), part.find("ETag").text
            if number <= last:
                raise Refused(400, "InvalidPartOrder")
            if number not in parts or Object(parts[number], 0).etag.strip('"') != etag.strip('"'):
                raise Refused(400, "InvalidPart")
            wanted.append(parts[number])
            last = number
        if any(len(part) < LEAST_PART for part in wanted[:-1]):
            raise Refused(400, "EntityTooSmall")
        made = self.write(name, b"".join(wanted))
        del self.uploads[upload]
        return made

    def list(self, bucket, query):
        """The keys of a bucket, one page of them, and whether there are more."""
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        after = query.get("continuation-token") or query.get("start-after", "")
        found, prefixes = [], set()
        with self.lock:
            keys = sorted(name.partition("/")[2] for name in self.objects if name.startswith(f"{bucket}/"))
        for key in keys:
            if not key.startswith(prefix) or key <= after:
                continue
            below = key[len(prefix):].partition(delimiter) if delimiter else (key, "", "")
            if below[1]:
                prefixes.add(prefix + below[0] + delimiter)
            elif len(found) == PAGE_KEYS:
                return found, prefixes, True
            else:
                found.append(key)
        return found, prefixes, False


class GoogleStandIn:
    """The server: `port` on loopback."""

    def __init__(self):
        self.store = Store()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler(self.store))
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def handler(store):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def reply(self, status, body=b"", headers=()):
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def xml(self, text, headers=()):
            self.reply(200, f"<?xml version='1.0' encoding='UTF-8'?>{text}".encode(), [("Content-Type", "application/xml"), *headers])

        def serve(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path, _, query = self.path.partition("?")
            self.query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
            self.name = urllib.parse.unquote(path).lstrip("/")
            try:
                getattr(self, f"{self.command.lower()}_")(body)
            except Refused as refused:
                text = f"<Error><Code>{refused.code}</Code><Message>{refused.code}</Message></Error>"
                self.reply(refused.status, text.encode(), [("Content-Type", "application/xml")])

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = serve

        def get_(self, _):
            if "list-type" in self.query:
                return self.listing()
            found = store.find(self.name)
            if self.headers.get("If-Match", found.etag) != found.etag:
                raise Refused(412, "PreconditionFailed")
            headers = [("ETag", found.etag), ("x-goog-generation", str(found.generation)), ("Last-Modified", email.utils.formatdate(found.written, usegmt=True))]
            ranged = self.headers.get("Range")
            if not ranged:
                return self.reply(200, found.data, headers)
            first, _, last = ranged.removeprefix("bytes=").partition("-")
            size = len(found.data)
            start = int(first) if first else max(size - int(last), 0)
            end = min(int(last) + 1, size) if first and last else size
            if start >= size:
                raise Refused(416, "InvalidRange")
            return self.reply(206, found.data[start:end], [*headers, ("Content-Range", f"bytes {start}-{end - 1}/{size}")])

        head_ = get_

        def listing(self):
            bucket = self.name.strip("/")
            keys, prefixes, more = store.list(bucket, self.query)
            rows = []
            for key in keys:
                found = store.find(f"{bucket}/{key}")
                written = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(found.written))
                rows.append(f"<Contents><Key>{escape(key)}</Key><Generation>{found.generation}</Generation><LastModified>{written}"
                            f"</LastModified><ETag>{escape(found.etag)}</ETag><Size>{len(found.data)}</Size></Contents>")
            rows += [f"<CommonPrefixes><Prefix>{escape(prefix)}</Prefix></CommonPrefixes>" for prefix in sorted(prefixes)]
            if more:
                rows.append(f"<NextContinuationToken>{escape(keys[-1])}</NextContinuationToken>")
            self.xml(f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{''.join(rows)}</ListBucketResult>")

        def put_(self, body):
            match = self.headers.get("x-goog-if-generation-match")
            if "uploadId" in self.query:
                store.count("part")
                store.parts(self.name, self.query["uploadId"])[int(self.query["partNumber"])] = body
                return self.reply(200, headers=[("ETag", Object(body, 0).etag)])
            source = self.headers.get("x-goog-copy-source")
            store.count("copy" if source else "put")
            data = store.find(urllib.parse.unquote(source).lstrip("/")).data if source else body
            made = store.write(self.name, data, match)
            headers = [("ETag", made.etag), ("x-goog-generation", str(made.generation))]
            if source:
                text = f"<CopyObjectResult><ETag>{escape(made.etag)}</ETag></CopyObjectResult>"
                return self.xml(text, headers)
            return self.reply(200, headers=headers)

        def post_(self, body):
            bucket, _, key = self.name.partition("/")
            if "uploads" in self.query:
                store.count("upload")
                upload = store.begin(self.name)
                return self.xml(f"<InitiateMultipartUploadResult><Bucket>{escape(bucket)}</Bucket><Key>{escape(key)}</Key>"
                                f"<UploadId>{upload}</UploadId></InitiateMultipartUploadResult>")
            if "uploadId" not in self.query:
                raise Refused(400, "InvalidArgument")
            made = store.complete(self.name, self.query["uploadId"], body)
            return self.xml(f"<CompleteMultipartUploadResult><Bucket>{escape(bucket)}</Bucket><Key>{escape(key)}</Key>"
                            f"<ETag>{escape(made.etag)}</ETag></CompleteMultipartUploadResult>", [("x-goog-generation", str(made.generation))])

        def delete_(self, _):
            if "uploadId" in self.query:
                store.parts(self.name, self.query["uploadId"])
                del store.uploads[self.query["uploadId"]]
            else:
                store.find(self.name)
                del store.objects[self.name]
            return self.reply(204)

        def log_message(self, *_):
            pass

    return Handler
