#!/usr/bin/python3
"""A JWT-bearer token endpoint (RFC 7523) made of Authlib, and an API that takes its tokens: an
implementation that shares no code with this project's.

usage: authlib_endpoint.py CERTIFICATE KEY CLIENTS
CLIENTS is a JSON file: {"client id": {"scope", "pem" (its certificate), "kid" or null}}

Listens with TLS on loopback, announces its address as one line of JSON, ends when its standard input
does. Authlib checks form, grant type, signature, algorithm, iss and exp. Added, as Maskinporten has
them and Authlib does not: the value of aud, jti once, a life of at most 120 s, iat within 10 s, no
other claims, the scope from the grant, and x5c or kid.
"""
import base64
import json
import socket
import sys
import threading
import time

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.jose import JsonWebKey, JsonWebToken
from authlib.jose.errors import JoseError
from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidScopeError
from authlib.oauth2.rfc6749.models import ClientMixin
from authlib.oauth2.rfc7523 import JWTBearerGrant
from flask import Flask, jsonify, request
from werkzeug.serving import make_server

CLAIMS = {"aud", "iss", "scope", "iat", "exp", "jti", "consumer_org", "resource", "pid",
          "authorization_details"}
ALGORITHMS = ["RS256", "RS384", "RS512"]
TRACE = " (trace_id: 0123456789abcdef0123456789abcdef)"

app = Flask(__name__)
signing_key = JsonWebKey.generate_key("RSA", 2048, is_private=True)
used, issued = set(), []
base_url = None


class Client(ClientMixin):
    def __init__(self, client_id, entry):
        self.client_id, self.scope, self.kid = client_id, entry["scope"], entry["kid"]
        with open(entry["pem"], "rb") as file:
            self.pem = file.read()

    def get_client_id(self):
        return self.client_id

    def get_allowed_scope(self, scope):
        return " ".join(s for s in (scope or "").split() if s in self.scope.split())

    def check_grant_type(self, grant_type):
        return grant_type == Grant.GRANT_TYPE

    def check_token_endpoint_auth_method(self, method):
        return True


def refuse(text):
    raise InvalidGrantError(description=text + TRACE)


class Grant(JWTBearerGrant):
    def resolve_issuer_client(self, issuer):
        client = clients.get(issuer)
        return client if client else refuse("Unknown client")

    def resolve_client_key(self, client, headers, payload):
        if headers.get("alg") not in ALGORITHMS:
            refuse("Algorithm not allowed")
        if client.kid:
            if headers.get("kid") != client.kid:
                refuse("Unknown key identifier (kid) for client")
            return JsonWebKey.import_key(client.pem, {"kty": "RSA"})
        chain = headers.get("x5c")
        if not isinstance(chain, list) or not chain:
            refuse("x5c is missing")
        lines = "".join(client.pem.decode().split("-----")[2].split())
        if chain[0] != lines:
            refuse("Another certificate than the client's")
        der = base64.b64decode(chain[0], validate=True)
        pem = b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) \
            + b"-----END CERTIFICATE-----\n"
        return JsonWebKey.import_key(pem, {"kty": "RSA"})

    def process_assertion_claims(self, assertion):
        claims = super().process_assertion_claims(assertion)
        now = time.time()
        if set(claims) - CLAIMS:
            refuse("Invalid assertion")
        if claims["aud"] != base_url + "/":
            refuse("Invalid audience")
        if not isinstance(claims["iat"], int) or not isinstance(claims["exp"], int):
            refuse("Times must be integers")
        if abs(claims["iat"] - now) > 10:
            refuse("Issue time is after now, or long ago")
        if not 0 < claims["exp"] - claims["iat"] <= 120:
            refuse("The grant lives too long")
        if not claims.get("jti") or claims["jti"] in used:
            refuse("The grant was used before")
        used.add(claims["jti"])
        self.wanted_scope = claims.get("scope", "")
        return claims

    def validate_requested_scope(self):
        client = self.request.client
        if not self.wanted_scope or client.get_allowed_scope(self.wanted_scope) != self.wanted_scope:
            raise InvalidScopeError(description="Scope not registered" + TRACE)

    def create_token_response(self):
        now = int(time.time())
        text = JsonWebToken(["RS256"]).encode(
            {"alg": "RS256"},
            {"iss": base_url + "/", "client_id": self.request.client.client_id, "iat": now,
             "exp": now + 120, "scope": self.wanted_scope}, signing_key).decode()
        token = {"access_token": text, "token_type": "Bearer", "expires_in": 119,
                 "scope": self.wanted_scope}
        self.save_token(token)
        return 200, token, self.TOKEN_RESPONSE_HEADER


server = AuthorizationServer(app, query_client=lambda client_id: clients.get(client_id),
                             save_token=lambda token, _: issued.append(token["access_token"]))
server.register_grant(Grant)


@app.post("/token")
def token_endpoint():
    return server.create_token_response()


@app.get("/api/hvem")
def who():
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    try:
        claims = JsonWebToken(["RS256"]).decode(text, signing_key)
        claims.validate()
    except (JoseError, ValueError):
        return jsonify(message="Klarte ikke å validere access_token"), 401
    if scheme != "Bearer" or text not in issued:
        return jsonify(message="Klarte ikke å validere access_token"), 401
    return jsonify(client_id=claims["client_id"], scope=claims["scope"], tokens=len(issued))


def main():
    global base_url, clients
    with open(sys.argv[3], encoding="utf-8") as file:
        clients = {name: Client(name, entry) for name, entry in json.load(file).items()}
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    base_url = "https://localhost:%d" % listener.getsockname()[1]
    served = make_server("127.0.0.1", listener.getsockname()[1], app, threaded=True,
                         ssl_context=(sys.argv[1], sys.argv[2]), fd=listener.fileno())
    threading.Thread(target=served.serve_forever, daemon=True).start()
    print(json.dumps({"url": base_url}), flush=True)
    sys.stdin.read()


clients = {}
main()
