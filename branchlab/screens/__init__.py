"""The control room: one page in the browser on which a class sees a network, breaks it and heals it.

`source.py` says what a page shows. `live/` is a network that runs, `replay.py` a run that is played again,
`page/` what teachers see, `audience/` what phones in the room see, `serving.py` who may see what.
"""
