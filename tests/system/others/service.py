"""A small ASGI application, served by uvicorn. `/seen` tells what it has served. Prints its port, then serves until it is
killed."""

import asyncio
import json
import socket

import uvicorn

seen = {"requests": 0, "bytes": 0, "cut": 0, "sockets": 0, "messages": 0, "closed": []}


async def app(scope, receive, send):
    if scope["type"] == "http":
        await http(scope, receive, send)
    elif scope["type"] == "websocket":
        await talk(scope, receive, send)


async def http(scope, receive, send):
    path = scope["path"]
    if path == "/seen":
        return await answer(send, 200, seen)
    seen["requests"] += 1
    body, message = b"", await receive()
    while message["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
        message = await receive()
    seen["bytes"] += len(body)
    if path == "/echo":
        query = scope["query_string"].decode()
        await answer(send, 201, {"method": scope["method"], "query": query, "json": json.loads(body)})
    elif path == "/size":
        await answer(send, 200, {"size": len(body)})
    elif path == "/stream":
        # Without a length: in chunks, each of them on its way before the next one is made.
        await begin(send, 200, "text/plain")
        for number in range(100):
            await send({"type": "http.response.body", "body": b"%04d\n" % number * 200, "more_body": True})
            await asyncio.sleep(0)
        await send({"type": "http.response.body"})
    elif path == "/events":
        await begin(send, 200, "text/event-stream")
        for number in range(5):
            text = ": a comment\nevent: tick\nid: %d\ndata: {\"n\":\ndata: %d}\n\n" % (number, number)
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
            await asyncio.sleep(0.01)
        # For as long as somebody listens.
        while (await receive())["type"] != "http.disconnect":
            pass
        seen["cut"] += 1
    elif path == "/breaks":
        await begin(send, 200, "text/plain")
        await send({"type": "http.response.body", "body": b"half of it", "more_body": True})
        raise RuntimeError("a slip of the service")
    elif path == "/fails":
        raise RuntimeError("a slip of the service")
    else:
        await answer(send, 404, {"detail": "Not Found"})


async def begin(send, status, kind, *headers):
    headers = [(b"content-type", kind.encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def answer(send, status, value):
    body = json.dumps(value).encode()
    await begin(send, status, "application/json", (b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.body", "body": body})


async def talk(scope, receive, send):
    await receive()
    if scope["path"] == "/forbidden":
        return await send({"type": "websocket.close"})
    seen["sockets"] += 1
    chosen = scope["subprotocols"][-1] if scope["subprotocols"] else None
    await send({"type": "websocket.accept", "subprotocol": chosen, "headers": [(b"set-cookie", b"seat=17")]})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            seen["closed"].append(message["code"])
            return
        seen["messages"] += 1
        if message.get("text") is not None:
            value = json.loads(message["text"])
            if value.get("bye"):
                return await send({"type": "websocket.close", "code": 4002, "reason": "as you wish"})
            await send({"type": "websocket.send", "text": json.dumps({"answer": value["n"] + 1})})
        else:
            await send({"type": "websocket.send", "bytes": message["bytes"][::-1]})


# Named as TCP: else asyncio lets heads wait for their bodies.
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
listener.bind(("127.0.0.1", 0))
listener.listen()
print(listener.getsockname()[1], flush=True)
config = uvicorn.Config(app, log_level="critical", lifespan="off")
uvicorn.Server(config).run(sockets=[listener])
