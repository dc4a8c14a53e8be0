"""The examination of a set-up: what is wrong with its parts, and how to mend it; for the doctor and the API."""
