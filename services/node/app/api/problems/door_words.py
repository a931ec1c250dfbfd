"""Every problem that is answered at the door: of requests that are too many, too large or too slow, and of
logins."""

from app.api.problems.language import Words
from app.api.problems.problem import Problem

DOOR_PROBLEMS = (
    Problem(
        "slow_header",
        408,
        Words("Slow request", "Requisição lenta"),
        Words(
            "The header did not arrive in time; the connection is closed.",
            "O cabeçalho não chegou a tempo; a conexão foi encerrada.",
        ),
    ),
    Problem(
        "header_too_large",
        431,
        Words("Header too large", "Cabeçalho grande demais"),
        Words(
            "The address and the header may have at most 16 KiB; the connection is closed.",
            "O endereço e o cabeçalho podem ter no máximo 16 KiB; a conexão foi encerrada.",
        ),
    ),
    Problem(
        "framed_twice",
        400,
        Words("Two lengths", "Dois comprimentos"),
        Words(
            "The header says in two ways where the body ends: Content-Length and Transfer-Encoding. Send"
            " one.",
            "O cabeçalho diz de dois modos onde o corpo termina: Content-Length e Transfer-Encoding. Envie um"
            " só.",
        ),
    ),
    Problem(
        "slow_body",
        408,
        Words("Slow body", "Corpo lento"),
        Words(
            "The body did not arrive in time. Surely nothing was stored.",
            "O corpo não chegou a tempo. Com certeza nada foi gravado.",
        ),
    ),
    Problem(
        "body_too_large",
        413,
        Words("Body too large", "Corpo grande demais"),
        Words("The body may have at most {limit} bytes.", "O corpo pode ter no máximo {limit} bytes."),
    ),
    Problem(
        "throttled",
        429,
        Words("Too many failed logins", "Falhas de login demais"),
        Words("Wait, then try again.", "Aguarde e tente de novo."),
    ),
    Problem(
        "too_many_requests",
        429,
        Words("Too many requests", "Requisições demais"),
        Words(
            "This address sent too many requests without a valid token. Wait, then try again.",
            "Este endereço enviou requisições demais sem um token válido. Aguarde e tente de novo.",
        ),
    ),
    Problem(
        "logins_busy",
        503,
        Words("Too many logins at once", "Logins demais ao mesmo tempo"),
        Words(
            "Other logins wait for their turn; this one was not checked. Try again.",
            "Outros logins aguardam a vez; este não foi verificado. Tente de novo.",
        ),
    ),
    Problem(
        "bodies_full",
        503,
        Words("No room for the body", "Sem espaço para o corpo"),
        Words(
            "Bodies of other requests fill the {limit} bytes that there are for them. Surely nothing was"
            " stored. Try again.",
            "Corpos de outras requisições ocupam os {limit} bytes que há para eles. Com certeza nada foi"
            " gravado. Tente de novo.",
        ),
        retry_after=1,
    ),
)
