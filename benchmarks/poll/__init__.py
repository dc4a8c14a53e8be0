"""Readers of jobs: polls, 304s, long polls and event streams, against the handler that one would write first."""
