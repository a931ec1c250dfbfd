"""Every refusal as an RFC 9457 problem, in English or Portuguese."""

from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse

# code: (status, in English, in Portuguese)
_TABLE = {
    "unauthenticated": (401, "Log in first", "Entre primeiro"),
    "replica_token_refused": (401, "The X-Replica-Token is wrong", "O X-Replica-Token está errado"),
    "forbidden": (403, "Your role may not do this", "Seu papel não permite isso"),
    "not_found": (404, "There is no such thing here", "Isso não existe aqui"),
    "already_exists": (409, "It exists already", "Já existe"),
    "out_of_stock": (409, "There are not so many units here", "Não há tantas unidades aqui"),
    "other_branch": (409, "Only its own branch changes it", "Só a própria filial o altera"),
    "validation": (422, "Some values do not fit", "Alguns valores não servem"),
    "unknown_sku": (422, "The product is not known here", "O produto não é conhecido aqui"),
    "unknown_customer": (422, "The customer is not known here", "O cliente não é conhecido aqui"),
}


def problem(request: Request, code: str, **data: Any) -> JSONResponse:
    """The answer that says what was refused; programs go by `code`."""
    status, english, portuguese = _TABLE[code]
    title = portuguese if request.headers.get("accept-language", "").startswith("pt") else english
    body = {"type": f"/problems/{code}", "title": title, "status": status, "code": code, **data}
    return JSONResponse(body, status, media_type="application/problem+json")
