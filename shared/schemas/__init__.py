"""What the HTTP API takes and gives, as pydantic models; used by the API, its OpenAPI and whoever reads its answers.

Times are RFC 3339 in UTC, lengths are integer milliseconds, money is in integer micro-dollars, ids are UUIDv7.
"""
