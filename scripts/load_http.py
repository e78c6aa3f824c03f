"""What the clients of a load test share: connections, and answers of HTTP/1.1."""

import asyncio
import socket

# An answer that has not come by then does not come.
ANSWER_S = 120


async def connect(address, receive_bytes=None):
    host, port = address.rsplit(":", 1)
    plain = socket.socket()
    if receive_bytes:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, (host, int(port)))
    return await asyncio.open_connection(sock=plain, limit=1 << 20)


async def read_answer(reader):
    """Status, headers and body of an answer of HTTP/1.1 with a length, or in chunks."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    return int(head[0].split()[1]), headers, body
