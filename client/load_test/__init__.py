"""A load test of a service: recordings sent as one batch, their times told as percentiles and drawn."""
