"""Why a node does not serve yet and what there is to do about it, for people."""

from collections.abc import Mapping

from app.api.problems.language import Language, Words

_SENTENCES: Mapping[str, Words] = {
    "starting": Words("The branch is starting.", "A filial está iniciando."),
    "greeting_peers": Words(
        "The branch is greeting the other branches.", "A filial está se apresentando às outras filiais."
    ),
    "waiting_for_peers": Words(
        "The branch is waiting for the other branches.", "A filial está esperando as outras filiais."
    ),
    "rebuilding": Words(
        "The branch is fetching all rows from the other branches.",
        "A filial está buscando todas as linhas nas outras filiais.",
    ),
    "migrating": Words(
        "The database is being brought to this version's form; `progress` counts its rows.",
        "O banco de dados está sendo convertido para esta versão; `progress` conta as linhas.",
    ),
    "damaged_database": Words(
        "The database file is damaged. Nothing is written to it, and what it still tells can be read. It is"
        " set aside and built anew from the other branches when it is this branch's turn.",
        "O arquivo do banco de dados está danificado. Nada é gravado nele, e o que resta pode ser lido."
        " Ele será guardado e refeito a partir das outras filiais quando for a vez desta.",
    ),
    "nobody_serves": Words(
        "No branch that serves answers, so nothing is replaced and nothing founded by itself: start the"
        " other branches, bring back what the damaged file holds with `./lab salvage {node}`, or begin here"
        " with FOUND=1.",
        "Nenhuma filial em serviço responde; por isso nada é substituído nem fundado automaticamente:"
        " inicie as outras filiais, recupere o que o arquivo danificado contém com `./lab salvage {node}` ou"
        " comece aqui com FOUND=1.",
    ),
    "storage_failed": Words(
        "The database cannot be opened now; that is tried again, and the log says why.",
        "O banco de dados não pode ser aberto agora; isso é tentado de novo, e o log diz por quê.",
    ),
    "wrong_database": Words(
        "The database is not one that this node can use; the log says why.",
        "O banco de dados não pode ser usado por este nó; o log diz por quê.",
    ),
}


def explanation(reason: str | None, language: Language, *, node: str) -> str | None:
    """The sentence for a reason not to serve, or None where the reason says it all."""
    words = None if reason is None else _SENTENCES.get(reason)
    return None if words is None else words.spoken(language).format(node=node)
