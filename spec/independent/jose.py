#!/usr/bin/python3
"""Judges grants with python3-jwcrypto. usage: jose.py NAME.jws NAME.pem [NAME.expected]

Ends with 0 when the signature verifies and, with NAME.expected, header and claims are the documented
ones and nothing else. Without NAME.expected only the signature counts; 3 is a bad one."""
import base64
import json
import sys

from jwcrypto import jwk, jws

ALGORITHMS = ["RS256", "RS384", "RS512"]
KNOWN = {"aud", "iss", "scope", "iat", "exp", "jti", "consumer_org", "resource", "pid",
         "authorization_details"}
KNOWN_2018 = {"aud", "iss", "scope", "iat", "exp", "jti", "iss_onbehalfof"}


def read(path):
    with open(path, "rb") as file:
        return file.read()


def main():
    token = jws.JWS()
    token.allowed_algs = ALGORITHMS
    try:
        token.deserialize(read(sys.argv[1]).decode("ascii"))
        token.verify(jwk.JWK.from_pem(read(sys.argv[2])))
    except (jws.InvalidJWSSignature, jws.InvalidJWSObject, ValueError) as why:
        print("refused: %s" % type(why).__name__)
        return 3
    if len(sys.argv) < 4:
        return 0
    expected = json.loads(read(sys.argv[3]))
    header, claims = token.jose_header, json.loads(token.payload)
    assert header["alg"] == expected["alg"], header
    assert header.get("kid") == expected["kid"], header
    assert set(header) == {"alg", "kid" if expected["kid"] else "x5c"}, header
    chain = header.get("x5c", [])
    assert len(chain) == expected["chain"], len(chain)
    if chain:
        own = base64.b64decode("".join(read(sys.argv[2]).decode().split("-----")[2].split()))
        assert base64.b64decode(chain[0], validate=True) == own
    assert set(claims) <= (KNOWN_2018 if "iss_onbehalfof" in expected else KNOWN), claims
    assert isinstance(claims["iat"], int) and claims["exp"] - claims["iat"] == 120, claims
    for name in ("aud", "consumer_org", "iss_onbehalfof", "pid", "resource"):
        assert claims.get(name) == expected.get(name), (name, claims)
    assert expected["iss"] in (None, claims["iss"]), claims
    assert claims["scope"] == expected["scope"] and len(claims["jti"]) == 36, claims
    return 0


sys.exit(main())
