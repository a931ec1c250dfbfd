"""The one table of everything a node refuses: from class to code, and from code to status and words.

`api/problems.py` turns it into RFC 9457 answers, `GET /problems/{code}` explains it, the OpenAPI document
quotes it.
"""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.api.language import Words
from app.database import OutcomeUnknown, StorageError, StorageFull
from app.security.errors import Forbidden, ReplicaTokenRefused, Throttled, Unauthenticated
from app.state import errors as state
from app.sync import errors as sync


@dataclass(frozen=True)
class Problem:
    """One kind of refusal. `detail` may name the problem's data in braces; `retry_after` is in seconds."""

    code: str
    status: int
    title: Words
    detail: Words
    retry_after: int | None = None


@dataclass(frozen=True)
class Said:
    """What is said of one error: which problem it is, and its data for the client."""

    code: str
    data: Mapping[str, Any]


def say(error: Exception) -> Said | None:
    """What to say of an error, or None for one that no client should hear about."""
    for kind, words in _ERRORS:
        if isinstance(error, kind):
            return words(error)
    return None


def _shortage(error: Any) -> Said:
    shortages = [
        {
            "sku": short.sku,
            "wanted": short.wanted,
            "available_here": short.available_here,
            "available_company": short.available_company,
        }
        for short in error.shortages
    ]
    return Said("out_of_stock", {**shortages[0], "shortages": shortages})


def _unknown_reference(error: state.UnknownReference) -> Said:
    code = "unknown_sku" if error.entity == "product" else f"unknown_{error.entity}"
    return Said(code, {"keys": list(error.keys), "listed": ", ".join(error.keys)})


def _plain(code: str, *names: str) -> Callable[[Any], Said]:
    return lambda error: Said(code, {name: getattr(error, name) for name in names})


# The first row whose class fits counts, so a base class stands below its children.
_ERRORS: tuple[tuple[type[Exception], Callable[[Any], Said]], ...] = (
    (state.OutOfStock, _shortage),
    (state.OutOfRights, _shortage),
    (state.UnknownReference, _unknown_reference),
    (state.NotFound, _plain("not_found", "entity", "key")),
    (state.AlreadyExists, _plain("already_exists", "entity", "key")),
    (state.OtherBranch, _plain("other_branch", "branch")),
    (state.KeyReused, _plain("key_reused")),
    (state.LastAdmin, _plain("last_admin")),
    (state.NotReady, _plain("not_ready", "reason")),
    (state.PolicyMismatch, _plain("policy_mismatch", "peer", "policy")),
    (state.Fenced, _plain("fenced", "reason")),
    (state.DeadEpoch, _plain("dead_epoch", "branch", "epoch")),
    (Unauthenticated, _plain("unauthenticated", "reason")),
    (ReplicaTokenRefused, _plain("unauthenticated", "reason", "now")),
    (Forbidden, _plain("forbidden", "role")),
    (Throttled, lambda error: Said("throttled", {"retry_after_seconds": error.retry_after})),
    (sync.WrongEpoch, _plain("wrong_epoch", "epoch")),
    (sync.Gap, lambda error: Said("gap", {"position": error.position.model_dump()})),
    (sync.Fork, _plain("fork", "origin", "seq")),
    (sync.Incompatible, _plain("incompatible", "reason")),
    (sync.NotTheSender, _plain("not_the_sender", "sender")),
    (StorageFull, _plain("disk_full")),
    (OutcomeUnknown, _plain("outcome_unknown")),
    (StorageError, _plain("storage_failed")),
    (sqlite3.Error, _plain("storage_failed")),
)

