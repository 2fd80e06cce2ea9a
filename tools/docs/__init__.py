"""The generated part of the documentation's site, which ``make docs`` builds from ``mkdocs.yml``."""
