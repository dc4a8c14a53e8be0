"""How a worker holds jobs: leases on arq, runs, hand-over, and its row in the table of workers."""
