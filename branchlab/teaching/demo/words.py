"""Every text of the demonstration, in Portuguese and in English, and how each language writes numbers."""

from collections.abc import Mapping
from dataclasses import dataclass

from branchlab.language import Language
from branchlab.networks.drivers import NodeState


@dataclass(frozen=True)
class Words:
    """The texts of one language; `{…}` are filled in with `str.format`."""

    language: Language
    decimal_comma: bool
    title: str
    network_in_use: str
    network_starting: str
    network_ready: str
    step_catalogue: str
    step_sales: str
    step_apart: str
    step_heal: str
    step_rest: str
    step_verdict: str
    waiting: str
    chart_title: str
    measured: str
    expected: str
    unknown: str
    state: Mapping[NodeState, str]
    links_title: str
    others: str
    plain_reading: str
    plain_draining: str
    drained: str
    verdict: str
    as_allowed: str
    by_others: str
    converged: Mapping[bool | None, str]
    summary_apart: str
    summary_rights: str
    summary_healed: str
    summary_orders: str
    all_well: str
    something_wrong: str
    not_all_checked: str
    not_as_written: str
    others_not_drained: str
    not_drained: str
    run_log: str
    stays_up: str

    def number(self, value: float, *, decimals: int = 0) -> str:
        """As people of this language write it: 1.234,5 or 1,234.5."""
        written = f"{value:,.{decimals}f}"
        return written.translate(_SWAPPED) if self.decimal_comma else written

    def money(self, cents: int) -> str:
        """An amount of reais."""
        return f"R$ {self.number(cents / 100, decimals=2)}"


_SWAPPED = str.maketrans({",": ".", ".": ","})

PORTUGUESE = Words(
    language="pt-BR",
    decimal_comma=True,
    title="ACME/SA: uma filial fica isolada, as outras vendem, ninguém perde nada",
    network_in_use="Rede em uso: {nodes} (driver {driver}).",
    network_starting="A rede não está completa no ar: iniciando com o driver {driver}…",
    network_ready="Rede no ar: {nodes} (driver {driver}).",
    step_catalogue="1/6 Catálogo e estoque: {products} produtos, {customers} clientes, {units} unidades",
    step_sales="2/6 Vendas de um dia comum: {orders} pedidos em todas as filiais",
    step_apart="3/6 {victim} {fault}: as outras filiais vendem mais {orders} pedidos em {seconds} s",
    step_heal="4/6 Curar: {victim} volta e recebe o que perdeu",
    step_rest="5/6 O resto do histórico: {orders} pedidos em todas as filiais",
    step_verdict="6/6 Conferência: todos os pedidos e estoques, lidos em cada nó",
    waiting="esperando os nós concordarem…",
    chart_title="Pendentes para {victim} ({fault})",
    measured="medido: {pending}",
    expected="esperado: {start}{orders} pedidos/s × {events} eventos = {rate}/s",
    unknown="desconhecido",
    state={
        "running": "no ar",
        "paused": "pausada",
        "stopped": "parada",
        "unreachable": "inalcançável",
    },
    links_title="Pendentes em cada nó (? = desconhecido)",
    others="outras",
    plain_reading="  {seconds} s: {pending} pendentes, esperado {expected}",
    plain_draining="  {seconds} s: {pending} pendentes",
    drained="  {victim} recebeu tudo {seconds} s depois de começar a voltar",
    verdict="VERDICT {result}: {acknowledged} pedidos confirmados, {lost} perdidos, {duplicated} duplicados,"
    " {oversold} unidades vendidas a mais{allowed}{others}; {converged}",
    as_allowed=" como esta política permite",
    by_others=", {orders} feitos por outra pessoa",
    converged={True: "convergiu", False: "não convergiu", None: "convergência desconhecida"},
    summary_apart="{victim} ficou isolada por {seconds} s ({fault}). Enquanto isso as outras filiais venderam"
    " {orders} pedidos, e {pending} eventos ficaram pendentes para ela; os pedidos escreveram {expected}.",
    summary_rights="Os outros {extra} são cotas de estoque que as filiais moveram entre si em segundo plano.",
    summary_healed="Ao voltar, ela recebeu tudo em {seconds} s, sem nenhum passo manual.",
    summary_orders="De {total} pedidos, {accepted} foram confirmados ({money}), {refused} recusados e"
    " {unknown} ficaram sem resposta.",
    all_well="Nenhum pedido confirmado se perdeu ou se duplicou, nada foi vendido a mais, e todos os nós"
    " mostram os mesmos pedidos e o mesmo estoque.",
    something_wrong="Algo deu errado: veja as linhas acima e o registro.",
    not_all_checked="Nem tudo pôde ser conferido: veja as linhas acima e o registro.",
    not_as_written="{node} tem {pending} pendentes a mais para {victim}, mas escreveu {written}",
    others_not_drained="as outras filiais não entregaram tudo entre si em {seconds} s",
    not_drained="{victim} não recebeu tudo em {seconds} s",
    run_log="Registro: {path}",
    stays_up="A rede continua no ar: `make watch` acompanha, `make down` encerra.",
)

