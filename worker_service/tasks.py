"""What the queue calls: thin, each opens nothing and delegates to a use case."""

from typing import Final

TRANSCRIBER: Final = "transcriber"  # the key of the use case in arq's ctx
