"""Chaos: nodes are paused and stopped by a seeded schedule for a bounded time, and healed at its end.

Standard library only: the chaos service of compose.chaos.yaml runs this package and nothing else of the lab.
"""
