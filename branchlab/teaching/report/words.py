"""The report's texts: each one in Portuguese and in English."""

from collections.abc import Mapping

Both = tuple[str, str]
"""(pt-BR, en)"""

TEXTS: Mapping[str, Both] = {
    "title": ("Relatório da rede de filiais", "Report of the network of branches"),
    "language": ("English", "Português"),
    "verdict": ("Veredito", "Verdict"),
    "promises": ("Promessas", "Promises"),
    "predictions": ("Previsões e resultados", "Predictions and results"),
    "question": ("Pergunta", "Question"),
    "class": ("Turma", "Class"),
    "theory": ("Teoria", "Theory"),
    "observed": ("Observado", "Observed"),
    "error": ("Erro", "Error"),
    "expected": ("O que se devia ver", "What should be seen"),
    "why": ("Por quê", "Why"),
    "hypothesis": ("Hipótese", "Hypothesis"),
    "timeline": ("O que aconteceu, no tempo", "What happened, over time"),
    "pending": ("Eventos pendentes por enlace", "Pending events by link"),
    "stock": ("Estoque da empresa, visto em cada filial", "The company's stock, as each branch knows it"),
    "lag": ("Atraso da replicação (s)", "Replication lag (s)"),
    "orders": ("Pedidos por segundo, por resultado", "Orders a second, by outcome"),
    "space_time": (
        "Espaço e tempo: quem soube do quê, e por quê",
        "Space and time: who knew what, and from where",
    ),
    "space_time_note": (
        "Um ponto é algo que aconteceu numa filial; uma seta leva do evento escrito à filial que o recebeu.",
        "A dot is something that happened at a branch; an arrow leads from an event to where it arrived.",
    ),
    "faults": ("Falhas", "Faults"),
    "fault": ("Falha", "Fault"),
    "from_to": ("De – até (s)", "From – to (s)"),
    "story": ("A história", "The story"),
    "counterexample": ("Contraexemplo", "Counter-example"),
    "environment": ("Ambiente", "Environment"),
    "gap": (
        "Hachurado: ninguém sabe. Faixas: falhas.",
        "Hatched: nobody knows. Bands: faults.",
    ),
    "untested": ("não testada", "untested"),
    "open": ("até o fim", "to the end"),
}

PROMISES: Mapping[str, Both] = {
    "lost": ("nenhum pedido confirmado se perde", "no acknowledged order is lost"),
    "duplicated": ("um pedido existe uma vez por chave", "an order exists once for each key"),
    "oversold": ("não se vende mais do que entrou", "no more units are sold than came in"),
    "rights": ("unidades e cotas não surgem nem somem", "units and rights are neither made nor lost"),
    "converged": ("todas as filiais mostram o mesmo", "all branches show the same"),
    "monotone": ("o que uma filial sabe só cresce", "what a branch knows only grows"),
    "session": ("lê-se na filial o que ela confirmou", "what a branch confirmed is read there"),
    "authentic": ("nada existe que ninguém pediu", "nothing is there that nobody asked for"),
}

OUTCOMES: Mapping[str, str] = {
    "created": "201",
    "conflict": "409",
    "unauthorized": "401",
    "forbidden": "403",
    "other": "4xx",
    "broken": "5xx",
    "unanswered": "—",
}

ENVIRONMENT: Mapping[str, Both] = {
    "run": ("execução", "run"),
    "began": ("início (UTC)", "began (UTC)"),
    "driver": ("driver", "driver"),
    "policy": ("política", "policy"),
    "seed": ("semente", "seed"),
    "nodes": ("filiais", "branches"),
    "sqlite": ("SQLite", "SQLite"),
    "records": ("registros", "records"),
    "seconds": ("duração (s)", "length (s)"),
}

UNITS: Mapping[str | None, Both] = {
    None: ("", ""),
    "events": ("eventos", "events"),
    "orders": ("pedidos", "orders"),
    "units": ("unidades", "units"),
    "ms": ("ms", "ms"),
    "seconds": ("s", "s"),
}
