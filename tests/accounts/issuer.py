"""An OpenID Connect server over real HTTP: discovery, authorize, token, userinfo, keys."""

import json
import secrets
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID, CLIENT_SECRET, KEY_ID = "omibackend", "shared with the issuer", "k1"


class Handler(BaseHTTPRequestHandler):
    server: "Issuer"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/authorize":
            self._authorize({name: values[0] for name, values in parse_qs(url.query).items()})
        elif url.path == "/.well-known/openid-configuration":
            self._send(self.server.configuration())
        elif url.path == "/keys":
            self._send({"keys": [self.server.public_key()]})
        elif url.path == "/userinfo":
            bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
            known = bearer in self.server.access_tokens
            self._send(self.server.claims if known else {}, 200 if known else 401)

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        given = {name: values[0] for name, values in form.items()}
        if given.get("client_secret") != CLIENT_SECRET or given["code"] not in self.server.codes:
            self._send({"error": "invalid_grant"}, 400)
            return
        self.server.codes.remove(given["code"])
        access_token = secrets.token_hex(8)
        self.server.access_tokens.add(access_token)
        self._send(
            {
                "access_token": access_token,
                "token_type": "Bearer",
                "id_token": self.server.id_token(),
            }
        )

    def _authorize(self, asked: dict[str, str]) -> None:
        code = secrets.token_hex(8)
        self.server.codes.add(code)
        self.server.asked = asked
        back = urlencode({"code": code, "state": asked["state"]})
        self.send_response(302)
        self.send_header("Location", f"{asked['redirect_uri']}?{back}")
        self.end_headers()

    def _send(self, body: Any, status: int = 200) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


class Issuer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.audience = CLIENT_ID
        self.codes: set[str] = set()
        self.access_tokens: set[str] = set()
        self.asked: dict[str, str] = {}
        self.claims: dict[str, Any] = {
            "sub": "abc-123",
            "email": "Nadia@example.org",
            "email_verified": True,
            "name": "Nadia B.",
        }

    def configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }

    def public_key(self) -> dict[str, Any]:
        found = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return {**found, "kid": KEY_ID, "use": "sig", "alg": "RS256"}

    def id_token(self) -> str:
        now_s = int(time.time())
        claims = {"iss": self.url, "aud": self.audience, "iat": now_s, "exp": now_s + 300}
        return jwt.encode(
            {**self.claims, **claims}, self.key, algorithm="RS256", headers={"kid": KEY_ID}
        )
