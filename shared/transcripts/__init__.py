"""Transcripts in Postgres: taken in, given out, edited, found."""
