"""One script a contender, each run in an environment of its own: `worker` serves, `produce` enqueues."""
