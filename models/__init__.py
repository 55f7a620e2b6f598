"""Records and pure maths: what was measured, what was fitted, what is asked, what is predicted.

Nothing here starts a process, reads a clock or prints; see docs/design.md for the folder rules.
"""
