"""The lab: starts a network of branch nodes, breaks it on purpose, watches it and heals it.

It knows the nodes by their HTTP API and by the processes it starts, never by their code.
"""
