"""How many workers does it take before distributed training beats one process?"""

__version__ = "0.1.0"
