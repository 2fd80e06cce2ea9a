"""Which faults a suite notices: ``matrix.py`` says who noticed what and what is lacking, ``page.py`` draws it."""
