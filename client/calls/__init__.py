"""Every call of the API as a plan, by noun; `client.aio` and `client.sync` offer them as methods."""
