"""Who may log in: password, key pair (JWT), programmatic access token, OAuth token."""
import base64
import hashlib
import json
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from errors import SnowflakeError

JWT_LIFETIME = 3600 + 60


def check_login(users, account, data):
    """The user's name; raises SnowflakeError where the credentials are wrong."""
    kind = (data.get("AUTHENTICATOR") or "SNOWFLAKE").upper()
    name = (data.get("LOGIN_NAME") or "").upper()
    token = data.get("TOKEN") or ""
    if kind == "SNOWFLAKE_JWT":
        return check_jwt(users, account, name, token)
    if kind == "PROGRAMMATIC_ACCESS_TOKEN":
        if not token or token not in users.get(name, {}).get("pats", []):
            raise SnowflakeError(394400, "08001", "Programmatic access token is invalid.")
        return name
    if kind == "OAUTH":
        for user, known in users.items():
            if token and token in known.get("oauth", []) and name in ("", user):
                return user
        raise SnowflakeError(390303, "08001", "Invalid OAuth access token.")
    if kind == "SNOWFLAKE":
        password = users.get(name, {}).get("password")
        if password is None or data.get("PASSWORD") != password:
            raise SnowflakeError(390100, "08001", "Incorrect username or password was specified.")
        return name
    raise SnowflakeError(390190, "08001", f"The authenticator '{kind}' is not supported.")


def fingerprint(public_key):
    spki = public_key.public_bytes(serialization.Encoding.DER,
                                   serialization.PublicFormat.SubjectPublicKeyInfo)
    return "SHA256:" + base64.b64encode(hashlib.sha256(spki).digest()).decode()


def unbase64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def check_jwt(users, account, name, token):
    """Signature, issuer, subject and times, as Snowflake's guide to key-pair login asks."""
    try:
        head, body, signature = token.split(".")
        header, claims = json.loads(unbase64(head)), json.loads(unbase64(body))
        account = (account or "").split(".")[0].upper()
        name = name or claims["sub"].upper().rpartition(".")[2]     # a driver need not say it twice
        subject = f"{account}.{name}"
        now = time.time()
        good_times = (now - 60 <= claims["exp"] <= now + JWT_LIFETIME
                      and claims["iat"] <= now + 60)
        if header["alg"] != "RS256" or claims["sub"].upper() != subject or not good_times:
            raise ValueError("claims")
        for pem in users.get(name, {}).get("public_keys", []):
            key = serialization.load_pem_public_key(pem.encode())
            if claims["iss"].split(".", 2)[2] != fingerprint(key):
                continue
            key.verify(unbase64(signature), f"{head}.{body}".encode(), padding.PKCS1v15(),
                       hashes.SHA256())
            return name
    except (ValueError, KeyError, IndexError, InvalidSignature):
        pass
    raise SnowflakeError(390144, "08001", "JWT token is invalid.")
