"""Many simulated operators at all branches, by Locust, and the verdict over what they were told."""
