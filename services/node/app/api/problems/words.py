"""Every problem a node can answer: its status, and what it says in English and pt-BR. What only peers are
answered stands in `replica_words`, and what is said before a route is reached in `door_words`.

`problems` turns them into RFC 9457 answers, `GET /problems/{code}` explains them, the OpenAPI document
quotes them.
"""

from collections.abc import Mapping

from app.api.problems.door_words import DOOR_PROBLEMS
from app.api.problems.language import Words
from app.api.problems.problem import Problem
from app.api.problems.replica_words import REPLICA_PROBLEMS

_CLIENT_PROBLEMS = (
    Problem(
        "bad_request",
        400,
        Words("Unreadable request", "Requisição ilegível"),
        Words("The request cannot be read.", "Não foi possível ler a requisição."),
    ),
    Problem(
        "unknown_host",
        400,
        Words("Unknown host", "Endereço desconhecido"),
        Words(
            "This node does not answer to the host that was asked for (ALLOWED_HOSTS).",
            "Este nó não atende pelo endereço que foi pedido (ALLOWED_HOSTS).",
        ),
    ),
    Problem(
        "unauthenticated",
        401,
        Words("Not authenticated", "Não autenticado"),
        Words(
            "Log in at POST /auth/login with the right credentials, then send its token. ({reason})",
            "Entre por POST /auth/login com as credenciais certas e envie o token recebido. ({reason})",
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
        "effect_parked",
        409,
        Words("Effect on stock not known", "Efeito no estoque desconhecido"),
        Words(
            "What this order took from stock may be in an event that this branch could not apply and keeps"
            " (/parked). The order can be cancelled when that is applied.",
            "O que este pedido retirou do estoque pode estar em um evento que esta filial não conseguiu"
            " aplicar e guarda (/parked). O pedido poderá ser cancelado quando esse evento for aplicado.",
        ),
    ),
    Problem(
        "not_the_counter",
        409,
        Words("Another branch counts", "Outra filial faz a contagem"),
        Words(
            "Frozen stock is counted at {branch}, for the whole company.",
            "O estoque congelado é contado em {branch}, para toda a empresa.",
        ),
    ),
    Problem(
        "count_blocked",
        409,
        Words("The count needs every branch", "A contagem precisa de todas as filiais"),
        Words(
            "A stock count needs the word of every branch, and {member} gave none: {reason}.",
            "A contagem precisa da resposta de todas as filiais, e {member} não respondeu: {reason}.",
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
        "own_branch",
        409,
        Words("Own branch", "A própria filial"),
        Words(
            "{branch} is this very branch; decommission it at another one.",
            "{branch} é esta mesma filial; desative-a em outra.",
        ),
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
        "overloaded",
        503,
        Words("Too much to do", "Sobrecarga"),
        Words(
            "This node is asked for more than it can answer in time. Nothing was begun; try again later.",
            "Este nó recebe mais do que consegue atender a tempo. Nada foi iniciado; tente mais tarde.",
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
        "altered_row",
        503,
        Words("Altered row", "Linha alterada"),
        Words(
            "{relation} {key!r} is not as it was written here, so it is not used; the other branches are"
            " asked for it. Surely nothing was stored. Try again.",
            "{relation} {key!r} não está como foi gravado aqui e por isso não é usado; as outras filiais são"
            " consultadas. Com certeza nada foi gravado. Tente de novo.",
        ),
        retry_after=5,
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
        "branch_closed",
        503,
        Words("Branch decommissioned", "Filial desativada"),
        Words(
            "This branch was decommissioned at another one. What it has can be read; it takes nothing.",
            "Esta filial foi desativada em outra. O que ela tem pode ser lido; ela não aceita mais nada.",
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

PROBLEMS: Mapping[str, Problem] = {
    problem.code: problem for problem in (*_CLIENT_PROBLEMS, *DOOR_PROBLEMS, *REPLICA_PROBLEMS)
}

ENTITIES: Mapping[str, Words] = {
    "product": Words("product", "produto"),
    "customer": Words("customer", "cliente"),
    "user": Words("user", "usuário"),
    "order": Words("order", "pedido"),
    "page": Words("page", "página"),
    "problem": Words("problem", "problema"),
    "peer": Words("peer", "par"),
    "member": Words("member", "membro"),
}
