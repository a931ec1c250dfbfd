"""Bugs of who may act and of what names stand for: no administrator is left, a key is taken for an id."""

import sqlite3
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

from app.domain import admins, identity
from app.domain.user import User
from app.state.tables.lww_table import LwwTable
from tests.catalogue.test_keys_and_ids import (
    ID,
    new_product,
    test_a_new_key_that_looks_like_an_id_is_refused,
    test_a_sku_that_is_another_products_id_names_its_own_product,
)
from tests.catalogue.test_users_meet import (
    test_an_admin_who_left_long_ago_does_not_come_back,
    test_of_two_admins_who_deactivate_each_other_the_last_one_acts_at_both_branches,
    test_of_two_admins_who_take_each_others_role_one_acts,
)
from tests.teeth.bug import Directed, bug

_LEFT = "an administrator is left, the same one at every branch"
_NAMES = "a key is never taken for an id"


@bug(_LEFT, Directed(test_of_two_admins_who_deactivate_each_other_the_last_one_acts_at_both_branches))
def the_last_admin_is_lost_when_changes_meet() -> AbstractContextManager[object]:
    """Nobody acts as administrator where two have deactivated each other."""
    return mock.patch.object(admins, "stand_in", return_value=None)


@bug(_LEFT, Directed(test_an_admin_who_left_long_ago_does_not_come_back))
def who_left_first_comes_back_as_admin() -> AbstractContextManager[object]:
    """Of those who were administrators, the first one removed acts as one."""

    def removed_at(user: User) -> tuple[int, int, str]:
        return -user.admin_until, 0, user.id

    return mock.patch.object(admins, "_removed_at", removed_at)


@bug(_LEFT, Directed(test_of_two_admins_who_take_each_others_role_one_acts))
def who_lost_the_role_is_forgotten() -> AbstractContextManager[object]:
    """A user whose role was taken away leaves no trace of having been an administrator."""
    return mock.patch.object(User, "removed_from_admins", lambda user, **_when: user)


@bug(_NAMES, Directed(test_a_sku_that_is_another_products_id_names_its_own_product))
def an_id_goes_before_a_key() -> AbstractContextManager[object]:
    """A reference that is the id of one product names that one, though another has it as its sku."""
    found = LwwTable._found

    def ids_first(table: LwwTable[Any], connection: sqlite3.Connection, reference: str, *how: Any) -> Any:
        return table.snapshot(connection, reference) or found(table, connection, reference, *how)

    return mock.patch.object(LwwTable, "_found", ids_first)


@bug(
    _NAMES,
    Directed(test_a_new_key_that_looks_like_an_id_is_refused, {"create": new_product, "key": ID}),
)
def a_new_key_may_look_like_an_id() -> AbstractContextManager[object]:
    """A product may be made whose sku is the id of another one."""
    return mock.patch.object(identity, "looks_like_an_id", return_value=False)
