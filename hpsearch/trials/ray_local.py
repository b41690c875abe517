"""The environment of a local Ray of ours: closed to others. It is read when Ray is imported, so nothing here imports it."""

import os
import secrets

LOCAL = {
    # Ray's word for what it does on a desktop: every server listens on 127.0.0.1 instead of on all interfaces
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "token",
}


def close_to_others() -> None:
    """Have a local Ray listen to this machine alone and ask for a token.

    The token lasts as long as the process and is in no file: Ray would write ``~/.ray/auth_token`` for everybody to read.
    """
    os.environ.update(LOCAL, RAY_AUTH_TOKEN=secrets.token_hex(32))
