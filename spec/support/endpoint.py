#!/usr/bin/python3
"""A scripted server on loopback, for specs of what the sandbox is too well behaved to do.

usage: endpoint.py [CERTIFICATE KEY]     (PEM; also listens with TLS then)

Announces {"port", "tls_port", "deaf_port"} as one line of JSON, and ends when its standard input does.
deaf_port accepts nothing: a connection to it hangs, and so does one to tls_port of ::1.

POST /_answers {"path", "answers": [answer, ...]}   the next requests to a path get these, in order
POST /_clock {"ahead_s"}                            the server's clock differs from this machine's
POST /_forget                                       no answers, nothing seen, the right clock
GET  /_seen?path                                    [{"path", "method", "headers", "body", "bytes",
                                                      "sha256", "connection"}], body up to 64 KB
An answer: {"status", "headers": {}, "type", "body", "base64", "times" (the body, repeated)} and, instead of what is usual:
  "drop" (no byte), "cut" (half), "chunked" (no length; with "cut" no end either), "dribble_ms" (a byte at a time), "delay_ms", "endless" (chunks),
  "header_bytes" (one huge header), "header_count", "always" (is not used up), "authorization" (only
  for requests with this header),
  "token": {"expires_in", "lifetime_s"} (a fresh one), "gzip" (the body, compressed).
Without a script POST /token gets a token, CONNECT a 407, and anything else {"ok": true}.
"""
import base64
import email.utils
import gzip
import hashlib
import json
import socket
import ssl
import sys
import threading
import time
import urllib.parse

lock = threading.Lock()
script, seen = {}, []
state = {"ahead_s": 0, "tokens": 0, "connections": 0}


