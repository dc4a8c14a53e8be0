"""Transcripts from captions that others made: WebVTT and SubRip become segments and speakers; stdlib only."""
