"""The report of runs as one page that needs nothing else, and run logs in the forms of other tools."""
