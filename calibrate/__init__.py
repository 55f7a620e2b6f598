"""Everything that touches hardware: starting a cluster, the probes, the protocol, training.

TensorFlow is imported inside the task processes alone; the coordinating process never imports it.
"""
