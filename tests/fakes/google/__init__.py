"""A server of ours that speaks Speech-to-Text v2 (gRPC) and Cloud Storage (HTTP) to the unmodified clients.

`python -m tests.fakes.google --state DIR` prints its ports as one JSON line; README.md beside this file tells
what it does and how it is controlled.
"""
