"""Refusals as RFC 9457 problems, in English and pt-BR."""
