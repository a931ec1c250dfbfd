"""Every problem that only peers are answered: its status, and what it says in English and pt-BR."""

from app.api.problems.language import Words
from app.api.problems.problem import Problem

REPLICA_PROBLEMS = (
    Problem(
        "used_token",
        401,
        Words("Token already used", "Token já usado"),
        Words(
            "A token is good for one request; issue another one for this message.",
            "Um token vale para uma única requisição; emita outro para esta mensagem.",
        ),
    ),
    Problem(
        "beyond_bounds",
        422,
        Words("Beyond bounds", "Além dos limites"),
        Words(
            "No honest node is that far: {field} ({reason}).",
            "Nenhum nó honesto vai tão longe: {field} ({reason}).",
        ),
    ),
    Problem(
        "kept_full",
        507,
        Words("Too much that cannot be used", "Excesso do que não se pode usar"),
        Words(
            "More than {limit} bytes from {branch} would be kept here that cannot be used yet. Nothing of the"
            " message was stored.",
            "Mais de {limit} bytes de {branch} que ainda não podem ser usados ficariam guardados aqui. Nada"
            " da mensagem foi gravado.",
        ),
        retry_after=60,
    ),
    Problem(
        "unconfirmed_death",
        409,
        Words("Unconfirmed death", "Fim não confirmado"),
        Words(
            "{branch} itself has not said here that its epoch {epoch} is over.",
            "A própria {branch} não disse aqui que sua época {epoch} terminou.",
        ),
    ),
    Problem(
        "replica_token_refused",
        401,
        Words("Token between nodes refused", "Token entre nós recusado"),
        Words(
            "This takes an X-Replica-Token that a node of this network signed for this very request. Between"
            " nodes: is REPLICA_SECRET the same at both? ({reason})",
            "Isto exige um X-Replica-Token que um nó desta rede assinou para esta mesma requisição. Entre"
            " nós: REPLICA_SECRET é o mesmo nos dois? ({reason})",
        ),
    ),
    Problem(
        "not_the_sender",
        403,
        Words("Not the sender", "Não é o remetente"),
        Words("{sender} may not say this here.", "{sender} não pode dizer isto aqui."),
    ),
    Problem(
        "stale_incarnation",
        409,
        Words("A later process of this life", "Um processo mais novo desta vida"),
        Words(
            "A later process of {node} in this epoch has said hello; this one has a copy or an older state.",
            "Um processo mais novo de {node} nesta época já fez hello; este tem cópia ou estado antigo.",
        ),
    ),
    Problem(
        "wrong_epoch",
        409,
        Words("Another life of this node", "Outra vida deste nó"),
        Words(
            "This node is in epoch {epoch}; say hello first.",
            "Este nó está na época {epoch}; envie um hello antes.",
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
        "decommissioned",
        409,
        Words("Decommissioned", "Filial desativada"),
        Words(
            "{branch} was decommissioned and is no member any more.",
            "{branch} foi desativada e não é mais membro.",
        ),
    ),
    Problem(
        "dead_epoch",
        409,
        Words("Dead epoch", "Época encerrada"),
        Words("Epoch {epoch} of {branch} is over.", "A época {epoch} de {branch} terminou."),
    ),
)
