"""A small history as files, and the same in other words, for the tests of `./lab replay`."""

from pathlib import Path

PRODUCTS = "sku,name,price\nCAFE,Café,18.00\nCHA,Chá,9.5\n"
CUSTOMERS = "code,name,contact,city\nANA,Ana Lima,,Recife\nBIA,Bia Reis,Bia,\n"
ORDERS = """order,date,branch,customer,sku,quantity,unit_price
1,2026-01-02,Norte,ANA,CAFE,12,18.00
1,2026-01-02,Norte,ANA,CHA,1,9.00
2,2026-01-03,Sul,BIA,CAFE,5,18.00
3,2026-01-04,Norte,BIA,CAFE,1,18.00
"""
PORTUGUESE_ORDERS = """Pedido;Data;Filial;Cliente;SKU;Quantidade;Preço unitário
1;02/01/2026;Norte;ANA;CAFE;12;18,00
1;02/01/2026;Norte;ANA;CHA;1;9,00
2;03/01/2026;Sul;BIA;CAFE;5;18,00
3;14/01/2026;Norte;BIA;CAFE;1;18,00
"""


def write(directory: Path, **changed: str | bytes) -> Path:
    """The small history in `directory`, with the content of some of its files changed; text as UTF-8."""
    files: dict[str, str | bytes] = {
        "products": PRODUCTS,
        "customers": CUSTOMERS,
        "orders": ORDERS,
        **changed,
    }
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (directory / f"{name}.csv").write_bytes(data)
    return directory
