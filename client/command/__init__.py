"""The `transcripts` command: each module holds the commands of one noun.

Nothing here imports httpx or pydantic before a command runs, so that help and completion come at once.
"""
