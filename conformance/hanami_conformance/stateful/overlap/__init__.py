"""Operations that overlap in time: their history, the models that explain it, and the check that some order does."""
