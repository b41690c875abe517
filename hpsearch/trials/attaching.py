"""Attaching to a Ray cluster: whoever can talk to one can run code on its machines, so it is asked for its token first."""

import os
import stat
from pathlib import Path
from typing import assert_never

from hpsearch.errors import Refused
from hpsearch.trials.answers import ask

HOW = "RAY_AUTH_MODE=token and a file with the token on every machine, named by RAY_AUTH_TOKEN_PATH"


def attach(address: str, trusted: bool) -> str:
    """The cluster's address as host:port, with the way to talk to it set for Ray, which is yet to be imported.

    Refused where nobody answers, where the cluster lets everybody in and that is not ``trusted``, and where it asks for a token
    that we do not have.
    """
    if "://" in address or address == "local":
        raise Refused(
            f"--address takes the head's host:port or auto, got {address}: run the command on a machine of the cluster; to use "
            "this machine alone, leave --address out"
        )
    word, where = ask(address, "disabled")
    match word:
        case "welcome" if not trusted:
            raise Refused(
                f"the Ray cluster at {where} asks for no token, so whoever reaches it can run code on its machines as you: "
                f"start it with {HOW}, or give --trust-network where nobody else can reach it"
            )
        case "welcome":
            os.environ["RAY_AUTH_MODE"] = "disabled"
        case "token":
            _with_token(where)
        case "none":
            raise Refused(
                f"no Ray cluster is known for --address {address}: start one with `ray start --head`, or give its head's host:port"
            )
        case "nobody":
            raise Refused(f"no Ray cluster answers at {where}: start one with `ray start --head`, or leave --address out")
        case "no ray":
            raise Refused(
                f"what answers at {where} is no Ray cluster that this Ray can talk to: give the host:port of a cluster's head"
            )
        case _:
            assert_never(word)
    return where


def _with_token(where: str) -> None:
    remedy = "set RAY_AUTH_TOKEN_PATH to a file that holds it"
    given, file = os.environ.get("RAY_AUTH_TOKEN"), _token_file()
    if not given and not file.is_file() and "RAY_ENABLE_K8S_TOKEN_AUTH" not in os.environ:
        raise Refused(f"the Ray cluster at {where} asks for a token, and there is none in {file}: {remedy}")
    word, _ = ask(where, "token")
    match word:
        case "welcome":
            os.environ["RAY_AUTH_MODE"] = "token"
        case "token" | "none" | "nobody" | "no ray":
            own = "RAY_AUTH_TOKEN" if given else file
            raise Refused(f"the Ray cluster at {where} asks for a token, and does not take the one in {own}: {remedy}")
        case _:
            assert_never(word)


def _token_file() -> Path:
    return Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")


def closed_token() -> str:
    """Take everybody else's rights to the file of the token; what was done, in a sentence, empty where nothing was to do."""
    file = _token_file()
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        if not mode & 0o077:
            return ""
        file.chmod(0o600)
    except FileNotFoundError:
        return ""
    except OSError as error:  # of another user, or on a disk that is read only
        return f"others can read Ray's token in {file}, and that cannot be changed here ({error.strerror}): chmod it to 600"
    return f"others could read Ray's token in {file} (mode {mode:o}): it is 600 now"
