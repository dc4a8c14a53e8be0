"""How callers wait for jobs: polls, long polls, event streams, and when to look again."""
