"""What ACME/SA sells, to whom and where: the words that the demonstration's history is made of."""

from collections.abc import Mapping
from dataclasses import dataclass

BRANCHES: Mapping[str, int] = {"matriz": 5, "filial-norte": 3, "filial-sul": 2}
"""Branch → its share of the orders."""


@dataclass(frozen=True)
class Article:
    """A product and who wants it: `demand` is its weight among all, `favourite_of` a branch where it sells
    four times as well."""

    sku: str
    name: str
    price_cents: int
    demand: int
    favourite_of: str | None = None


ARTICLES = (
    Article("CAFE-500", "Café torrado e moído 500 g", 1890, 100),
    Article("ACUCAR-1", "Açúcar cristal 1 kg", 479, 80),
    Article("ARROZ-5", "Arroz agulhinha tipo 1 5 kg", 2790, 90),
    Article("FEIJAO-1", "Feijão carioca 1 kg", 799, 85),
    Article("OLEO-900", "Óleo de soja 900 ml", 729, 70),
    Article("LEITE-1", "Leite integral 1 l", 549, 75),
    Article("FARINHA-1", "Farinha de trigo 1 kg", 519, 45),
    Article("MANDIOCA-1", "Farinha de mandioca 1 kg", 899, 20, "filial-norte"),
    Article("TAPIOCA-500", "Goma de tapioca 500 g", 650, 18, "filial-norte"),
    Article("ACAI-1", "Polpa de açaí 1 kg", 2490, 22, "filial-norte"),
    Article("CUPUACU-1", "Polpa de cupuaçu 1 kg", 2650, 9, "filial-norte"),
    Article("CASTANHA-250", "Castanha-do-pará 250 g", 3290, 10, "filial-norte"),
    Article("DENDE-500", "Azeite de dendê 500 ml", 1590, 8, "filial-norte"),
    Article("MATE-1", "Erva-mate para chimarrão 1 kg", 1750, 25, "filial-sul"),
    Article("CUCA-400", "Cuca de banana 400 g", 1290, 9, "filial-sul"),
    Article("SALAME-300", "Salame colonial 300 g", 2190, 12, "filial-sul"),
    Article("UVA-1", "Suco de uva integral 1 l", 1690, 16, "filial-sul"),
    Article("PINHAO-500", "Pinhão cozido 500 g", 1450, 7, "filial-sul"),
    Article("CHIMIA-400", "Chimia de morango 400 g", 1190, 8, "filial-sul"),
    Article("QUEIJO-500", "Queijo minas padrão 500 g", 2890, 30, "matriz"),
    Article("POLVILHO-500", "Polvilho azedo 500 g", 690, 14, "matriz"),
    Article("GOIABADA-600", "Goiabada cascão 600 g", 1390, 12, "matriz"),
    Article("DOCE-LEITE-400", "Doce de leite 400 g", 1490, 18, "matriz"),
    Article("PAO-QUEIJO-1", "Pão de queijo congelado 1 kg", 2290, 26, "matriz"),
    Article("MACARRAO-500", "Macarrão espaguete 500 g", 459, 55),
    Article("MOLHO-300", "Molho de tomate 300 g", 289, 48),
    Article("SAL-1", "Sal refinado 1 kg", 269, 30),
    Article("VINAGRE-750", "Vinagre de álcool 750 ml", 329, 15),
    Article("MANTEIGA-200", "Manteiga com sal 200 g", 1149, 28),
    Article("FUBA-500", "Fubá mimoso 500 g", 349, 16),
    Article("AVEIA-250", "Aveia em flocos 250 g", 489, 14),
    Article("BISCOITO-200", "Biscoito de polvilho 200 g", 599, 24),
    Article("GUARANA-2", "Refrigerante de guaraná 2 l", 849, 50),
    Article("AGUA-1500", "Água mineral 1,5 l", 319, 40),
    Article("PACOCA-500", "Paçoca 500 g", 1290, 11),
    Article("RAPADURA-400", "Rapadura 400 g", 790, 5),
    Article("SABAO-1", "Sabão em pó 1 kg", 1390, 32),
    Article("DETERGENTE-500", "Detergente neutro 500 ml", 249, 36),
    Article("PAPEL-12", "Papel higiênico 12 rolos", 1990, 42),
    Article("VELA-8", "Velas brancas 8 un.", 790, 3),
)

SHOPS = (
    "Padaria",
    "Mercearia",
    "Restaurante",
    "Lanchonete",
    "Empório",
    "Quitanda",
    "Cantina",
    "Armazém",
    "Pousada",
    "Cafeteria",
)
SHOP_NAMES = (
    "Bom Jesus",
    "São João",
    "Santa Rita",
    "Boa Vista",
    "Primavera",
    "Estrela Dalva",
    "Três Irmãos",
    "Flor do Campo",
    "Recanto Feliz",
    "Ponto Certo",
    "Sabor da Terra",
    "Nova Esperança",
    "Beira-Rio",
    "Ipê Amarelo",
    "Dona Benta",
)
FIRST_NAMES = (
    "Ana",
    "João",
    "Maria",
    "José",
    "Antônia",
    "Luís",
    "Cecília",
    "Paulo",
    "Francisca",
    "Márcio",
    "Conceição",
    "Thiago",
    "Júlia",
    "Raimundo",
    "Letícia",
    "Sebastião",
)
SURNAMES = (
    "da Silva",
    "Souza",
    "Oliveira",
    "Gonçalves",
    "dos Santos",
    "Araújo",
    "Pereira",
    "Magalhães",
    "Ferreira",
    "Nunes",
    "Assunção",
    "Schneider",
    "Brandão",
    "Ribeiro",
    "Tavares",
)
CITIES: Mapping[str, tuple[str, ...]] = {
    "matriz": ("Belo Horizonte", "São Paulo", "Contagem", "Uberlândia", "Campinas", "Ouro Preto"),
    "filial-norte": ("Belém", "Manaus", "Santarém", "Macapá", "São Luís"),
    "filial-sul": ("Porto Alegre", "Curitiba", "Florianópolis", "Caxias do Sul", "Pelotas"),
}
