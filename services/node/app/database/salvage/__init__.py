"""Reading what is left of a damaged database file. Knows SQLite's file format, not what the rows mean.

report     what became of what a file held
reading    the rows and keys of a file, by whatever way they can be read
by_sql     SQLite's own view, on a copy
by_pages   the same without SQLite, from
survey     what each page is, and of which table
pages      the file and its log, every version of a page
wal        which frames of the log count
carving    records in a page whose order is lost
cells      one b-tree page
layouts    what a table's records look like
records    a record's values
"""

from app.database.salvage.by_pages import Way
from app.database.salvage.reading import FoundRow, Keys, Reading, Summary, read_keys, read_rows
from app.database.salvage.records import Value
from app.database.salvage.report import SalvageReport, salvage_report

__all__ = [
    "FoundRow",
    "Keys",
    "Reading",
    "SalvageReport",
    "Summary",
    "Value",
    "Way",
    "read_keys",
    "read_rows",
    "salvage_report",
]
