"""Recordings that did not come through the API: from the web, from buckets."""
