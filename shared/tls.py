"""What to do about a TLS connection that did not come about, read from the error: by its code, never by its text."""

import ssl
from collections.abc import Iterator
from typing import Final

_ELSEWHERE: Final = frozenset({62, 64})  # X509_V_ERR_HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH
_UNKNOWN_ISSUER: Final = frozenset({2, 18, 19, 20, 21})
_TIME: Final = {9: "is not valid yet", 10: "has expired"}
_NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNEXPECTED_EOF_WHILE_READING"})


def tls_advice(error: BaseException, authorities: str) -> str | None:
    """What was wrong with the server's certificate and what to do; None where TLS is not what failed.

    `authorities` is how the file of trusted authorities is named in the URL.
    """
    for each in _chain(error):
        if isinstance(each, ssl.SSLCertVerificationError):
            return _certificate(each, authorities)
        if isinstance(each, ssl.SSLError) and each.reason in _NO_TLS:
            return (
                "The server does not speak TLS at this port. Correct the port, or ask for no TLS in the URL."
            )
    return None


def _certificate(error: ssl.SSLCertVerificationError, authorities: str) -> str:
    code = error.verify_code
    if code in _ELSEWHERE:
        return (
            "The server's certificate is for another host. Use the name in it, which the provider shows; do not turn "
            "the check off: it is what tells this server from any other."
        )
    if code in _UNKNOWN_ISSUER:
        return (
            "The server's certificate comes from an authority that is not trusted here. Save the provider's CA "
            f"certificate, and name its file in the URL: {authorities}=/path/to/ca.pem"
        )
    if code in _TIME:
        return f"The server's certificate {_TIME[code]}. Renew it, or set this machine's clock."
    return f"The server's certificate is refused ({error.verify_message})."


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what led to it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