def b64url(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unb64url(text):
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def now():
    return time.time() + state["ahead_s"]


def token(wanted):
    with lock:
        state["tokens"] += 1
        number = state["tokens"]
    lifetime = wanted.get("lifetime_s", 120)
    claims = {"iat": int(now()), "exp": int(now()) + lifetime, "jti": "token-%d" % number}
    text = "%s.%s.c2lnbmF0dXI" % (b64url({"alg": "RS256"}), b64url(claims))
    answer = {"access_token": text, "token_type": "Bearer", "scope": "ks:fiks"}
    answer["expires_in"] = wanted.get("expires_in", lifetime - 1)
    return {"body": json.dumps(answer)}


def refusal(text):
    return {"status": 400, "body": json.dumps({
        "error": "invalid_grant",
        "error_description": text + " (trace_id: 0123456789abcdef0123456789abcdef)"})}


def grant_answer(request):
    form = urllib.parse.parse_qs(request["body"])
    claims = unb64url(form["assertion"][0].split(".")[1])
    if claims["iat"] > now() + 10:
        return refusal("Issue time is after now.")
    if claims["exp"] < now() - 10:
        return {"status": 400, "body": json.dumps({
            "error": "invalid_grant", "error_description": "JWT is expired.",
            "error_uri": "https://maskinporten.no/errors/MP-130"})}
    return token({})


def control(path, body):
    if path == "/_answers":
        with lock:
            script[body["path"]] = list(body["answers"])
    elif path == "/_clock":
        state["ahead_s"] = body["ahead_s"]
    elif path == "/_forget":
        with lock:
            script.clear()
            del seen[:]
        state["ahead_s"] = 0
    elif path.startswith("/_seen?"):
        with lock:
            return [r for r in seen if r["path"] == path[len("/_seen?"):]]
    return {}


def meant(answer, request):
    wanted = answer.get("authorization")
    return wanted is None or ["authorization", wanted] in [
        [name.lower(), value] for name, value in request["headers"]]


def next_answer(request):
    with lock:
        seen.append(request)
        answers = [a for a in script.get(request["path"], []) if meant(a, request)]
        answer = answers[0] if answers else None
        if answer is not None and not answer.get("always"):
            script[request["path"]].remove(answer)
    if answer is not None:
        return {**answer, **token(answer["token"])} if "token" in answer else answer
    if request["method"] == "CONNECT":
        return {"status": 407, "body": "", "headers": {"Proxy-Authenticate": "Basic realm=x"}}
    if request["path"].endswith("/token"):
        return grant_answer(request)
    return {"body": '{"ok":true}'}


def head(answer, length):
    lines = ["HTTP/1.1 %d X" % answer.get("status", 200)]
    headers = {"Content-Type": answer.get("type", "application/json"),
               "Date": email.utils.formatdate(now(), usegmt=True)}
    headers["Transfer-Encoding" if length is None else "Content-Length"] = \
        "chunked" if length is None else str(length)
    if answer.get("gzip"):
        headers["Content-Encoding"] = "gzip"
    if answer.get("header_bytes"):
        headers["X-Large"] = "x" * answer["header_bytes"]
    for number in range(answer.get("header_count", 0)):
        headers["X-Many-%d" % number] = "x" * 100
    headers.update(answer.get("headers", {}))
    lines += ["%s: %s" % pair for pair in headers.items() if pair[1] is not None]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")


def send(peer, answer):
    """True: the connection may be used again."""
    body = base64.b64decode(answer["base64"]) if "base64" in answer else \
        answer.get("body", "").encode("utf-8")
    body *= answer.get("times", 1)
    if answer.get("gzip"):
        body = gzip.compress(body)
    time.sleep(answer.get("delay_ms", 0) / 1000)
    if answer.get("drop"):
        return False
    if answer.get("endless"):
        peer.sendall(head(answer, None))
        while True:
            peer.sendall(b"1000\r\n" + b" " * 4096 + b"\r\n")
    if answer.get("chunked"):
        end = b"" if answer.get("cut") else b"0\r\n\r\n"
        data = head(answer, None) + b"%x\r\n" % len(body) + body + b"\r\n" + end
    else:
        data = head(answer, len(body) + (100 if answer.get("cut") else 0)) + body
    if "dribble_ms" in answer:
        for byte in data:
            peer.sendall(bytes([byte]))
            time.sleep(answer["dribble_ms"] / 1000)
    else:
        peer.sendall(data)
    return not answer.get("cut")


def read_chunks(stream):
    body = b""
    while True:
        length = int(stream.readline().split(b";")[0], 16)
        body += stream.read(length)
        stream.readline()
        if not length:
            return body


def read(stream):
    line = stream.readline().decode("latin-1").split()
    if len(line) < 3:
        return None
    headers = []
    while True:
        text = stream.readline().decode("utf-8", "replace").rstrip("\r\n")
        if not text:
            break
        headers.append([part.strip(" ") if i == 0 else part[1:] if part[:1] == " " else part
                        for i, part in enumerate(text.split(":", 1))])
    length = [int(h[1]) for h in headers if h[0].lower() == "content-length"]
    chunked = any(h[0].lower() == "transfer-encoding" for h in headers)
    raw = read_chunks(stream) if chunked else stream.read(length[0]) if length else b""
    path = line[1].split("?")[0] if line[0] != "CONNECT" else "CONNECT"
    return {"method": line[0], "path": path, "target": line[1], "headers": headers,
            "body": raw[:1 << 20].decode("utf-8", "replace"), "bytes": len(raw),
            "sha256": hashlib.sha256(raw).hexdigest()}


def serve(peer):
    with lock:
        state["connections"] += 1
        number = state["connections"]
    try:
        stream = peer.makefile("rb")
        while True:
            request = read(stream)
            if not request:
                return
            request["connection"] = number
            if request["path"].startswith("/_"):
                found = control(request["target"], json.loads(request["body"] or "{}"))
                answer = {"body": json.dumps(found)}
            else:
                answer = next_answer(request)
            if not send(peer, answer):
                return
    except OSError:
        pass
    finally:
        peer.close()


def listen(context):
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(128)

    def one(peer):
        try:
            serve(context.wrap_socket(peer, server_side=True) if context else peer)
        except OSError:
            peer.close()

    def accept():
        while True:
            peer = server.accept()[0]
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=one, args=(peer,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return server.getsockname()[1]


def deaf(address, port, family=socket.AF_INET):
    server = socket.socket(family)
    server.bind((address, port))
    server.listen(0)
    waiting = [server]
    for _ in range(4):
        one = socket.socket(family)
        one.setblocking(False)
        one.connect_ex(server.getsockname())
        waiting.append(one)
    return waiting


def main():
    kept = []
    announced = {"port": listen(None)}
    if len(sys.argv) > 2:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
        announced["tls_port"] = listen(context)
        kept.append(deaf("::1", announced["tls_port"], socket.AF_INET6))
    full = deaf("127.0.0.1", 0)
    announced["deaf_port"] = full[0].getsockname()[1]
    print(json.dumps(announced), flush=True)
    sys.stdin.read()


main()
