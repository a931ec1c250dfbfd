"""Why a value does not fit: stable words for programs, sentences for people."""

from collections.abc import Mapping
from typing import Any

from app.api.problems.language import Language, Words

# What pydantic calls it -> what this API calls it. Whatever is not listed is "invalid".
_FROM_PYDANTIC: Mapping[str, str] = {
    "missing": "missing",
    "extra_forbidden": "unknown_field",
    "int_type": "not_an_integer",
    "int_parsing": "not_an_integer",
    "int_from_float": "not_an_integer",
    "int_parsing_size": "out_of_range",
    "float_type": "not_a_number",
    "union_tag_not_found": "missing",
    "union_tag_invalid": "not_one_of",
    "string_type": "not_a_text",
    "string_unicode": "lone_surrogate",
    "string_sub_type": "not_a_text",
    "bool_type": "not_true_or_false",
    "list_type": "not_a_list",
    "dict_type": "not_an_object",
    "model_type": "not_an_object",
    "model_attributes_type": "not_an_object",
    "json_invalid": "not_json",
    "string_too_short": "blank",
    "string_too_long": "too_long",
    "too_short": "too_few",
    "too_long": "too_many",
    "greater_than_equal": "too_small",
    "less_than_equal": "too_large",
    "literal_error": "not_one_of",
    "string_pattern_mismatch": "bad_form",
    "datetime_parsing": "not_a_time",
    "datetime_from_date_parsing": "not_a_time",
    "datetime_type": "not_a_time",
    "timezone_aware": "time_without_zone",
}

_SENTENCES: Mapping[str, Words] = {
    "missing": Words("is missing", "está faltando"),
    "unknown_field": Words("is not known here", "não é conhecido aqui"),
    "repeated": Words("must be given only once", "deve ser informado uma só vez"),
    "unexpected_body": Words(
        "must be left out: this address takes no body", "deve ficar de fora: este endereço não recebe corpo"
    ),
    "not_an_integer": Words("must be an integer", "deve ser um número inteiro"),
    "not_a_number": Words("must be a number", "deve ser um número"),
    "not_a_text": Words("must be a text", "deve ser um texto"),
    "lone_surrogate": Words("holds half a character", "contém meio caractere"),
    "control_character": Words("holds a control character", "contém um caractere de controle"),
    "hidden_character": Words("holds a character that cannot be seen", "contém um caractere que não se vê"),
    "bidi_control": Words(
        "holds a character that changes the direction of the text",
        "contém um caractere que muda a direção do texto",
    ),
    "not_a_character": Words(
        "holds a code point that stands for no character", "contém um código que não representa um caractere"
    ),
    "nothing_visible": Words("needs a character that can be seen", "precisa de um caractere visível"),
    "not_true_or_false": Words("must be true or false", "deve ser true ou false"),
    "not_a_list": Words("must be a list", "deve ser uma lista"),
    "not_an_object": Words("must be an object", "deve ser um objeto"),
    "not_json": Words("is not valid JSON", "não é JSON válido"),
    "blank": Words("must not be blank", "não pode ficar em branco"),
    "outer_whitespace": Words(
        "must not begin or end with a space", "não pode começar nem terminar com espaço"
    ),
    "too_long": Words(
        "must have at most {max_length} characters", "deve ter no máximo {max_length} caracteres"
    ),
    "too_few": Words("must have at least {min_length} entries", "deve ter ao menos {min_length} itens"),
    "too_many": Words("must have at most {max_length} entries", "deve ter no máximo {max_length} itens"),
    "too_small": Words("must be at least {ge}", "deve ser no mínimo {ge}"),
    "too_large": Words("must be at most {le}", "deve ser no máximo {le}"),
    "more_than_peers": Words(
        "must not be more than this branch has peers", "não pode passar do número de pares"
    ),
    "zero": Words("must not be 0", "não pode ser 0"),
    "out_of_range": Words("is out of range", "está fora do intervalo"),
    "not_one_of": Words("must be one of {expected}", "deve ser um destes: {expected}"),
    "bad_form": Words("does not have the right form", "não tem a forma certa"),
    "bad_cursor": Words("is no cursor of this list", "não é um cursor desta lista"),
    "looks_like_an_id": Words("could be taken for an id", "poderia ser confundido com um id"),
    "not_an_email": Words("is no e-mail address", "não é um endereço de e-mail"),
    "not_a_time": Words(
        "must be a time like 2026-11-23T22:01:00Z", "deve ser um instante como 2026-11-23T22:01:00Z"
    ),
    "time_without_zone": Words("must say its time zone", "deve indicar o fuso horário"),
    "password_too_short": Words("must have 12 characters or more", "deve ter 12 caracteres ou mais"),
    "password_too_long": Words("must have at most 72 bytes", "deve ter no máximo 72 bytes"),
    "wrong_password": Words("is not the current password", "não é a senha atual"),
    "nothing_to_change": Words("must name something to change", "deve indicar algo para mudar"),
    "too_large_in_total": Words("makes the total too large", "torna o total grande demais"),
    "invalid": Words("does not fit", "não serve"),
}


def stable_word(pydantic_type: str) -> str:
    """This API's word for a reason of pydantic's, or of our own validators."""
    word = _FROM_PYDANTIC.get(pydantic_type, pydantic_type)
    return word if word in _SENTENCES else "invalid"


def sentence(reason: str, language: Language, values: Mapping[str, Any]) -> str:
    """The reason for a person. `values` are the limits it may name, and the `character` it is about."""
    words = _SENTENCES.get(reason, _SENTENCES["invalid"])
    said = words.spoken(language).format_map(_Blank(values))
    return f"{said} ({values['character']})" if values.get("character") else said


class _Blank(dict[str, Any]):
    """A limit that is not known is shown as an ellipsis, never as an error."""

    def __missing__(self, key: str) -> str:
        return "…"
