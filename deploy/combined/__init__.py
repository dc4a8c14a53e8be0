"""The API and a worker together in one container, under one small supervisor."""
