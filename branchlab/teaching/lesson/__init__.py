"""The lesson: nine scenarios as files, each of them predicted, observed and explained."""
