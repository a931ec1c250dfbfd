"""What all tests share: they read English, whatever the shell around them is set to."""

import os

for _name in ("LAB_LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES"):
    os.environ.pop(_name, None)
os.environ["LANG"] = "C.UTF-8"