_CLIENT_PROBLEMS = (
    Problem(
        "bad_request",
        400,
        Words("Unreadable request", "Requisição ilegível"),
        Words("The request cannot be read.", "Não foi possível ler a requisição."),
    ),
    Problem(
        "unauthenticated",
        401,
        Words("Not authenticated", "Não autenticado"),
        Words(
            "A valid token is needed; log in at POST /auth/login. ({reason})",
            "É preciso um token válido; entre por POST /auth/login. ({reason})",
        ),
    ),
    Problem(
        "forbidden",
        403,
        Words("Not allowed", "Não permitido"),
        Words("This takes the role {role}.", "Isto exige o papel {role}."),
    ),
    Problem(
        "not_found",
        404,
        Words("Not found", "Não encontrado"),
        Words("There is no {entity} {key!r} here.", "Não há {entity} {key!r} aqui."),
    ),
    Problem(
        "method_not_allowed",
        405,
        Words("Method not allowed", "Método não permitido"),
        Words("This address does not take this method.", "Este endereço não aceita este método."),
    ),
    Problem(
        "already_exists",
        409,
        Words("Already exists", "Já existe"),
        Words("There already is a {entity} {key!r}.", "Já existe {entity} {key!r}."),
    ),
    Problem(
        "out_of_stock",
        409,
        Words("Out of stock", "Sem estoque"),
        Words(
            "{wanted} of {sku} were asked for; {available_here} are available at this branch and"
            " {available_company} in the company, as far as this branch knows. Every branch that could be"
            " reached was asked.",
            "Foram pedidas {wanted} unidades de {sku}; há {available_here} nesta filial e"
            " {available_company} na empresa, até onde esta filial sabe. Todas as filiais alcançáveis foram"
            " consultadas.",
        ),
    ),
    Problem(
        "other_branch",
        409,
        Words("Order of another branch", "Pedido de outra filial"),
        Words(
            "Only its own branch, {branch}, changes this order.", "Só a filial {branch} altera este pedido."
        ),
    ),
    Problem(
        "last_admin",
        409,
        Words("Last administrator", "Último administrador"),
        Words(
            "This is the last active administrator known here; make another one first.",
            "Este é o último administrador ativo conhecido aqui; crie outro antes.",
        ),
    ),
    Problem(
        "body_too_large",
        413,
        Words("Body too large", "Corpo grande demais"),
        Words("The body may have at most {limit} bytes.", "O corpo pode ter no máximo {limit} bytes."),
    ),
    Problem(
        "unsupported_media_type",
        415,
        Words("Unsupported media type", "Tipo de conteúdo não aceito"),
        Words(
            "Send the body as {expected}, not compressed.", "Envie o corpo como {expected}, sem compressão."
        ),
    ),
    Problem(
        "validation",
        422,
        Words("Invalid values", "Valores inválidos"),
        Words(
            "Some values do not fit; `errors` names each.",
            "Alguns valores não servem; `errors` indica cada um.",
        ),
    ),
    Problem(
        "unknown_sku",
        422,
        Words("Unknown product", "Produto desconhecido"),
        Words("No product is known here as: {listed}.", "Nenhum produto é conhecido aqui como: {listed}."),
    ),
    Problem(
        "unknown_customer",
        422,
        Words("Unknown customer", "Cliente desconhecido"),
        Words("No customer is known here as: {listed}.", "Nenhum cliente é conhecido aqui como: {listed}."),
    ),
    Problem(
        "key_reused",
        422,
        Words("Idempotency-Key reused", "Idempotency-Key reutilizada"),
        Words(
            "This Idempotency-Key was used with another body; use a new key for a new order.",
            "Esta Idempotency-Key foi usada com outro corpo; use uma chave nova para um pedido novo.",
        ),
    ),
    Problem(
        "throttled",
        429,
        Words("Too many failed logins", "Falhas de login demais"),
        Words("Wait, then try again.", "Aguarde e tente de novo."),
    ),
    Problem(
        "internal_error",
        500,
        Words("Internal error", "Erro interno"),
        Words(
            "Something went wrong here. Give this request's id to whoever runs the node.",
            "Algo deu errado aqui. Informe o id desta requisição a quem opera o nó.",
        ),
    ),
    Problem(
        "not_ready",
        503,
        Words("Not ready", "Ainda não está pronto"),
        Words(
            "This node is starting or still rebuilding; GET /readyz says when it is ready. ({reason})",
            "Este nó está iniciando ou se reconstruindo; GET /readyz diz quando estará pronto. ({reason})",
        ),
        retry_after=1,
    ),
    Problem(
        "outcome_unknown",
        503,
        Words("Outcome unknown", "Resultado desconhecido"),
        Words(
            "It may or may not have been stored. Retry with the same Idempotency-Key.",
            "Pode ou não ter sido gravado. Repita com a mesma Idempotency-Key.",
        ),
        retry_after=1,
    ),
    Problem(
        "storage_failed",
        503,
        Words("Storage failed", "Falha no armazenamento"),
        Words("Surely nothing was stored. Try again.", "Com certeza nada foi gravado. Tente de novo."),
        retry_after=1,
    ),
    Problem(
        "policy_mismatch",
        503,
        Words("Stock policies differ", "Políticas de estoque diferentes"),
        Words(
            "{peer} runs under the policy {policy}; nothing is sold until all nodes agree.",
            "{peer} opera com a política {policy}; nada é vendido até que todos os nós concordem.",
        ),
        retry_after=5,
    ),
    Problem(
        "fenced",
        503,
        Words("Node fenced", "Nó isolado"),
        Words(
            "A peer knows more of this node than the node itself: its disk went back in time or was cloned."
            " ({reason})",
            "Um par sabe mais deste nó do que ele mesmo: seu disco voltou no tempo ou foi clonado."
            " ({reason})",
        ),
    ),
    Problem(
        "disk_full",
        507,
        Words("Disk full", "Disco cheio"),
        Words(
            "The node's disk is full. Surely nothing was stored.",
            "O disco do nó está cheio. Com certeza nada foi gravado.",
        ),
        retry_after=5,
    ),
)

_REPLICA_PROBLEMS = (
    Problem(
        "not_the_sender",
        403,
        Words("Not the sender", "Não é o remetente"),
        Words("{sender} may not say this here.", "{sender} não pode dizer isto aqui."),
    ),
    Problem(
        "wrong_epoch",
        409,
        Words("Another life of this node", "Outra vida deste nó"),
        Words(
            "This node is in epoch {epoch}; say hello first.",
            "Este nó está na época {epoch}; faça hello antes.",
        ),
    ),
    Problem(
        "gap",
        409,
        Words("Gap", "Lacuna"),
        Words(
            "The batch does not continue what is known here.", "O lote não continua o que se conhece aqui."
        ),
    ),
    Problem(
        "fork",
        409,
        Words("Fork", "Bifurcação"),
        Words(
            "{origin} told another history before, at {seq}.",
            "{origin} contou outra história antes, em {seq}.",
        ),
    ),
    Problem(
        "incompatible",
        409,
        Words("Incompatible", "Incompatível"),
        Words("The nodes cannot work together. ({reason})", "Os nós não podem trabalhar juntos. ({reason})"),
    ),
    Problem(
        "dead_epoch",
        409,
        Words("Dead epoch", "Época encerrada"),
        Words("Epoch {epoch} of {branch} is over.", "A época {epoch} de {branch} terminou."),
    ),
)

PROBLEMS: Mapping[str, Problem] = {
    problem.code: problem for problem in (*_CLIENT_PROBLEMS, *_REPLICA_PROBLEMS)
}

ENTITIES: Mapping[str, Words] = {
    "product": Words("product", "produto"),
    "customer": Words("customer", "cliente"),
    "user": Words("user", "usuário"),
    "order": Words("order", "pedido"),
    "page": Words("page", "página"),
    "problem": Words("problem", "problema"),
}
