"""Clients of a tile server that draw marks and read them, and hold each answer to what was written."""

import asyncio
import json
import time

from load_http import ANSWER_S, connect, read_answer

# Times that a request for marks comes again where the server says so.
MOST_AGAIN = 30
# Marks that a writer has at most; it then removes one for each that it draws.
MOST_MARKS = 20
MARKS = "/api/slides/large/annotations"


async def ask(seen, kind, connection, method, path, change=None, **headers):
    """One request for marks on an open connection. Its status, and its body as JSON where there is one; asks again where the server says so."""
    reader, writer = connection
    body = b"" if change is None else json.dumps(change).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    if change is not None:
        lines.append("Content-Type: application/json")
    for _ in range(MOST_AGAIN):
        began = time.monotonic()
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        status, answered, said = await asyncio.wait_for(read_answer(reader), ANSWER_S)
        seen.took(kind, began)
        if status != 503 or "retry-after" not in answered:
            return status, json.loads(said) if said else None
        seen.counts[f"{kind}: told to come again"] += 1
        await asyncio.sleep(1)
    raise ConnectionResetError(f"{kind}: told to come again {MOST_AGAIN} times")


def drawn(seen, identity):
    """A mark that no other is like."""
    x, y = (round(seen.random.uniform(0, 5000), 2) for _ in range(2))
    ring = [[x, y], [x + 9.5, y], [x + 9.5, y + 7], [x, y]]
    return {"type": "Feature", "id": identity, "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": {"name": str(seen.random.random())}}


async def marking(seen, address):
    """Who draws, changes and removes marks of their own, several at a time or one, and reads each back equal."""
    name, number, own = next(seen.writers), 0, {}
    while not seen.over:
        connection = await connect(address)
        try:
            for _ in range(seen.random.randrange(5, 60)):
                if seen.over:
                    break
                number = await change_marks(seen, connection, name, number, own)
                await read_mark(seen, connection, own)
                await asyncio.sleep(seen.random.random() / 2)
        finally:
            connection[1].close()


async def change_marks(seen, connection, name, number, own):
    """A new mark, a change of another, and a removal where there are many; returns the number of the next one."""
    changes = {f"{name}-{number}": (0, drawn(seen, f"{name}-{number}"))}
    if own:
        changed = seen.random.choice(list(own))
        changes[changed] = own[changed][0], drawn(seen, changed)
    if len(own) >= MOST_MARKS:
        removed = next(identity for identity in own if identity not in changes)
        changes[removed] = own[removed][0], None
    for identity in changes:
        seen.marks.pop(identity, None)
    body = {"changes": [{"id": identity, "revision": revision, "feature": feature} for identity, (revision, feature) in changes.items()]}
    status, said = await ask(seen, "marks changed", connection, "PATCH", MARKS, body)
    if status != 200 or said["conflicts"]:
        seen.fault(f"a change of marks: {status}, {said}")
        return number + 1
    for identity, (_, feature) in changes.items():
        if (identity in said["marks"]) != (feature is not None):
            seen.fault(f"a change of marks: {identity} is missing, or there although it was removed: {said}")
        elif feature is None:
            del own[identity]
        else:
            own[identity] = said["marks"][identity], feature
    seen.marks.update({identity: own[identity] for identity in changes if identity in own})
    return number + 1


async def read_mark(seen, connection, own):
    """One mark, as it was written; and the same change again, which is refused as it is based on nothing."""
    identity = seen.random.choice(list(own)) if own else None
    if not identity:
        return
    status, said = await ask(seen, "mark read", connection, "GET", f"{MARKS}/{identity}")
    if status != 200 or said != own[identity][1]:
        seen.fault(f"mark {identity}: {status}, {said} in place of {own[identity]}")
    status, said = await ask(seen, "conflict", connection, "PUT", f"{MARKS}/{identity}", drawn(seen, identity), If_None_Match="*")
    if status != 409 or said["feature"] != own[identity][1]:
        seen.fault(f"a conflict of {identity}: {status}, {said}")


async def marks_read(seen, address):
    """Who reads all marks: each that was there before the request and was not touched meanwhile is as it was written."""
    while not seen.over:
        connection = await connect(address)
        try:
            for _ in range(seen.random.randrange(1, 40)):
                if seen.over:
                    break
                before = dict(seen.marks)
                status, said = await ask(seen, "marks read", connection, "GET", MARKS)
                if status != 200:
                    seen.fault(f"marks: {status}, {said}")
                    continue
                there = {feature["id"]: feature for feature in said["features"]}
                revisions = {identity: revision for identity, revision, _ in said["origami"]["marks"]}
                for identity, of in before.items():
                    if seen.marks.get(identity) == of and (revisions.get(identity), there.get(identity)) != of:
                        seen.fault(f"marks: {identity} is {there.get(identity)} in place of {of}")
                await asyncio.sleep(seen.random.random())
        finally:
            connection[1].close()
