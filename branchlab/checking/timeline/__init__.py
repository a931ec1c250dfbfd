"""What happened in a run, over time, from its records alone: the one model behind the live screens, a replay
and the report.

    timeline = timeline_of(read_records(path))        # a whole log, or `until` some moment of it
    timeline.pending["matriz", "filial-sul"].points   # a step line with gaps where nobody knows

A `Timeline` is fed record by record, so a live screen and a replay show the same at the same moment.
"""
