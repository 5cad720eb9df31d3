"""A WebSocket service that is not ours, with permessage-deflate for whoever offers it.

What it does with a socket the path says; `/seen` tells what was seen of all sockets so far, as JSON. Prints its port,
then serves until it is killed.
"""

import asyncio
import json
from http import HTTPStatus

import websockets
from websockets.extensions.permessage_deflate import PerMessageDeflate

# By path: how each socket ended, and what was offered and agreed in its upgrade.
seen = []


async def echo(socket):
    async for message in socket:
        await socket.send(message)


async def big(socket):
    """Messages of a growing size, whole and in fragments, which the user sends back."""
    for size in (125, 126, 65535, 65536, 1 << 20):
        text = "x" * size
        await socket.send(text)
        assert await socket.recv() == text
        await socket.send([text[: size // 3], text[size // 3 : size // 2], "", text[size // 2 :]])
        assert await socket.recv() == text
    data = bytes(range(256)) * 4000
    await socket.send([data[:1], data[1:]])
    assert await socket.recv() == data
    await socket.send("done")
    await socket.wait_closed()


async def pings(socket):
    """Pings, each of which must be answered with its own bytes; then says how many were."""
    for number in range(50):
        pong = await socket.ping(f"ping {number}")
        await pong
    await socket.send(json.dumps({"pongs": 50}))
    await socket.wait_closed()


async def closes(socket):
    """Closes with the code that the path names."""
    code = int(socket.path.rsplit("/", 1)[1])
    await socket.send("before")
    await socket.close(code, f"closed with {code}")


async def fails(socket):
    raise ValueError("a slip of the service")


async def packs(socket):
    """Compresses what it sends, though nobody offered that."""
    socket.extensions = [PerMessageDeflate(True, True, 15, 15)]
    await socket.send("packed " * 100)
    await socket.wait_closed()


DEEDS = {"echo": echo, "big": big, "pings": pings, "closes": closes, "fails": fails, "packs": packs, "claims": echo}


async def serve(socket):
    name = socket.path.split("/")[1]
    offered = socket.request_headers.get("Sec-WebSocket-Extensions")
    record = {"path": socket.path, "offered": offered, "agreed": [str(one) for one in socket.extensions]}
    try:
        await DEEDS[name](socket)
        await socket.close()
    except websockets.ConnectionClosed:
        pass
    record["code"], record["reason"] = socket.close_code, socket.close_reason
    seen.append(record)


async def before(path, headers):
    """Answers that are no upgrade."""
    if path == "/seen":
        return HTTPStatus.OK, [("Content-Type", "application/json")], json.dumps(seen).encode()
    if path.startswith("/insists") and "permessage-deflate" not in headers.get("Sec-WebSocket-Extensions", ""):
        return HTTPStatus.BAD_REQUEST, [], b"this service speaks compressed alone\n"
    return None


def added(path, headers):
    """A claim to compress in the answer to an upgrade that did not offer it."""
    return {"Sec-WebSocket-Extensions": "permessage-deflate"} if path.startswith("/claims") else {}


async def main():
    options = {"process_request": before, "extra_headers": added, "compression": "deflate", "max_size": 2 << 20}
    async with websockets.serve(serve, "127.0.0.1", 0, **options) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


asyncio.run(main())
