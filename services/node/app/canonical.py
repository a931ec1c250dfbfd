"""The canonical forms that this version of the node writes, in one place for all who open its files."""

from app.database.forms import NO_FORMS, Forms

FORMS: Forms = NO_FORMS
