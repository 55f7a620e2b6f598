"""Scaling tables: throughput at several numbers of workers, and what it tells alone."""
