"""What keeps a node from serving when it must not: readiness, fencing, alarms."""