ENGLISH = Words(
    language="en",
    decimal_comma=False,
    title="ACME/SA: a branch is cut off, the others sell on, nobody loses anything",
    network_in_use="Network in use: {nodes} (driver {driver}).",
    network_starting="The network is not all up: starting it with the {driver} driver…",
    network_ready="The network is up: {nodes} (driver {driver}).",
    step_catalogue="1/6 Catalogue and stock: {products} products, {customers} customers, {units} units",
    step_sales="2/6 An ordinary day: {orders} orders at all branches",
    step_apart="3/6 {victim} {fault}: the other branches sell {orders} more orders in {seconds} s",
    step_heal="4/6 Heal: {victim} comes back and gets what it missed",
    step_rest="5/6 The rest of the history: {orders} orders at all branches",
    step_verdict="6/6 The check: all orders and stock, read at every node",
    waiting="waiting until the nodes agree…",
    chart_title="Pending to {victim} ({fault})",
    measured="measured: {pending}",
    expected="expected: {start}{orders} orders/s × {events} events = {rate}/s",
    unknown="unknown",
    state={
        "running": "running",
        "paused": "paused",
        "stopped": "stopped",
        "unreachable": "unreachable",
    },
    links_title="Pending at each node (? = unknown)",
    others="others",
    plain_reading="  {seconds} s: {pending} pending, expected {expected}",
    plain_draining="  {seconds} s: {pending} pending",
    drained="  {victim} had everything {seconds} s after it began to come back",
    verdict="VERDICT {result}: {acknowledged} orders acknowledged, {lost} lost, {duplicated} duplicated,"
    " {oversold} units oversold{allowed}{others}; {converged}",
    as_allowed=" as this policy allows",
    by_others=", {orders} by somebody else",
    converged={True: "converged", False: "not converged", None: "convergence unknown"},
    summary_apart="{victim} was cut off for {seconds} s ({fault}). Meanwhile the other branches sold {orders}"
    " orders, and {pending} events were pending to it; the orders wrote {expected}.",
    summary_rights="The other {extra} are stock rights that the branches moved among themselves meanwhile.",
    summary_healed="Once back it got all of them in {seconds} s, without any manual step.",
    summary_orders="Of {total} orders {accepted} were acknowledged ({money}), {refused} refused and"
    " {unknown} left without an answer.",
    all_well="No acknowledged order was lost or doubled, nothing was oversold, and all nodes show the same"
    " orders and the same stock.",
    something_wrong="Something went wrong: see the lines above and the run log.",
    not_all_checked="Not everything could be checked: see the lines above and the run log.",
    not_as_written="{node} has {pending} more pending for {victim}, but wrote {written}",
    others_not_drained="the other branches did not deliver everything among themselves within {seconds} s",
    not_drained="{victim} did not get everything within {seconds} s",
    run_log="Run log: {path}",
    stays_up="The network stays up: `make watch` follows it, `make down` ends it.",
)

BY_LANGUAGE: Mapping[Language, Words] = {words.language: words for words in (PORTUGUESE, ENGLISH)}
