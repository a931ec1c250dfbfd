"""What keys mean while a page is at the lesson."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from branchlab.language import Language
from branchlab.screens.lesson.course import Course

EVERYWHERE = frozenset([*"gdfmx?o", "escape", "left", "right"])
"""Keys that mean the same there as in the room."""


class LessonKeys:
    """Does what a key says to the lesson. `heal` heals the room's own network."""

    def __init__(self, course: Course, heal: Callable[[], None]) -> None:
        self._course = course
        self._heal = heal
        self._under_way: set[asyncio.Task[None]] = set()

    def press(self, key: str, language: Language) -> bool:
        """False for a key that means the same everywhere. All others act on the lesson alone: nobody sees
        the room's network meanwhile."""
        course = self._course
        if key in EVERYWHERE:
            return False
        if key == "space":
            course.next(language)
        elif key == "z":
            self._later(course.leave())
        elif key == "h":
            self._later(course.close())
            self._heal()
        elif key.isdigit() and course.phase == "choose":
            course.choose(int(key))
        elif key.isdigit():
            course.predict(int(key) - 1)
        return True

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
