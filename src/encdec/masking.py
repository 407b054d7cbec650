"""What may be shown of a text: no password, no key, and no account of an address."""

import os
import re
from urllib.parse import quote, unquote

SECRET_KEYS = re.compile(
    r"(?i)([?&;][^=&;#]*(?:password|passwd|pwd|token|secret|key|sig|auth|credential)[^=&;#]*=)[^&;#\s]*"
)
SPOKEN = re.compile(r"(?i)\b((?:password|passwd|pwd|token|secret)\s*[=:]\s*|bearer\s+)(?!\*)[^\s,;'\"]+")
SECRET_VARIABLES = (
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "PGPASSWORD",
)
ADDRESS_VARIABLES = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "ENCDEC_OPTUNA_STORAGE", "ENCDEC_MIRROR")
SHORTEST_SECRET = 6  # characters; a shorter one is a part of ordinary words
USER_INFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)(?!/)[^\s'\"<>]*@")  # greedy: a password may hold / or @


def masked(text: str) -> str:
    """A text in which no address shows its user, password or secret parameters, nor anything a secret of ours."""
    for secret in secrets():
        text = text.replace(secret, "***")
    return SPOKEN.sub(r"\1***", SECRET_KEYS.sub(r"\1***", USER_INFO.sub(r"\1***@", text)))


def holds_secret(text: str) -> bool:
    """Whether an address in a text has an account, or a secret of ours stands in it."""
    return USER_INFO.search(text) is not None or any(secret in text for secret in secrets())


def secrets() -> list[str]:
    """What the environment holds of passwords and keys, also as they stand in an address; the longest first."""
    known = {os.environ.get(name, "") for name in SECRET_VARIABLES}
    for name in ADDRESS_VARIABLES:
        user_info = USER_INFO.match(os.environ.get(name, ""))
        password = user_info[0].partition("://")[2].removesuffix("@").partition(":")[2] if user_info else ""
        known |= {password, unquote(password)}
    known |= {quote(each, safe="") for each in known}
    return sorted((each for each in known if len(each) >= SHORTEST_SECRET), key=len, reverse=True)
